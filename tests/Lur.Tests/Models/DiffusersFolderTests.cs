using Lur.Checkpoints;
using Lur.Device;
using Lur.Models;
using Lur.Runs;
using Lur.Tasks.Diffusion;
using Lur.Tests.Data;
using Lur.Tests.Device;
using Lur.Tests.Diffusion;
using Shape = Lur.Programs.Shape;

namespace Lur.Tests.Models;

/// <summary>Folders of diffusers: read strictly, written again to the byte, and what their models draw.</summary>
public class DiffusersFolderTests
{
    private const string Weights = "diffusion_pytorch_model.safetensors";

    // google/ddpm-cifar10-32, the network of Ho et al. 2020.
    private const string Cifar = """
        {
          "_class_name": "UNet2DModel", "_diffusers_version": "0.0.4", "act_fn": "silu", "attention_head_dim": null,
          "block_out_channels": [128, 256, 256, 256], "center_input_sample": false,
          "down_block_types": ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"], "downsample_padding": 0,
          "flip_sin_to_cos": false, "freq_shift": 1, "in_channels": 3, "layers_per_block": 2, "mid_block_scale_factor": 1,
          "norm_eps": 1e-06, "norm_num_groups": 32, "out_channels": 3, "sample_size": 32, "time_embedding_type": "positional",
          "up_block_types": ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"]
        }
        """;

    internal static string Golden(params string[] parts) =>
        Path.Combine([TestContext.CurrentContext.TestDirectory, "Golden", "diffusion", .. parts]);

    [Test]
    public void TheCifarNetworkHasThePublishedNamesAndShapes()
    {
        var spec = UNetConfig.Read("config.json", System.Text.Encoding.UTF8.GetBytes(Cifar));
        var network = spec.Build();
        var lines = File.ReadAllLines(Golden("ddpm-cifar10-32.txt"));
        Assert.That(lines[0], Is.EqualTo("# 35746307 parameters in 328 tensors"));
        Assert.That(network.Parameters.Count, Is.EqualTo(35_746_307));
        Assert.That(
            network.StateOrder.Select(s => $"{spec.FileNames(s)[0]} {string.Join('x', spec.FileShapes(s)[0])}").Order(),
            Is.EqualTo(lines[1..].Order())
        );
    }

    [Test]
    public void TheImportedModelDrawsWhatDiffusersDraws()
    {
        using var model = ModelExchange.Import(Golden("tiny-ddpm"), TestDevices.Default, precision: Precision.Float64);
        using var fixture = SafeTensorsFile.Open(Golden("ddpm_sampling.safetensors"));
        double[] Images(string name)
        {
            var (nchw, nhwc) = (new double[2 * 3 * 64], new double[2 * 3 * 64]);
            fixture.Read(name, nchw);
            MemoryLayout.NchwToNhwc<double>(nchw, nhwc, 2, 3, 8, 8);
            return nhwc;
        }

        var schedule = SamplerSchedule.Of(SamplerKind.Ddpm, DiffusionNoise.Of(model).Config, 20);
        Assert.That(schedule.Rows.ToArray().Select(r => (long)r.Timestep), Is.EqualTo(fixture.ReadArray<long>("timesteps")));
        using var p = new Program(model.Device, Precision.Float64) { Captured = true };
        var step = new SamplerStep(p, "s", schedule, new Shape(2, 8, 8, 3), 0);
        var pass = new Lur.Layers.NetworkPass(p, "n", 2, model.Parameters, model.Buffers, Lur.Layers.NormalizationMode.Frozen)
        {
            Inference = true,
        };
        var output = model.Network.Forward(pass, [(Lur.Layers.NetworkInput.Images, step.Input), (UNetInputs.Time, step.Timesteps)]);
        var noise = Program.Keep(p.Real("noise", ValueRole.Input, new Shape(2, 8, 8, 3)));
        step.Emit(output, noise);
        step.Start(Images("x.0"));
        for (var k = 0; k < schedule.Count; k++)
        {
            step.Row = k;
            // The last step takes none.
            model.Device.Upload(noise.Pointer, fixture.Contains($"noise.{k}") ? Images($"noise.{k}") : new double[2 * 3 * 64]);
            p.Run();
            if (fixture.Contains($"x.{k + 1}"))
                Errors.AssertClose(step.Images(), Images($"x.{k + 1}"), 1e-9, $"x.{k + 1}");
        }

        var image = Array.ConvertAll(step.Images(), v => Math.Clamp((v + 1) / 2, 0, 1));
        Errors.AssertClose(image, Images("image"), 1e-9, "image");
    }

    [TestCase("tiny-ddpm")]
    [TestCase("tiny-ddpm-sharded")]
    public void ImportAndExportKeepEveryByte(string name)
    {
        using var temp = new TempFolder();
        CopyAll(Golden(name), temp["in"]);
        // Weights of another name are nobody's.
        if (Directory.Exists(temp["in/unet"]))
            File.Delete(temp["in/unet/bf16-only.safetensors"]);
        RoundTrip(temp);
    }

    [TestCase(TensorType.F16, ".fp16", false)]
    [TestCase(TensorType.BF16, ".bf16", false)]
    [TestCase(TensorType.F16, ".fp16", true)]
    public void HalfPrecisionAndProjectionsAsConvolutionsKeepEveryByteToo(TensorType type, string variant, bool convolutions)
    {
        using var temp = new TempFolder();
        CopyAll(Golden("tiny-ddpm"), temp["in"]);
        var writer = new SafeTensorsWriter();
        using (var file = SafeTensorsFile.Open(Golden("tiny-ddpm", Weights)))
        {
            foreach (var tensor in file.Tensors)
            {
                var values = new float[tensor.Count];
                file.Read(tensor.Name, values);
                long[] shape = [.. tensor.Shape];
                if (convolutions && shape.Length == 2 && tensor.Name.Contains(".attentions.", StringComparison.Ordinal))
                    shape = [.. shape, 1, 1];
                writer.Add(tensor.Name, type, shape, FloatCodec.Encode<float>(type, values));
            }
        }

        File.Delete(temp[$"in/{Weights}"]);
        writer.Save(temp[$"in/diffusion_pytorch_model{variant}.safetensors"]);
        RoundTrip(temp);
    }

    [Test]
    public void TheShardsHoldTheSameModelAndFullPrecisionComesFirst()
    {
        using var temp = new TempFolder();
        CopyAll(Golden("tiny-ddpm"), temp["in"]);
        temp.Write("in/diffusion_pytorch_model.fp16.safetensors", "not looked at");
        using var one = DiffusersFolder.Load(temp["in"], TestDevices.Default, Precision.Float32);
        using var sharded = DiffusersFolder.Load(Golden("tiny-ddpm-sharded"), TestDevices.Default, Precision.Float32);
        Assert.That(sharded.Parameters.ToArray(), Is.EqualTo(one.Parameters.ToArray()));
    }

    [Test]
    public void WeightsBesideTheirConfigurationAreAModel()
    {
        using var loaded = ModelFile.Load(Golden("tiny-ddpm", Weights), TestDevices.Default, Precision.Float32);
        using var imported = ModelExchange.Import(Golden("tiny-ddpm", Weights), TestDevices.Default);
        Assert.That(imported.Parameters.ToArray(), Is.EqualTo(loaded.Parameters.ToArray()));
        Assert.That(imported.TaskSettings, Does.ContainKey(DiffusionNoise.SchedulerKey));
        Assert.That(DiffusionNoise.Of(imported).Config.Variance, Is.EqualTo(VarianceType.FixedLarge));
        using var temp = new TempFolder();
        ModelExchange.Export(imported, temp["w.safetensors"]);
        Assert.That(File.ReadAllBytes(temp["w.safetensors"]), Is.EqualTo(File.ReadAllBytes(Golden("tiny-ddpm", Weights))));
    }

    [TestCase("")]
    [TestCase(":k0")]
    [TestCase(":nonull")]
    [TestCase(":film:midg2:drop0.1:endpad:sinfirst:fshift1:h4:midscale2:e1E-06")]
    [TestCase(":midplain:ktime3:center")]
    public void ATrainedModelIsExportedAsDiffusersWouldWriteIt(string options)
    {
        using var temp = new TempFolder();
        using var model = TinyUNet.Create(TestDevices.Default, Precision.Float32, options);
        ModelExchange.Export(model, temp["out"]);
        Assert.That(
            Files(temp["out"]).Keys.Order(StringComparer.Ordinal),
            Is.EqualTo(new[] { "model_index.json", "scheduler/scheduler_config.json", "unet/config.json", $"unet/{Weights}" })
        );
        using var again = ModelExchange.Import(temp["out"], TestDevices.Default);
        Assert.That((again.Architecture, again.ClassNames), Is.EqualTo((model.Architecture, model.ClassNames)));
        Assert.That(again.Parameters.ToArray(), Is.EqualTo(model.Parameters.ToArray()));
        Assert.That(
            Assert.Throws<UserErrorException>(() => ModelExchange.Export(model, temp["out"]))!.Message,
            Does.Contain("is there already")
        );
    }

    [Test]
    public void OneClassLessThanTheTableHasRowsMeansARowForNone()
    {
        using var temp = new TempFolder();
        using var model = TinyUNet.Create(TestDevices.Default, Precision.Float32, ":k4:nonull");
        DiffusersFolder.Save(model, temp["out"]);
        using var named = DiffusersFolder.Load(temp["out"], TestDevices.Default, Precision.Float32, ["a", "b", "c"]);
        Assert.That((((UNetSpec)named.Spec).NullRow, named.ClassNames.Count), Is.EqualTo((true, 3)));
        var error = Assert.Throws<UserErrorException>(() =>
            DiffusersFolder.Load(temp["out"], TestDevices.Default, Precision.Float32, ["a"])
        );
        Assert.That(error!.Message, Does.Contain("4 classes").And.Contain("has 1"));
    }

    private static void RoundTrip(TempFolder temp)
    {
        using (var imported = ModelExchange.Import(temp["in"], TestDevices.Default))
            ModelFile.Save(imported, temp["model.safetensors"]);
        using (var model = ModelFile.Load(temp["model.safetensors"], TestDevices.Default, Precision.Float32))
            ModelExchange.Export(model, temp["out"]);
        Assert.That(Files(temp["out"]), Is.EqualTo(Files(temp["in"])));
    }

    private static SortedDictionary<string, string> Files(string folder) =>
        new(
            Directory
                .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .ToDictionary(f => Path.GetRelativePath(folder, f), f => Convert.ToHexString(File.ReadAllBytes(f))),
            StringComparer.Ordinal
        );

    internal static void CopyAll(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var path = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.Copy(file, path);
        }
    }
}
