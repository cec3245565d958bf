using System.Text.Json;
using System.Text.Json.Nodes;
using Lur.Runs;
using Lur.Tests.Cli;
using Lur.Tests.Data;
using Lur.Tests.Reports;
using Lur.Unlearning;

namespace Lur.Tests.Runs;

/// <summary>Forgetting runs of a diffusion model, from the command to the files it leaves.</summary>
public class DenoisingRunTests
{
    private const string Data = "synthetic:train=30,test=20,seed=5";
    private TempFolder _temp = null!;

    [OneTimeSetUp]
    public void Train()
    {
        _temp = new TempFolder();
        Command.Done("train", "--data", Data, "--model", "unet:c4:m1,2:r1:g2", "--epochs", "1", "--batch", "8", "-o", _temp["base"]);
    }

    [OneTimeTearDown]
    public void Delete() => _temp.Dispose();

    private string[] Forget(string folder, params string[] more) =>
        ["forget", _temp["base/model.safetensors"], "--data", Data, "--forget", "class:star", .. more, "-o", _temp[folder]];

    [Test]
    public void ARunLeavesFilesOfTheSchemaAPageAndASentence()
    {
        var (code, output, error) = Command.Run(Forget("ga", "--method", "ga", "--steps", "3", "--batch", "4", "--lr", "0.05"));
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Contain("star (3 images) is denoised worse than before: denoising loss ").And.Contain("95 % interval"));
        Assert.That(output + error, Does.Contain("next: lur verify ").And.Contain("--retrain 1,2,3"));
        var text = File.ReadAllText(_temp["ga/result.json"]);
        var schema = JsonSchema.Open("result.schema.json");
        schema.RequireExactly(text, "denoisingResult", ["memory", "precision"]);
        using var document = JsonDocument.Parse(text);
        Assert.That(schema.Check(document.RootElement, ""), Is.Empty, "exactly one of them");
        using var config = JsonDocument.Parse(File.ReadAllText(_temp["ga/config.json"]));
        Assert.That(schema.Check(config.RootElement, "forgetConfig"), Is.Empty);
        foreach (var (file, definition) in new[] { ("result", "denoisingTrainResult"), ("config", "diffusionTrainConfig") })
        {
            var trained = File.ReadAllText(_temp[$"base/{file}.json"]);
            schema.RequireExactly(trained, definition, ["directory", "imageSize", "precision"]);
            using var whole = JsonDocument.Parse(trained);
            Assert.That(schema.Check(whole.RootElement, ""), Is.Empty, "exactly one of them");
        }

        var result = JsonNode.Parse(text)!;
        double[] Losses(string set, string when) =>
            [.. result["samples"]![set]![when + "Loss"]!.AsArray().Select(v => v!.GetValue<double>())];
        foreach (var (set, n) in new[] { ("forget", 3), ("retain", 27), ("test", 20) })
        {
            var (before, after) = (Losses(set, "original"), Losses(set, "unlearned"));
            Assert.That(before, Has.Length.EqualTo(n));
            Assert.That(result["original"]![set + "Loss"]!.GetValue<double>(), Is.EqualTo(before.Average()).Within(1e-12));
            var change = result["changes"]![set + "Loss"]!;
            Assert.That(change["mean"]!.GetValue<double>(), Is.EqualTo(after.Average() - before.Average()).Within(1e-12));
            Assert.That(change["low"]!.GetValue<double>(), Is.LessThan(change["high"]!.GetValue<double>()));
        }

        var page = PageReading.Read(File.ReadAllText(_temp["ga/report.html"]));
        Assert.That(page.Descendants().Any(c => c.Value == "star (forgotten)"));
        Assert.That(AuditLog.Check(_temp["ga"], "")!.Fault, Is.Null);
        Assert.That(Command.Run("report", _temp["ga"]).Code, Is.Zero);
    }

    [Test]
    public void RetrainTakesTheRecipeOfTheOriginal()
    {
        Command.Done(Forget("retrain", "--method", "retrain"));
        Command.Done(
            "train",
            "--data",
            Data,
            "--model",
            "unet:c4:m1,2:r1:g2",
            "--epochs",
            "1",
            "--batch",
            "8",
            "--forget",
            "class:star",
            "-o",
            _temp["without"]
        );
        using var retrained = global::Lur.Checkpoints.SafeTensorsFile.Open(_temp["retrain/model.safetensors"]);
        using var trained = global::Lur.Checkpoints.SafeTensorsFile.Open(_temp["without/model.safetensors"]);
        foreach (var tensor in trained.Tensors)
            Assert.That(retrained.Bytes(tensor.Name).ToArray(), Is.EqualTo(trained.Bytes(tensor.Name).ToArray()), tensor.Name);
    }

    [TestCase("scrub", "for classifiers")]
    [TestCase("nothing", "is not known")]
    public void AMethodThatDoesNotFitIsRefused(string method, string sentence)
    {
        var (code, _, error) = Command.Run(Forget("refused", "--method", method));
        Assert.That(code, Is.Not.Zero);
        Assert.That(error, Does.Contain(sentence));
        Assert.That(Directory.Exists(_temp["refused"]), Is.False);
    }

    [TestCase("lur", "repair", 2)]
    [TestCase("sa", "repair", 1)]
    [TestCase("salun", "evaluate unlearned", 0)]
    public void AnInterruptedRunGoesOnToTheSameBytes(string method, string stage, int report)
    {
        var options = new Dictionary<string, string> { ["steps"] = "4", ["batch"] = "4" };
        if (method == "sa")
            (options["replay"], options["replay-steps"], options["fisher-draws"]) = ("1", "2", "2");
        ForgetSettings Settings(string folder) =>
            new()
            {
                Model = _temp["base/model.safetensors"],
                Data = Data,
                Output = _temp[folder],
                Forget = ["class:star"],
                Method = MethodChoice.Read(method, _temp["base/model.safetensors"], options),
            };
        Assert.That(Settings("x").Method.Definition.Task, Is.EqualTo(MethodTask.Diffusion));
        new ForgetRun(Settings(method + "-whole")).Run();
        var cut = Settings(method + "-cut");
        using (var cancel = new CancellationTokenSource())
            Assert.Throws<OperationCanceledException>(() =>
                new ForgetRun(cut, new RunHost { Progress = new CancelAt(stage, report, cancel) }).Run(cancel.Token)
            );
        new ForgetRun(cut with { Resume = true }).Run();
        foreach (var name in new[] { "model.safetensors", "log.csv", "forget.txt" })
            Assert.That(
                File.ReadAllBytes(_temp[$"{method}-cut/{name}"]),
                Is.EqualTo(File.ReadAllBytes(_temp[$"{method}-whole/{name}"])),
                name
            );
    }

    private sealed class CancelAt(string stage, int report, CancellationTokenSource cancel) : IProgress<RunEvent>
    {
        private bool _inside;
        private int _reports;

        public void Report(RunEvent value)
        {
            if (value is StageStarted s)
                _inside = s.Stage == stage;
            if (_inside && value is StageStarted or StageProgress && _reports++ == report)
                cancel.Cancel();
        }
    }
}
