using System.Text.Json;
using Lur.Checkpoints;
using Lur.Cli;
using Lur.Tests.Data;

namespace Lur.Tests.Cli;

/// <summary>lur forget with the methods beside LUR, end to end on small generated data; that runs repeat to the bit is
/// tested on the methods themselves.</summary>
public class MethodPipelineTests
{
    private const string Data = "synthetic:train=40,test=10,seed=5";
    private TempFolder _temp = null!;
    private string _model = null!;

    [OneTimeSetUp]
    public void Train()
    {
        _temp = new TempFolder();
        var (code, _, error) = Command.Run(
            "train",
            "--data",
            Data,
            "--model",
            "resnet[1,1]:w4:stem7",
            "--epochs",
            "1",
            "--batch",
            "16",
            "-o",
            _temp["base"]
        );
        Assert.That(code, Is.Zero, error);
        _model = _temp["base/model.safetensors"];
    }

    [OneTimeTearDown]
    public void Delete() => _temp.Dispose();

    [TestCase("neggrad")]
    [TestCase("rl", "--relabel", "concat", "--label-draw", "any")]
    [TestCase("salun-soft")]
    [TestCase("scissorhands")]
    [TestCase("scissorhands", "--memory", "2", "--compat", "--project-every", "2")]
    [TestCase("salun")]
    public void RunsAndLeavesAModel(string method, params string[] options)
    {
        var folder = _temp[$"{method}{options.Length}"];
        var (code, _, error) = Command.Run([
            "forget",
            _model,
            "--data",
            Data,
            "--forget",
            "random:20",
            "--method",
            method,
            "--epochs",
            "1",
            "--batch",
            "20",
            "-o",
            folder,
            .. options,
        ]);
        Assert.That(code, Is.Zero, error);
        Assert.That(File.ReadAllBytes(Path.Combine(folder, "model.safetensors")), Is.Not.EqualTo(File.ReadAllBytes(_model)));
        Assert.That(File.ReadAllLines(Path.Combine(folder, "log.csv")), Has.Length.GreaterThan(1), "a header and a step");
        using var result = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "result.json")));
        Assert.That(result.RootElement.GetProperty("method").GetString(), Is.EqualTo(method));
    }

    [TestCase("ssd", "--alpha", "1.2", "--fisher-batch", "16", "--fisher-augment", "--fisher-samples", "48")]
    [TestCase("fisher", "--compat")]
    [TestCase("fisher", "--form", "fisher-new", "--compat", "--fisher-samples", "40")]
    [TestCase("iu")]
    [TestCase("iu", "--iu", "woodbury", "--samples", "20", "--compat")]
    [TestCase("boundary-shrink", "--lr", "1e-3", "--epochs", "2", "--batch", "8")]
    [TestCase("boundary-expand", "--lr", "1e-3", "--epochs", "2", "--batch", "8")]
    [TestCase("scrub", "--batch", "16", "--forget-batch", "4", "--epochs", "2", "--max-epochs", "1")]
    public void ClassesAreForgottenToTheByte(string method, params string[] options)
    {
        var folders = new[] { "a", "b" }.Select(n => _temp[$"class-{method}{options.Length}{n}"]).ToArray();
        foreach (var folder in folders)
        {
            var (code, _, error) = Command.Run([
                "forget",
                _model,
                "--data",
                Data,
                "--forget",
                "class:3",
                "--method",
                method,
                "-o",
                folder,
                .. options,
            ]);
            Assert.That(code, Is.Zero, error);
        }

        var model = File.ReadAllBytes(Path.Combine(folders[0], "model.safetensors"));
        Assert.That(File.ReadAllBytes(Path.Combine(folders[1], "model.safetensors")), Is.EqualTo(model), "same seed, same bytes");
        using var before = SafeTensorsFile.Open(_model);
        using var after = SafeTensorsFile.Open(Path.Combine(folders[0], "model.safetensors"));
        string[] Shapes(SafeTensorsFile file) => [.. file.Tensors.Select(t => $"{t.Name} {string.Join(',', t.Shape)}")];
        Assert.That(Shapes(after), Is.EqualTo(Shapes(before)), "the architecture is kept");
        Assert.That(before.Tensors.Any(t => !before.Bytes(t.Name).SequenceEqual(after.Bytes(t.Name))), "something changed");
    }

    [TestCase("ssd", "importance for all data  40/40 images (100 %)", "importance for the forget set  4/4 images (100 %)")]
    [TestCase("fisher", "Fisher diagonal  36/36 images (100 %)")]
    [TestCase(
        "iu",
        "retain gradient  36/36 images (100 %)",
        "forget gradient  4/4 images (100 %)",
        "inverse curvature  36/36 images (100 %)"
    )]
    [TestCase("salun", "saliency  1/1 batches (100 %)")]
    [TestCase("scissorhands", "trim  1/1 batches (100 %)")]
    public void PreparationsSayHowFarTheyAre(string method, params string[] lines)
    {
        string[] epochs = method is "salun" or "scissorhands" ? ["--epochs", "1"] : [];
        var (code, _, error) = Command.Run([
            "forget",
            _model,
            "--data",
            Data,
            "--forget",
            "class:3",
            "--method",
            method,
            "-o",
            _temp["progress-" + method],
            .. epochs,
        ]);
        Assert.That(code, Is.Zero, error);
        foreach (var line in lines)
            Assert.That(error, Does.Contain(line));
    }

    [TestCase("salun", "--mask-ratio", "0")]
    [TestCase("salun", "--mask-ratio", "1.5")]
    [TestCase("neggrad", "--lambda", "-1")]
    [TestCase("scissorhands", "--memory", "0")]
    [TestCase("scissorhands", "--trim", "1")]
    [TestCase("rl", "--mask-ratio", "0.5")]
    [TestCase("iu", "--damping", "0")]
    [TestCase("ssd", "--alpha", "-1")]
    [TestCase("boundary-shrink", "--epsilon", "2")]
    [TestCase("scrub", "--temperature", "0")]
    [TestCase("scrub", "--max-epochs", "9")]
    [TestCase("scrub", "--epochs", "1")]
    public void ImpossibleOptionsAreNamed(string method, string option, string value)
    {
        var (code, _, error) = Command.Run(
            "forget",
            _model,
            "--data",
            Data,
            "--forget",
            "random:20",
            "--method",
            method,
            "-o",
            _temp["nowhere"],
            option,
            value
        );
        Assert.That(code, Is.EqualTo(ExitCode.BadUsage));
        Assert.That(error, Does.Contain(option));
    }
}
