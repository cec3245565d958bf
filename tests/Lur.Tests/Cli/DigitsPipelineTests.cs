using System.Text.Json;
using Lur.Checkpoints;
using Lur.Cli;
using Lur.Cli.Commands;
using Lur.Runs;
using Lur.Tests.Data;
using Lur.Tests.Device;

namespace Lur.Tests.Cli;

/// <summary>The commands end to end on a set of MNIST's form: IDX, one channel, 28 x 28, packed. Ten strokes stand for the
/// digits.</summary>
public class DigitsPipelineTests
{
    private const int Size = 28;
    private static readonly string[] s_loop = ["--batch", "16", "--epochs", "2", "--lr", "0.05"];
    private static readonly string[] s_forget = ["--forget", "class:3", "--epochs", "1", "--batch", "16", "--lr", "0.01"];
    private static readonly string[] s_train = ["--model", "resnet[1,1]:w4", .. s_loop];
    private TempFolder _temp = null!;

    private static string AugmentationIn(string folder, string field)
    {
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
        return config.RootElement.GetProperty(field).GetString()!;
    }

    /// <summary>A bar, upright or level, whose place says its class, moved by up to two pixels.</summary>
    private void WriteDigits(TestRandom random, string part, int count)
    {
        byte[] images = IdxDatasetTests.Images(count, Size, Size),
            labels = IdxDatasetTests.Labels(count);
        images.AsSpan(16).Clear();
        for (var i = 0; i < count; i++)
        {
            var (label, along, across) = (labels[8 + i], 3 + random.Below(5), 2 + (5 * (labels[8 + i] % 5)) + random.Below(3));
            for (var pixel = 0; pixel < 18 * 3; pixel++)
            {
                var (length, width) = (along + (pixel / 3), across + (pixel % 3));
                images[16 + (i * Size * Size) + (label < 5 ? (length * Size) + width : (width * Size) + length)] = (byte)(
                    200 + random.Below(56)
                );
            }
        }

        _temp.Write($"digits/{part}-images-idx3-ubyte.gz", IdxDatasetTests.Gzip(images));
        _temp.Write($"digits/{part}-labels-idx1-ubyte.gz", IdxDatasetTests.Gzip(labels));
    }

    [OneTimeSetUp]
    public void Train()
    {
        _temp = new TempFolder();
        var random = TestRandom.ForCurrentTest();
        WriteDigits(random, "train", 160);
        WriteDigits(random, "t10k", 40);
        Command.Done(["train", "--data", _temp["digits"], .. s_train, "-o", _temp["base"]]);
        string[] strong = [.. s_train[..4], "--epochs", "12", "--lr", "0.1"];
        Command.Done(["train", "--data", _temp["digits"], .. strong, "-o", _temp["strong"]]);
        Command.Done(["forget", _temp["base/model.safetensors"], "--data", _temp["digits"], .. s_forget, "-o", _temp["lur"]]);
    }

    [OneTimeTearDown]
    public void Delete() => _temp.Dispose();

    [Test]
    public void AModelForgetsIsVerifiedAndCompared()
    {
        using (var result = JsonDocument.Parse(File.ReadAllText(_temp["lur/result.json"])))
        {
            Assert.That(result.RootElement.GetProperty("forgottenClasses")[0].GetString(), Is.EqualTo("3"));
            Assert.That(result.RootElement.GetProperty("forgetImages").GetInt32(), Is.EqualTo(16));
        }

        var settings = new VerifySettings
        {
            Runs = [_temp["lur"]],
            RetrainSeeds = [1, 2],
            CacheFolder = _temp["cache"],
        };
        var (code, output, error) = Command.Run(context => VerifyCommand.Run(context, settings, CancellationToken.None));
        Assert.That(code, Is.AnyOf(ExitCode.Done, ExitCode.VerdictFailed), error);
        Assert.That(output, Does.Contain("average gap").And.Contain("+-").And.Not.Contain("Withheld").And.Not.Contain("NaN"));

        string[] options = ["--epochs", "1", "--batch", "16"];
        Command.Done([
            "forget",
            _temp["base/model.safetensors"],
            "--data",
            _temp["digits"],
            "--forget",
            "class:3",
            "--method",
            "ft",
            .. options,
            "-o",
            _temp["ft"],
        ]);
        Assert.That(
            Command.Done("compare", _temp["lur"], _temp["ft"], "--csv", _temp["c.csv"], "--html", _temp["c.html"]).Output,
            Does.Contain("UA")
        );
        Assert.That(File.ReadAllLines(_temp["c.csv"]), Has.Length.EqualTo(3));
        Assert.That(File.ReadAllText(_temp["c.html"]), Does.Contain("<svg"));
    }

    [Test]
    public void ItsReferenceIsTrainingWithoutTheClassToTheByte()
    {
        new VerifyRun(
            new VerifySettings
            {
                Runs = [_temp["lur"]],
                RetrainSeeds = [1],
                CacheFolder = _temp["one"],
            }
        ).Run();
        Command.Done(["train", "--data", _temp["digits"], .. s_train, "--forget", "class:3", "-o", _temp["retrained"]]);
        Command.Done([
            "forget",
            _temp["base/model.safetensors"],
            "--data",
            _temp["digits"],
            "--forget",
            "class:3",
            "--method",
            "retrain",
            .. s_loop,
            "-o",
            _temp["method"],
        ]);
        using var trained = SafeTensorsFile.Open(_temp["retrained/model.safetensors"]);
        using var cached = SafeTensorsFile.Open(
            Directory.GetFiles(_temp["one"], "model.safetensors", SearchOption.AllDirectories).Single()
        );
        using var method = SafeTensorsFile.Open(_temp["method/model.safetensors"]);
        foreach (var tensor in trained.Tensors)
        {
            Assert.That(cached.Bytes(tensor.Name).ToArray(), Is.EqualTo(trained.Bytes(tensor.Name).ToArray()), tensor.Name);
            Assert.That(method.Bytes(tensor.Name).ToArray(), Is.EqualTo(trained.Bytes(tensor.Name).ToArray()), tensor.Name);
        }
    }

    /// <summary>160 images are two batches of 100, the second filled up.</summary>
    [Test]
    public void ProgressCountsImagesOnce()
    {
        var run = Command.Done(
            "train",
            "--data",
            _temp["digits"],
            "--model",
            "resnet[1]:w4",
            "--epochs",
            "1",
            "--batch",
            "100",
            "-o",
            _temp["counted"]
        );
        Assert.That(run.Error, Does.Contain("160/160 images").And.Not.Contain("200 images"));
    }

    [Test]
    public void DigitsAreShiftedAndNotMirrored()
    {
        using var model = SafeTensorsFile.Open(_temp["lur/model.safetensors"]);
        Assert.That(
            (AugmentationIn(_temp["base"], "augment"), AugmentationIn(_temp["lur"], "augmentation"), model.Metadata["lur.augmentation"]),
            Is.EqualTo(("crop", "crop", "crop"))
        );
    }

    [TestCase("crop+flip", "--augment", "crop+flip")]
    [TestCase("none", "--augment", "none")]
    [TestCase("none", "--no-augment")]
    public void AnotherAugmentationReachesEveryMethod(string expected, params string[] option)
    {
        using var temp = new TempFolder();
        Command.Done(["train", "--data", _temp["digits"], .. s_train, .. option, "-o", temp["base"]]);
        Assert.That(AugmentationIn(temp["base"], "augment"), Is.EqualTo(expected));
        byte[] Forget(string folder, params string[] more)
        {
            Command.Done(["forget", temp["base/model.safetensors"], "--data", _temp["digits"], .. s_forget, "-o", temp[folder], .. more]);
            Assert.That(AugmentationIn(temp[folder], "augmentation"), Is.EqualTo(expected));
            return File.ReadAllBytes(temp[folder + "/model.safetensors"]);
        }

        // A model that was trained on images as they are is treated on images as they are.
        Assert.That(Forget("off", "--no-augment").SequenceEqual(Forget("on")), Is.EqualTo(expected == "none"));
    }

    /// <summary>A rate that wrecks the model: what to do instead is not what was done.</summary>
    [TestCase("neg-ce", true)]
    [TestCase("bounded", false)]
    public void ACollapseNamesWhatIsLeftToTry(string loss, bool bound)
    {
        using var temp = new TempFolder();
        var (code, _, error) = Command.Run(
            "forget",
            _temp["strong/model.safetensors"],
            "--data",
            _temp["digits"],
            "--forget",
            "random:10%",
            "--epochs",
            "1",
            "--batch",
            "16",
            "--lr",
            "0.5",
            "--lambda",
            "1",
            "--forget-loss",
            loss,
            "-o",
            temp["run"]
        );
        Assert.That(code, Is.Zero, error);
        Assert.That(error, Does.Contain("retain accuracy collapsed").And.Contain("--lambda"));
        Assert.That(error.Contains("--forget-loss bounded", StringComparison.Ordinal), Is.EqualTo(bound), error);
    }

    [Test]
    public void AnAugmentationTwiceIsBadUsage()
    {
        var (code, _, error) = Command.Run("train", "--data", _temp["digits"], "--augment", "crop", "--no-augment", "-o", _temp["nowhere"]);
        Assert.That(
            (code, error.Contains("--no-augment", StringComparison.Ordinal), Directory.Exists(_temp["nowhere"])),
            Is.EqualTo((ExitCode.BadUsage, true, false)),
            error
        );
    }
}
