using System.Text;
using Lur.Checkpoints;
using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Tasks.Diffusion;
using Lur.Tests.Data;
using Lur.Tests.Device;
using Lur.Tests.Golden;
using Shape = Lur.Programs.Shape;

namespace Lur.Tests.Models;

/// <summary>The autoencoder of latent diffusion against diffusers', number by number, and its files.</summary>
public class AutoencoderTests
{
    // Some thirty layers of sums of a few hundred terms, in float64: some thousand u. Activations of the fixture are float32.
    private const double Tolerance = 1e-10,
        ActivationTolerance = 1e-6;

    private const int Side = 16,
        Latent = Side / 2;

    private static Fixture Golden => Fixture.Open("diffusion/autoencoder_kl");

    [Test]
    public void ImagesToMomentsLatentsAndBack()
    {
        var golden = Golden;
        using var temp = new TempFolder();
        using var vae = Autoencoder.Open(WriteFolder(temp, "vae"), TestDevices.Default, Precision.Float64);
        var x = Nhwc(golden, "x");
        var (means, logVariances) = vae.Moments(x, Side, Side);
        Errors.AssertClose(means, Nhwc(golden, "mean"), Tolerance, "mean");
        Errors.AssertClose(logVariances, Nhwc(golden, "logvar"), Tolerance, "logvar");
        Errors.AssertClose(Array.ConvertAll(logVariances, v => Math.Exp(v / 2)), Nhwc(golden, "std"), Tolerance, "std");
        var scaled = vae.Encode(x, Side, Side, Nhwc(golden, "noise"));
        Errors.AssertClose(scaled, Nhwc(golden, "z_scaled"), Tolerance, "z_scaled");
        Errors.AssertClose(Array.ConvertAll(scaled, v => v / 0.18215), Nhwc(golden, "z"), Tolerance, "z");
        Errors.AssertClose(vae.Encode(x, Side, Side), Array.ConvertAll(means, m => m * 0.18215), 1e-15, "without noise");
        Errors.AssertClose(vae.Decode(Nhwc(golden, "z_scaled"), Side, Side), Nhwc(golden, "y"), Tolerance, "y");
    }

    [TestCase("encoder", "x", "quant_conv", "moments")]
    [TestCase("decoder", "z", "conv_out", "y")]
    public void EveryModuleGivesWhatDiffusersGives(string half, string input, string last, string result)
    {
        var golden = Golden;
        using var temp = new TempFolder();
        var folder = WriteFolder(temp, "vae");
        var spec = Spec(folder);
        var network = half == "encoder" ? spec.Encoder(Side, Side) : spec.Decoder(Side, Side);
        using var weights = new Lur.Tensors.FlatVector(TestDevices.Default, Precision.Float64, network.Parameters, "w");
        PartTensors.Read(DiffusersPlaces.Part(folder, ""), weights);
        using var buffers = new Lur.Tensors.FlatVector(TestDevices.Default, Precision.Float64, network.Buffers, "b");
        using var program = new Program(TestDevices.Default, Precision.Float64);
        var x = Program.Keep(program.Real("x", ValueRole.Input, new Shape(2, network.Height, network.Width, network.Channels)));
        var pass = new NetworkPass(program, "n", 2, weights, buffers, NormalizationMode.Frozen) { Inference = true };
        _ = network.Forward(pass, x);
        foreach (var output in pass.Outputs)
            Program.Keep(output);
        program.Commit();
        TestDevices.Default.Upload(x.Pointer, Nhwc(golden, input));
        program.Run();
        double[] Of(Node node)
        {
            var values = new double[pass.Outputs[node.Index].Shape.Count];
            TestDevices.Default.Download(values.AsSpan(), pass.Outputs[node.Index].Pointer);
            return values;
        }

        // The module with the sampling's convolution is called after its parent.
        var modules = golden.Names.Where(n => n.StartsWith("act.", StringComparison.Ordinal) && n.Contains(half, StringComparison.Ordinal));
        foreach (var name in modules)
        {
            var node = network.Nodes.Last(n => n.Layer.Name == name[4..] || n.Layer.Name == name[4..] + ".conv");
            var expected = Nhwc(golden, name);
            Errors.AssertClose(Of(node)[..expected.Length], expected, ActivationTolerance, name);
        }

        Assert.That(modules.Count(), Is.GreaterThan(6));
        var end = network.Nodes[^1];
        Assert.That(end.Layer.Name, Does.EndWith(last));
        Errors.AssertClose(Of(end), Nhwc(golden, result), Tolerance, result);
    }

    [Test]
    public void ManyImagesAndOtherSizesGiveWhatEachGivesAlone()
    {
        var golden = Golden;
        using var temp = new TempFolder();
        using var vae = Autoencoder.Open(WriteFolder(temp, "vae"), TestDevices.Default, Precision.Float64);
        var two = Nhwc(golden, "x");
        var alone = vae.Encode(two.AsSpan(0, two.Length / 2), Side, Side);
        // 37 images are three passes, of which the last is not full.
        double[] many = [.. Enumerable.Range(0, 37).SelectMany(i => i % 2 == 0 ? two[..(two.Length / 2)] : two[(two.Length / 2)..])];
        var all = vae.Encode(many, Side, Side);
        Errors.AssertClose(all[..alone.Length], alone, 1e-13, "first");
        Errors.AssertClose(all[^alone.Length..], alone, 1e-13, "last");
        // The upper half of the pixels, as an image of 8 x 16.
        var half = vae.Encode(two.AsSpan(0, two.Length / 4), Side / 2, Side);
        Assert.That(half, Has.Length.EqualTo(alone.Length / 2).And.Not.EqualTo(alone[..(alone.Length / 2)]));
        Assert.That(vae.Decode(half, Side / 2, Side), Has.Length.EqualTo(two.Length / 4));
        var error = Assert.Throws<UserErrorException>(() => vae.Encode(two, Side, Side - 1));
        Assert.That(error!.Message, Does.Contain("15 x 16 pixels are not a multiple of 2"));
    }

    [Test]
    public void OldNamesFiltersOfOnePixelAndHalfPrecisionAreRead()
    {
        var golden = Golden;
        using var temp = new TempFolder();
        using var now = Autoencoder.Open(WriteFolder(temp, "now"), TestDevices.Default, Precision.Float64);
        using var old = Autoencoder.Open(WriteFolder(temp, "old", old: true), TestDevices.Default, Precision.Float64);
        var x = Nhwc(golden, "x");
        Assert.That(old.Encode(x, Side, Side), Is.EqualTo(now.Encode(x, Side, Side)));
        using var half = Autoencoder.Open(WriteFolder(temp, "half", TensorType.F16), TestDevices.Default, Precision.Float64);
        // Weights of 11 bits: some of the steps of 2^-11 add up.
        var (exact, rounded) = (now.Encode(x, Side, Side), half.Encode(x, Side, Side));
        Errors.AssertClose(rounded, exact, 0.02, "half precision");
        Assert.That(rounded, Is.Not.EqualTo(exact));
    }

    [Test]
    public void TheNetworkOfStableDiffusionHasItsNamesAndShapes()
    {
        const string json = """
            {
              "_class_name": "AutoencoderKL", "act_fn": "silu", "block_out_channels": [128, 256, 512, 512],
              "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
              "in_channels": 3, "latent_channels": 4, "layers_per_block": 2, "norm_num_groups": 32, "out_channels": 3, "sample_size": 512,
              "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]
            }
            """;
        var spec = AutoencoderSpec.Read("config.json", Encoding.UTF8.GetBytes(json));
        Assert.That((spec.ScalingFactor, spec.Downscale), Is.EqualTo((0.18215, 8)));
        ParameterNames.AssertEqual([spec.Encoder(64, 64), spec.Decoder(64, 64)], "sd-1-vae.txt", 83_653_863, 248);
    }

    [TestCase("\"act_fn\": \"gelu\"", "act_fn")]
    [TestCase("\"use_quant_conv\": false", "use_quant_conv")]
    [TestCase("\"shift_factor\": 0.1159", "shift_factor")]
    [TestCase("\"mid_block_add_attention\": false", "mid_block_add_attention")]
    [TestCase("\"down_block_types\": [\"AttnDownEncoderBlock2D\"]", "AttnDownEncoderBlock2D")]
    [TestCase("\"_class_name\": \"VQModel\"", "_class_name")]
    [TestCase("\"scaling_factor\": 0", "scaling_factor")]
    [TestCase("\"norm_num_groups\": 7", "norm_num_groups")]
    public void AKeyThatChangesTheNetworkIsRefusedByName(string entry, string said)
    {
        var error = Assert.Throws<UserErrorException>(() => AutoencoderSpec.Read("c.json", Encoding.UTF8.GetBytes($"{{{entry}}}")));
        Assert.That(error!.Message, Does.Contain(said).And.Contains("c.json"));
    }

    [Test]
    public void AFileOfOtherTensorsIsRefused()
    {
        using var temp = new TempFolder();
        var folder = WriteFolder(temp, "vae");
        var config = File.ReadAllText(temp["vae/config.json"]);
        File.WriteAllText(
            temp["vae/config.json"],
            config.Replace("\"layers_per_block\": 1", "\"layers_per_block\": 2", StringComparison.Ordinal)
        );
        var error = Assert.Throws<UserErrorException>(() => Autoencoder.Open(folder, TestDevices.Default).Dispose());
        Assert.That(error!.Message, Does.Contain("does not fit").And.Contains("missing"));
    }

    private static AutoencoderSpec Spec(string folder)
    {
        var config = Path.Combine(folder, "config.json");
        return AutoencoderSpec.Read(config, File.ReadAllBytes(config));
    }

    private static double[] Nhwc(Fixture fixture, string name)
    {
        var (s, nchw) = (fixture.Shape(name), fixture.Numbers(name));
        var nhwc = new double[nchw.Length];
        MemoryLayout.NchwToNhwc<double>(nchw, nhwc, s[0], s[1], s[2], s[3]);
        return nhwc;
    }

    private static string WriteFolder(TempFolder temp, string name, TensorType type = TensorType.F32, bool old = false)
    {
        var golden = Golden;
        temp.Write($"{name}/config.json", File.ReadAllBytes(DiffusersFolderTests.Golden("autoencoder_kl.config.json")));
        var writer = new SafeTensorsWriter();
        foreach (var tensor in golden.Names.Where(n => n.StartsWith("param.", StringComparison.Ordinal)))
        {
            long[] shape = [.. golden.Shape(tensor).Select(e => (long)e)];
            var key = tensor[6..];
            if (old && UNetNames.Of(key) is [_, var before])
                (key, shape) = (before, shape.Length == 2 ? [.. shape, 1, 1] : shape);
            writer.Add(key, type, shape, FloatCodec.Encode<double>(type, golden.Numbers(tensor)));
        }

        writer.Save(temp[$"{name}/diffusion_pytorch_model.safetensors"]);
        return temp[name];
    }
}
