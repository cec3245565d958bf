using System.Text.Json;
using System.Text.Json.Nodes;
using Lur.Checkpoints;
using Lur.Cli;
using Lur.Cli.Commands;
using Lur.Device;
using Lur.Runs;
using Lur.Tests.Data;
using Lur.Training;
using Lur.Verification;

namespace Lur.Tests.Cli;

/// <summary>lur verify and lur repro on small generated data: verdict, what is refused, resuming. Attacks and the cache: <see
/// cref="VerificationTests"/>.</summary>
public class VerifyAndReproTests
{
    private const string Data = "synthetic:train=160,test=60,seed=5";

    private static readonly string[] s_loop = ["--data", Data, "--batch", "16", "--epochs", "2", "--lr", "0.05"];
    private TempFolder _temp = null!;

    /// <summary>A model and a run that forgets; no test changes them.</summary>
    [OneTimeSetUp]
    public void Forget()
    {
        _temp = new TempFolder();
        Command.Done(["train", "--model", "resnet[1,1]:w4", .. s_loop, "-o", _temp["base"]]);
        string[] forget = ["forget", _temp["base/model.safetensors"], .. s_loop[..4], "--forget", "random:20%"];
        Command.Done([.. forget, "--epochs", "1", "--lr", "0.01", "-o", _temp["run"]]);
    }

    [OneTimeTearDown]
    public void Delete() => _temp.Dispose();

    [Test]
    public void WithoutAReferenceTheVerdictIsWithheld()
    {
        var (_, output, _) = Command.Done("verify", _temp["run"]);
        Assert.That(output, Does.Contain("Withheld").And.Contain("MIA"));
    }

    [Test]
    public void RetrainIsTrainingWithoutTheForgetSetToTheByte()
    {
        using var temp = new TempFolder();
        string[] options = [.. s_loop, "--forget", "random:20%"];
        Command.Done(["train", "--model", "resnet[1,1]:w4", .. options, "-o", temp["trained"]]);
        Command.Done(["forget", _temp["base/model.safetensors"], "--method", "retrain", .. options, "-o", temp["retrained"]]);
        using var trained = SafeTensorsFile.Open(temp["trained/model.safetensors"]);
        using var retrained = SafeTensorsFile.Open(temp["retrained/model.safetensors"]);
        foreach (var tensor in trained.Tensors)
        {
            Assert.That(retrained.Bytes(tensor.Name).ToArray(), Is.EqualTo(trained.Bytes(tensor.Name).ToArray()), tensor.Name);
        }
    }

    [Test]
    public void AnotherForgetSetIsRefused()
    {
        using var temp = new TempFolder();
        temp.Copy(_temp["run"], "run");
        var config = File.ReadAllText(temp["run/config.json"]);
        File.WriteAllText(temp["run/config.json"], config.Replace("random:20%", "random:10%", StringComparison.Ordinal));
        var (code, _, error) = Command.Run("verify", temp["run"]);
        Assert.That((code, error.Contains("forget set", StringComparison.Ordinal)), Is.EqualTo((ExitCode.Failed, true)), error);
    }

    private const string Recipe = """
        {
          "description": "A test.", "data": "synthetic:train=160,test=60,seed=5", "model": "resnet[1,1]:w4",
          "train": { "epochs": 1, "batch": 16, "lr": 0.05 },
          "forget": ["class:3"], "seeds": [1, 2],
          "methods": [ { "method": "retrain" }, { "method": "ft", "options": { "epochs": 1, "batch": 16 } } ],
          "sweep": { "method": "lur", "options": { "epochs": 1, "batch": 16, "hvp": "none" },
            "over": { "alpha": [0, 0.01], "lambda": [0.05] } }
        }
        """;

    [Test]
    public void ARecipeRunsResumesAndIsCompared()
    {
        using var temp = new TempFolder();
        File.WriteAllText(temp["small.json"], Recipe);
        string[] args = ["repro", temp["small.json"], "-o", temp["out"]];
        var (code, output, error) = Command.Run(args);
        Assert.That(code, Is.Zero, error);
        foreach (var text in new[] { "retrain", "ft", "lur alpha=0 lambda=0.05", "lur alpha=0.01 lambda=0.05", "+-", "Avg. gap" })
            Assert.That(output, Does.Contain(text));
        Assert.That(File.ReadAllLines(temp["out/small/table.csv"]), Has.Length.EqualTo(5));
        MeasuredIsOfTheSchema(File.ReadAllText(temp["out/small/measured.json"]));

        // As if it had been killed in one run and before another: those two are made again, to the same numbers; the rest stays.
        var runs = Directory.GetDirectories(temp["out/small/seed2"]).Order(StringComparer.Ordinal).ToArray();
        Assert.That(runs, Has.Length.EqualTo(4));
        File.Delete(Path.Combine(runs[0], "done.txt"));
        Directory.Delete(runs[1], recursive: true);
        var kept = File.GetLastWriteTimeUtc(Path.Combine(runs[2], "result.json"));
        var expected = File.ReadAllText(temp["out/small/measured.json"]);
        File.WriteAllText(temp["expected.json"], expected);
        (code, output, error) = Command.Run([.. args, "--expected", temp["expected.json"]]);
        Assert.That(code, Is.Zero, error);
        Assert.That(error, Does.Contain("every number is inside the band"));
        Assert.That(File.GetLastWriteTimeUtc(Path.Combine(runs[2], "result.json")), Is.EqualTo(kept));
        Assert.That(File.Exists(Path.Combine(runs[1], "model.safetensors")));

        using var document = JsonDocument.Parse(expected);
        var ua = document.RootElement.GetProperty("runs").GetProperty("ft").GetProperty("ra").GetProperty("mean").GetDouble();
        File.WriteAllText(temp["expected.json"], expected.Replace($"\"mean\": {ua:R}", "\"mean\": -50", StringComparison.Ordinal));
        (code, _, error) = Command.Run([.. args, "--expected", temp["expected.json"]]);
        Assert.That(code, Is.EqualTo(ExitCode.VerdictFailed), error);
    }

    [Test]
    public void ADamagedRunIsMadeAgainAndRetrainIsTrainedOnce()
    {
        using var temp = new TempFolder();
        File.WriteAllText(temp["small.json"], Recipe);
        Ended Repro(string output) =>
            Command.Run(context =>
                ReproCommand.Run(
                    context,
                    new ReproSettings
                    {
                        Recipe = global::Lur.Runs.Recipe.Read(temp["small.json"]),
                        Output = output,
                        CacheFolder = temp["cache"],
                    },
                    null,
                    CancellationToken.None
                )
            );
        var first = Repro(temp["out"]);
        Assert.That(first.Code, Is.Zero, first.Error);
        Assert.That(Directory.GetDirectories(temp["cache"]), Has.Length.EqualTo(2), "one Retrain model a seed");

        var measured = File.ReadAllText(temp["out/small/measured.json"]);

        // Retrain of the recipe's training, not of the method's defaults: verify finds it.
        var settings = new VerifySettings
        {
            Runs = [temp["out/small/seed1/ft"]],
            RetrainSeeds = [1],
            CacheFolder = temp["cache"],
        };
        var verify = Command.Run(context => VerifyCommand.Run(context, settings, CancellationToken.None));
        Assert.That(verify.Error, Does.Contain("found in").And.Not.Contain("training a reference"));

        var damaged = temp["out/small/seed2/ft/model.safetensors"];
        var bytes = File.ReadAllBytes(damaged);
        File.WriteAllBytes(damaged, [.. bytes[..^1], (byte)(bytes[^1] ^ 1)]);
        File.WriteAllText(temp["out/small/seed1/retrain/result.json"], "{");
        var second = Repro(temp["out"]);
        Assert.That(
            second.Error,
            Does.Contain("seed2/ft are damaged").And.Contain("seed1/retrain are damaged").And.Contain("reference model of seed 1 found")
        );
        Assert.That(File.ReadAllBytes(damaged), Is.EqualTo(bytes));
        using JsonDocument before = JsonDocument.Parse(measured),
            after = JsonDocument.Parse(File.ReadAllText(temp["out/small/measured.json"]));
        string[] Values(JsonDocument document, string run, params string[] metrics) =>
            [.. metrics.Select(m => document.RootElement.GetProperty("runs").GetProperty(run).GetProperty(m).GetRawText())];
        Assert.That(Values(after, "ft", "ua", "ra", "ta", "mia", "gap"), Is.EqualTo(Values(before, "ft", "ua", "ra", "ta", "mia", "gap")));
        double Seconds(JsonDocument document) =>
            document.RootElement.GetProperty("runs").GetProperty("retrain").GetProperty("seconds").GetProperty("mean").GetDouble();
        // Rounded to milliseconds by stage when it was trained, in the sum when it was found.
        Assert.That(Seconds(after), Is.EqualTo(Seconds(before)).Within(0.005), "the seconds are those of its training, not of finding it");
    }

    /// <summary>Asserts that a measured.json is of the published schema, which asks for every field.</summary>
    internal static void MeasuredIsOfTheSchema(string text)
    {
        var schema = JsonSchema.Open("measured.schema.json");
        schema.RequireExactly(text, "", ["drawing", "balance"]);
        var (draws, root) = (text.Contains("\"drawing\"", StringComparison.Ordinal), JsonNode.Parse(text)!);
        foreach (var run in root["runs"]!.AsObject())
            schema.RequireExactly(run.Value!.ToJsonString(), draws ? "drawnRun" : "run", []);
        if (!draws)
            return;
        schema.RequireExactly(root["drawing"]!.ToJsonString(), "drawing", []);
        foreach (var rank in root["balance"]!.AsArray())
            schema.RequireExactly(rank!.ToJsonString(), "balance", []);
    }

    [TestCase("\"epochs\": 1, \"batch\": 16, \"lr\": 0.05 }", "\"epochs\": -1 }", "epochs")]
    [TestCase("\"method\": \"ft\"", "\"method\": \"magic\"", "magic")]
    [TestCase("\"seeds\"", "\"sedes\"", "seeds")]
    [TestCase("\"batch\": 16 } }", "\"batches\": 16 } }", "batches")]
    public void AMalformedRecipeIsOneSentence(string from, string to, string names)
    {
        using var temp = new TempFolder();
        File.WriteAllText(temp["bad.json"], Recipe.Replace(from, to, StringComparison.Ordinal));
        var (code, _, error) = Command.Run("repro", temp["bad.json"], "-o", temp["out"]);
        Assert.That(code, Is.EqualTo(ExitCode.Failed), error);
        Assert.That(error.Trim(), Does.Contain(names).And.Contain("bad.json").And.Not.Contain("\n"));
    }

    [Test]
    public void EveryRecipeThatShipsIsWellFormed()
    {
        Assert.That(global::Lur.Runs.Recipe.Names, Is.Not.Empty);
        foreach (var name in global::Lur.Runs.Recipe.Names)
            Assert.That(global::Lur.Runs.Recipe.Read(name).Runs, Is.Not.Empty, name);
    }

    [Test]
    public void AKeyDependsOnEverythingItSays()
    {
        var key = new ReferenceKey("data", "samples", "resnet18:w16", new TrainingOptions(), new ProgramHash("kernels", "library"));
        string[] names =
        [
            key.Name,
            (key with { DataFingerprint = "other" }).Name,
            (key with { SamplesSha256 = "other" }).Name,
            (key with { Architecture = "resnet20" }).Name,
            (key with { Training = new TrainingOptions { Seed = 2 } }).Name,
            (key with { Program = new ProgramHash("other", "library") }).Name,
            (key with { Program = new ProgramHash("kernels", "other") }).Name,
        ];
        Assert.That(names, Is.Unique);
    }
}
