using System.Text.Json;
using Lur.Checkpoints;
using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Runs;
using Lur.Tests.Cli;
using Lur.Tests.Data;
using Lur.Tests.Device;
using Lur.Unlearning;
using Lur.Verification;

namespace Lur.Tests.Runs;

/// <summary>Products in TF32 and bf16: what they do to derivatives, where they are on record, and that a run does not change to another
/// precision half-way.</summary>
public class PrecisionTests
{
    private const string Images = "synthetic:train=64,test=20,seed=5";

    [TestCase("resnet18:w8")]
    [TestCase("unet:c8:m1,2:r1:attn16:g4")]
    public void GradientsKeepTheirDirection(string architecture)
    {
        using var temp = new TempFolder();
        const string images = "synthetic:train=256,test=20,seed=5";
        var diffusion = UNetFamily.Instance.Claims(architecture);
        // A few steps in: at random weights the ReLUs of a ResNet-18 of this width turn the gradient by far more in any rounding (cosine
        // 0.95 in bf16, 0.99 in TF32).
        var trained = new TrainRun(
            new TrainSettings
            {
                Data = images,
                Model = architecture,
                Output = temp["run"],
                Training = new() { Epochs = 3, BatchSize = 32 },
                Diffusion = diffusion ? new() { Epochs = 1, BatchSize = 32 } : null,
            }
        ).Run();
        using var source = DataSource.Open(images, new DataOptions());
        using var model = DataAndModel.Load(trained.ModelPath, TestDevices.Default, source);
        var all = Enumerable.Range(0, source.Train.Count).ToArray();
        double[] Errors(ProductPrecision products)
        {
            var lines = PrecisionCheck.Run(model, source.Train, all, 32, products, 1);
            TestContext.Out.WriteLine(string.Join('\n', lines));
            Assert.That(lines.Where(l => !l.Passed), Is.Empty);
            return [.. lines.Select(l => l.Error)];
        }

        var (tf32, bf16) = (Errors(ProductPrecision.Tf32), Errors(ProductPrecision.Bf16));
        // A cosine above 0.999; and something was rounded, more of it with fewer bits.
        Assert.That((tf32[0], bf16[0]), Is.LessThan((1e-3, 1e-3)));
        Assert.That(tf32[1], Is.GreaterThan(Math.Pow(2, -13)));
        Assert.That(bf16[1], Is.GreaterThan(1.5 * tf32[1]));
        Assert.That(Errors(ProductPrecision.Float32), Is.All.LessThan(1e-12), "nothing is rounded");
    }

    [Test]
    public void ANetworkOnTensorCoresHasTheGradientOfTheCpusAlgorithms()
    {
        // Strides, filters of 1 x 1, a head: derivatives in bf16 on every device against float32 on the same, which differ by the same
        // rounding; the devices' own rounded gradients then differ by that of float sums and by ReLUs at their kinks.
        using var source = DataSource.Open("synthetic:train=20,test=10,seed=5", new DataOptions { ImageSize = 8 });
        foreach (var test in TestDevices.All)
        {
            using var model = DataAndModel.Create("resnet[1,1]:w4", test.Device, source, 1);
            var lines = PrecisionCheck.Run(model, source.Train, [0, 1, 2, 3], 2, ProductPrecision.Bf16, 1);
            TestContext.Out.WriteLine($"{test}: {string.Join(", ", lines.Select(l => l.Error))}");
            Assert.That(lines.Where(l => !l.Passed), Is.Empty, $"{test}");
        }
    }

    [Test]
    public void EveryFileOfARunSaysIt()
    {
        using var temp = new TempFolder();
        string[] train = ["train", "--data", Images, "--model", "resnet[1,1]:w4", "--epochs", "1", "--batch", "16"];
        Command.Done([.. train, "--precision", "bf16", "-o", temp["base"]]);
        Command.Done([.. train, "-o", temp["plain"]]);
        Command.Done(
            "forget",
            temp["base/model.safetensors"],
            "--data",
            Images,
            "--forget",
            "class:star",
            "--method",
            "ft",
            "--epochs",
            "1",
            "--precision",
            "tf32",
            "-o",
            temp["run"]
        );
        foreach (var (folder, precision) in new[] { ("base", "bf16"), ("plain", "float32"), ("run", "tf32") })
        {
            foreach (var file in new[] { "config.json", "result.json" })
            {
                using var json = JsonDocument.Parse(File.ReadAllText(temp[$"{folder}/{file}"]));
                Assert.That(json.RootElement.GetProperty("precision").GetString(), Is.EqualTo(precision), $"{folder}/{file}");
            }

            using var model = SafeTensorsFile.Open(temp[$"{folder}/model.safetensors"]);
            Assert.That(model.Metadata["lur.precision"], Is.EqualTo(precision));
        }

        var (a, b) = (File.ReadAllBytes(temp["base/model.safetensors"]), File.ReadAllBytes(temp["plain/model.safetensors"]));
        Assert.That(a.AsSpan(a.Length / 2).SequenceEqual(b.AsSpan(b.Length / 2)), Is.False, "the weights differ");
        var (code, _, error) = Command.Run([.. train, "--precision", "fp8", "-o", temp["none"]]);
        Assert.That(code, Is.Not.Zero);
        Assert.That(error, Does.Contain("--precision is 'fp8'; it takes one of float32, tf32, bf16."));
        Assert.That(Directory.Exists(temp["none"]), Is.False);
    }

    [Test]
    public void ARunGoesOnInItsOwnPrecisionAlone()
    {
        using var temp = new TempFolder();
        TrainSettings Train(ProductPrecision precision, bool resume) =>
            new()
            {
                Data = Images,
                Model = "resnet[1,1]:w4",
                Output = temp["run"],
                Precision = precision,
                Resume = resume,
                Training = new() { Epochs = 2, BatchSize = 16 },
            };
        Interrupt(host => (cancel) => new TrainRun(Train(ProductPrecision.Bf16, false), host).Run(cancel), "train epoch 2/2");
        var other = Assert.Throws<UserErrorException>(() => new TrainRun(Train(ProductPrecision.Float32, true)).Run())!;
        Assert.That(other.Message, Does.Contain("'precision' is 'bf16', but this run has 'float32'; resume with the options"));
        new TrainRun(Train(ProductPrecision.Bf16, true)).Run();

        ForgetSettings Forget(ProductPrecision precision, bool resume) =>
            new()
            {
                Model = temp["run/model.safetensors"],
                Data = Images,
                Output = temp["forgotten"],
                Forget = ["class:3"],
                Precision = precision,
                Resume = resume,
                Method = BoundMethod.Read(FineTune.Definition, new Dictionary<string, string> { ["epochs"] = "2", ["batch"] = "16" }),
            };
        Interrupt(host => (cancel) => new ForgetRun(Forget(ProductPrecision.Float32, false), host).Run(cancel), "repair");
        other = Assert.Throws<UserErrorException>(() => new ForgetRun(Forget(ProductPrecision.Tf32, true)).Run())!;
        Assert.That(other.Message, Does.Contain("'precision' is 'float32', but this run has 'tf32'; resume with the command"));
        new ForgetRun(Forget(ProductPrecision.Float32, true)).Run();
    }

    [Test]
    public void AnOlderStateIsOfFloat32()
    {
        var state = new TrainingState();
        state.Require("precision", "float32", "float32", "resume so");
        var older = new TrainingState();
        Assert.That(
            () => older.Require("precision", "bf16", "float32", "resume so"),
            Throws.TypeOf<UserErrorException>().With.Message.Contains("'precision' is 'float32', but this run has 'bf16'; resume so.")
        );
    }

    private static void Interrupt(Func<RunHost, Action<CancellationToken>> run, string stage)
    {
        using var cancel = new CancellationTokenSource();
        var host = new RunHost { Progress = new Canceller(stage, cancel) };
        Assert.Throws<OperationCanceledException>(() => run(host)(cancel.Token));
    }

    private sealed class Canceller(string stage, CancellationTokenSource cancel) : IProgress<RunEvent>
    {
        public void Report(RunEvent value)
        {
            if (value is StageStarted s && s.Stage == stage)
                cancel.Cancel();
        }
    }
}
