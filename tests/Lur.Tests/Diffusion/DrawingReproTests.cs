using System.Text.Json.Nodes;
using Lur.Cli;
using Lur.Runs;
using Lur.Tests.Cli;
using Lur.Tests.Data;
using Lur.Tests.Reports;
using Lur.Unlearning;

namespace Lur.Tests.Diffusion;

/// <summary>lur repro on models that draw: every method, a few steps each.</summary>
[NonParallelizable] // LUR_REFERENCES is the process's
public class DrawingReproTests
{
    private const string Loop = "\"steps\": 1, \"batch\": 8",
        Fisher = "\"fisher-samples\": 8, \"fisher-draws\": 1";
    private TempFolder _temp = null!;
    private EnvironmentVariable _references = null!;
    private Ended _first;
    private int _cached;

    private string[] Args => ["repro", _temp["tiny.json"], "-o", _temp["out"]];

    [OneTimeSetUp]
    public void Run()
    {
        _temp = new TempFolder();
        _references = new EnvironmentVariable("LUR_REFERENCES", _temp["cache"]);
        File.WriteAllText(_temp["tiny.json"], Text());
        _first = Command.Done(Args);
        _cached = Directory.GetDirectories(_temp["cache"]).Length;
    }

    [OneTimeTearDown]
    public void Delete()
    {
        _references.Dispose();
        _temp.Dispose();
    }

    /// <summary>Every method there is, and a sweep.</summary>
    private static string Text()
    {
        static string Options(MethodDefinition method) =>
            method.Name switch
            {
                "retrain" => "",
                "ssd" => Fisher,
                "sa" => $"{Loop}, {Fisher}, \"replay\": 2, \"replay-steps\": 1",
                _ => Loop,
            };
        var methods = MethodCatalog.Diffusion.Select(m => $$"""{ "method": "{{m.Name}}", "options": { {{Options(m)}} } }""");
        return $$"""
            {
              "description": "A test.", "data": "shapes:train=35,test=28", "model": "unet:c4:m1,2:r1",
              "train": { "epochs": 1, "batch": 16, "lr": 0.001, "timesteps": 20, "average": 0.9 },
              "forget": ["class:star"], "seeds": [1, 2],
              "verify": { "samples": 4, "steps": 1, "guidance": 1, "judge": "resnet[1,1]:w4", "judgeEpochs": 1 },
              "methods": [ {{string.Join(", ", methods)}} ],
              "sweep": { "method": "lur", "label": "swept", "options": { {{Loop}}, "hvp": "none" },
                "over": { "lambda": [0.1, 0.3], "forget-loss": ["reassign", "uniform"] } }
            }
            """;
    }

    [Test]
    public void EveryMethodIsMadeVerifiedAndTabulated()
    {
        Assert.That(Directory.GetDirectories(_temp["out/tiny/seed2"]), Has.Length.EqualTo(MethodCatalog.Diffusion.Count + 4));
        var text = File.ReadAllText(_temp["out/tiny/measured.json"]);
        VerifyAndReproTests.MeasuredIsOfTheSchema(text);
        var root = JsonNode.Parse(text)!;
        Assert.That(
            root["balance"]!.AsArray().Select(b => (string?)b!["run"]),
            Is.EqualTo(new[] { "lur", "sa", "salun", "scissorhands", "esd", "retrain" })
        );
        Assert.That(root["balance"]!.AsArray().Sum(b => (double?)b!["both"]), Is.EqualTo(21), "six ranks");
        Assert.That(root["drawing"]!["judgeAccuracies"]!.AsArray(), Has.Count.EqualTo(2));
        Assert.That(_cached, Is.EqualTo(4), "a judge and a Retrain model for each seed");

        // What the table has is what the verifications say.
        foreach (var run in root["runs"]!.AsObject())
            for (var s = 0; s < 2; s++)
            {
                var folder = _temp[$"out/tiny/seed{s + 1}/{run.Key.Replace(' ', '_')}"];
                var verified = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "verify.json")))!;
                double? Value(string metric) => (double?)run.Value![metric]!["values"]![s];
                Assert.That(Value("ua"), Is.EqualTo((double?)verified["metrics"]![0]!["unlearned"]!["mean"]), run.Key);
                Assert.That(Value("fd"), Is.EqualTo((double?)verified["keptFeatures"]!["distance"]!["unlearned"]!["mean"]), run.Key);
                Assert.That(verified["references"]!.AsArray(), Has.Count.EqualTo(run.Key == "retrain" ? 0 : 1), run.Key);
                Assert.That(Value("keptLossGap"), run.Key == "retrain" ? Is.Zero : Is.Not.Zero, run.Key);
            }

        Assert.That(
            _first.Error,
            Does.Contain("LUR among SA, SalUn, ScissorHands, ESD, Retrain: rank ").And.Contain("best balance of swept: ")
        );
        Assert.That(File.Exists(_temp["out/tiny/sensitivity-swept.svg"]));
        var page = PageReading.Read(File.ReadAllText(_temp["out/tiny/report.html"]));
        Assert.That(PageReading.Drawings(page), Does.Contain("trade-off-fd").And.Contain("sweep-1-fd").And.Contain("sweep-1-map"));
        Assert.That(page.Value, Does.Contain("Balance of UA and FD"));
        Assert.That(File.ReadAllText(_temp["out/tiny/table.md"]), Does.Contain("| FD |").And.Contain("LUR among SA"));
    }

    [Test]
    public void WhatIsDoneIsNotMadeAgainAndWhatIsMissingIs()
    {
        var expected = File.ReadAllText(_temp["out/tiny/measured.json"]);
        File.WriteAllText(_temp["expected.json"], expected);
        string Run(string label, string file) => _temp[$"out/tiny/seed2/{label}/{file}"];
        // As if it had been killed in one verification and in another run, and somebody had touched a third's result.
        File.Delete(Run("esd", "verified.txt"));
        File.Delete(Run("ft", "done.txt"));
        File.WriteAllText(
            Run("rl", "verify.json"),
            File.ReadAllText(Run("rl", "verify.json")).Replace("Withheld", "Withhold", StringComparison.Ordinal)
        );
        var kept = new[] { Run("esd", "result.json"), Run("rl", "model.safetensors"), Run("salun", "verify.json") };
        var times = kept.Select(File.GetLastWriteTimeUtc).ToArray();
        var again = Command.Done([.. Args, "--expected", _temp["expected.json"]]);
        Assert.That(kept.Select(File.GetLastWriteTimeUtc), Is.EqualTo(times));
        Assert.That(
            again.Error,
            Does.Contain("every number is inside the band").And.Contain("rl are damaged").And.Not.Contain("train epoch")
        );
        Assert.That(File.Exists(Run("esd", "verified.txt")) && File.Exists(Run("ft", "done.txt")));
        var (before, after) = (JsonNode.Parse(expected)!, JsonNode.Parse(File.ReadAllText(_temp["out/tiny/measured.json"]))!);
        foreach (var metric in DrawnNumbers.Names)
        foreach (var run in new[] { "esd", "ft", "rl", "salun" })
            Assert.That(
                after["runs"]![run]![metric]!.ToJsonString(),
                Is.EqualTo(before["runs"]![run]![metric]!.ToJsonString()),
                $"{run}: {metric}"
            );

        before["runs"]!["ft"]!["fd"]!["mean"] = 1e6;
        File.WriteAllText(_temp["expected.json"], before.ToJsonString());
        var outside = Command.Run([.. Args, "--expected", _temp["expected.json"]]);
        Assert.That(
            (outside.Code, outside.Error.Contains("1 numbers are outside", StringComparison.Ordinal)),
            Is.EqualTo((ExitCode.VerdictFailed, true))
        );
        Assert.That(outside.Output, Does.Contain("fd").And.Contain("no, band"));
    }

    /// <summary>What a method retrain leaves is what a verification would train: the same key.</summary>
    [Test]
    public void AVerificationFindsRetrain()
    {
        using var temp = new TempFolder();
        temp.Copy(_temp["out/tiny/seed1/esd"], "esd");
        string[] verify =
        [
            "verify",
            temp["esd"],
            "--retrain",
            "1",
            "--samples",
            "4",
            "--steps",
            "1",
            "--judge-epochs",
            "1",
            "--attacks",
            "none",
        ];
        var ended = Command.Judged(verify);
        Assert.That(ended.Error, Does.Contain("reference model of seed 1 found").And.Not.Contain("training a reference"));
    }

    [Test]
    public void ItsRunsCompare()
    {
        var seed = _temp["out/tiny/seed1"];
        var compared = Command.Done("compare", Path.Combine(seed, "lur"), Path.Combine(seed, "esd"), Path.Combine(seed, "retrain"));
        Assert.That(compared.Output, Does.Contain("the reference").And.Contain("LUR").And.Contain("FD"));
    }

    [TestCase("\"samples\": 4", "\"samples\": 1", "covariance")]
    [TestCase("\"samples\": 4", "\"sample\": 4", "did you mean")]
    [TestCase("\"judgeEpochs\": 1", "\"attacks\": [\"magic\"]", "embedding, relearn and denoise")]
    [TestCase("unet:c4:m1,2:r1\"", "resnet[1,1]:w4\"", "")]
    [TestCase("\"method\": \"esd\"", "\"method\": \"scrub\"", "for classifiers, and this model draws images")]
    [TestCase("\"timesteps\": 20", "\"timesteps\": 0", "timesteps")]
    public void AMalformedRecipeIsOneSentence(string from, string to, string names)
    {
        using var temp = new TempFolder();
        File.WriteAllText(temp["bad.json"], Text().Replace(from, to, StringComparison.Ordinal));
        var (code, _, error) = Command.Run("repro", temp["bad.json"], "-o", temp["out"]);
        Assert.That(code, Is.EqualTo(ExitCode.Failed), error);
        Assert.That(error.Trim(), Does.Contain(names).And.Contain("bad.json").And.Not.Contain("\n"));
    }

    [Test]
    public void ARecipeOfAClassifierHasNoDrawings()
    {
        using var temp = new TempFolder();
        const string recipe = """
            { "description": "A test.", "data": "shapes", "model": "resnet20", "train": {}, "forget": ["class:star"], "seeds": [1],
              "methods": [ { "method": "ft" } ], "verify": { "samples": 4 } }
            """;
        File.WriteAllText(temp["bad.json"], recipe);
        Assert.That(Command.Run("repro", temp["bad.json"], "-o", temp["out"]).Error, Does.Contain("'verify' is for models that draw"));
    }
}
