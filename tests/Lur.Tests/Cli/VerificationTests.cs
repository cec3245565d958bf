using System.Text.Json;
using System.Text.Json.Nodes;
using Lur.Cli;
using Lur.Data;
using Lur.Runs;
using Lur.Tests.Data;
using Lur.Tests.Reports;
using Lur.Tests.Runs;

namespace Lur.Tests.Cli;

/// <summary>lur verify on small generated data: attacks, relearning, the file it leaves, the cache of reference models, and
/// which folders it takes for what.</summary>
[NonParallelizable] // LUR_REFERENCES is the process's
public class VerificationTests
{
    private const string Data = "synthetic:train=160,test=60,seed=5";
    private static readonly string[] s_train =
    [
        "train",
        "--data",
        Data,
        "--model",
        "resnet[1,1]:w4",
        "--epochs",
        "1",
        "--batch",
        "16",
        "--lr",
        "0.05",
    ];
    private TempFolder _temp = null!;
    private EnvironmentVariable _references = null!;

    [OneTimeSetUp]
    public void Forget()
    {
        _temp = new TempFolder();
        _references = new EnvironmentVariable("LUR_REFERENCES", _temp["cache"]);
        Command.Judged([.. s_train, "-o", _temp["base"]]);
        foreach (var seed in new[] { "1", "2" })
        {
            Command.Judged(
                "forget",
                _temp["base/model.safetensors"],
                "--data",
                Data,
                "--forget",
                seed == "1" ? "random:20%" : _temp["run1/forget.txt"],
                "--epochs",
                "1",
                "--batch",
                "16",
                "--lr",
                "0.01",
                "--seed",
                seed,
                "-o",
                _temp["run" + seed]
            );
        }
    }

    [OneTimeTearDown]
    public void Delete()
    {
        _references.Dispose();
        _temp.Dispose();
    }

    [Test]
    public void AttacksAndRelearningCurvesStandBesideRetrains()
    {
        var text = Command
            .Judged("verify", _temp["run1"], _temp["run2"], "--retrain", "1,2", "--relearn", "--shots", "0,4", "--relearn-steps", "2")
            .Text;
        foreach (
            var expected in new[]
            {
                "+-",
                "average gap",
                "Probability vector attack",
                "Modified entropy attack (published form)",
                "Loss attack",
                "Relearning, retain set only",
                "Relearning, 4 forget samples",
                "Steps until the forget accuracy is back at half of the original's",
            }
        )
            Assert.That(text, Does.Contain(expected));

        var file = File.ReadAllText(_temp["run1/verify.json"]);
        var schema = JsonSchema.Open("verify.schema.json");
        schema.RequireExactly(file, "", ["averageGap", "tow", "references", "attacks", "relearning", "provisional"]);
        var root = JsonNode.Parse(file)!;
        schema.RequireExactly(root["metrics"]![0]!.ToJsonString(), "metric", ["retrained"]);
        schema.RequireExactly(root["relearning"]![1]!.ToJsonString(), "relearning", ["reference", "referenceRecoverySteps"]);
        foreach (var finding in root["findings"]!.AsArray())
            schema.RequireExactly(finding!.ToJsonString(), "finding", []);
        Assert.That(root["provisional"]!.GetValue<string>(), Does.StartWith("Provisional: it rests on two retrained models"));
        Assert.That(root["sentence"]!.GetValue<string>(), Does.Contain("MIA").Or.Contain("membership"));
        schema.RequireExactly(root["attacks"]![0]!.ToJsonString(), "attack", ["efficacy", "accuracy"]);
        Assert.That(
            root["attacks"]!.AsArray().Select(a => a!["attack"]!.GetValue<string>()),
            Is.EqualTo(global::Lur.Metrics.MembershipAttacks.Names(vector: true))
        );
        var (mia, confidence) = (root["metrics"]![3]!, root["attacks"]![0]!["efficacy"]!);
        foreach (var model in new[] { "original", "unlearned", "retrained" })
            Assert.That(JsonNode.DeepEquals(confidence[model], mia[model]), Is.True, "the attack on the confidence is the MIA column");
        foreach (var side in new[] { "points", "reference" })
        {
            var points = root["relearning"]![0]![side]!.AsArray();
            Assert.That(points.Select(p => p!["step"]!.GetValue<int>()), Is.EqualTo(new[] { 0, 1, 2 }));
            Assert.That(points[^1]!["forgetDeviation"]!.GetValueKind(), Is.EqualTo(JsonValueKind.Number), "two models have a spread");
        }

        var page = PageReading.Read(File.ReadAllText(_temp["run1/report.html"]));
        Assert.That(PageReading.Drawings(page), Does.Contain("relearning-0").And.Contain("relearning-4").And.Contain("trade-off"));
        Assert.That(page.Value, Does.Contain("Areas: one standard deviation").And.Contain("Entropy attack"));
    }

    [TestCase("all", true, true)]
    [TestCase("scalar", true, false)]
    [TestCase("none", false, false)]
    public void AttacksCanBeLeftOut(string choice, bool some, bool vector)
    {
        var text = Command.Judged("verify", _temp["run2"], "--attacks", choice).Text;
        Assert.That(text.Contains("Entropy attack", StringComparison.Ordinal), Is.EqualTo(some));
        Assert.That(text.Contains("Probability vector attack", StringComparison.Ordinal), Is.EqualTo(vector));
        Assert.That(text, Does.Contain("MIA").And.Contain("Withheld"));
        JsonSchema.Open("verify.schema.json").RequireExactly(File.ReadAllText(_temp["run2/verify.json"]), "", ["attacks"]);
    }

    [TestCase("a bit")]
    [TestCase("half a file")]
    [TestCase("no hash")]
    [TestCase("a killed training")]
    public void ADamagedReferenceIsTrainedAgainToTheSameBytes(string damage)
    {
        string[] verify = ["verify", _temp["run1"], "--retrain", "7", "--attacks", "none"];
        Command.Judged(verify);
        var model = Directory.GetFiles(_temp["cache"], "model.safetensors", SearchOption.AllDirectories).Single(IsOfSeed7);
        var bytes = File.ReadAllBytes(model);
        Assert.That(Command.Judged(verify).Text, Does.Contain("found in").And.Not.Contain("training a reference"));
        var folder = Path.GetDirectoryName(model)!;
        switch (damage)
        {
            case "a bit":
                File.WriteAllBytes(model, [.. bytes[..^1], (byte)(bytes[^1] ^ 1)]);
                break;
            case "half a file":
                File.WriteAllBytes(model, bytes[..(bytes.Length / 2)]);
                break;
            case "no hash":
                File.Delete(Path.Combine(folder, "sha256.txt"));
                break;
            default:
                Directory.Move(folder, folder + ".partial");
                break;
        }

        var said = Command.Judged(verify).Text;
        Assert.That(said, Does.Contain("training a reference model of seed 7").And.Match(damage == "a killed training" ? "." : "damaged"));
        Assert.That(said, Does.Contain($"wrote {model}, ").And.Not.Contain(".partial"), "where it lies in the end");
        Assert.That(File.ReadAllBytes(model), Is.EqualTo(bytes));
    }

    private static bool IsOfSeed7(string model) =>
        File.ReadAllText(Path.Combine(Path.GetDirectoryName(model)!, "key.txt")).Contains("Seed = 7", StringComparison.Ordinal);

    [Test]
    public void AShadowModelOnHalfOfTheDataIsAnEntryLikeAnother()
    {
        using var source = DataSource.Open(Data, new DataOptions());
        var split = DataSplit.Load(_temp["base/split.json"], source.Train);
        var said = new Said();
        var models = new ReferenceModels(new RunHost { Progress = said }, _temp["shadows"]);
        var recipe = ReferenceModels.RecipeOf(_temp["base"], Data);
        string Shadow(ulong half, ulong seed) =>
            models.Get(
                recipe,
                source,
                split,
                ForgetSet.Resolve(["random:50%"], source.Train, split.Train, half),
                "resnet[1,1]:w4",
                seed,
                CancellationToken.None
            );
        string[] shadows = [Shadow(1, 1), Shadow(2, 1), Shadow(1, 2)];
        Assert.That(shadows, Is.Unique, "entries differ in the half or in the seed");
        Assert.That(shadows.Select(File.ReadAllBytes), Is.Unique);
        var trained = said.Texts.Count;
        Assert.That(Shadow(2, 1), Is.EqualTo(shadows[1]));
        Assert.That(string.Concat(said.Texts.Skip(trained)), Does.Contain("found in").And.Not.Contain("training a reference"));
    }

    [Test]
    public void AModelTrainedWithoutTheForgetSetIsAReferenceAndOthersAreNot()
    {
        Command.Judged([.. s_train, "--forget", _temp["run1/forget.txt"], "-o", _temp["trained"]]);
        Command.Judged([.. s_train, "--forget", "class:3", "-o", _temp["other"]]);
        Assert.That(
            Command.Judged("verify", _temp["run1"], "--reference", _temp["trained"], "--attacks", "none").Text,
            Does.Not.Contain("Withheld")
        );
        Refused("trained on 32 of the 32 samples to forget", "verify", _temp["run1"], "--reference", _temp["base"]);
        Refused(
            "samples to forget; train it with 'lur train --forget'",
            "verify",
            _temp["run1"],
            "--reference",
            _temp["other/model.safetensors"]
        );
        Refused("which began with a model that knew the forget set", "verify", _temp["run1"], "--reference", _temp["run2"]);
        Refused("does not exist", "verify", _temp["run1"], "--reference", _temp["nowhere"]);
        Refused("has no model.safetensors", "verify", _temp["run1"], "--reference", Directory.CreateDirectory(_temp["empty"]).FullName);
        Refused("this one with --reference", "verify", _temp["trained"]);
        Refused("lur verify RUN --reference", "compare", _temp["run1"], _temp["trained"]);
        Refused("lur verify RUN --reference", "compare", _temp["run1"], "--reference", _temp["trained"]);
        Refused("leave none to measure on", "verify", _temp["run1"], "--relearn", "--shots", "32");
    }

    private static void Refused(string sentence, params string[] args)
    {
        var (code, output, error) = Command.Run(args);
        Assert.That((code, output), Is.EqualTo((ExitCode.Failed, "")), error);
        Assert.That(error.Trim(), Does.StartWith("lur: ").And.Contain(sentence).And.Not.Contain("\n"));
    }

    [TestCase("--shots", "x", "--shots")]
    [TestCase("--shots", "0,-1", "--shots")]
    [TestCase(
        "--attacks",
        "some",
        "Option --attacks is 'some'; it takes one of all, scalar, none, embedding, relearn, denoise, inversion, "
    )]
    public void BadOptionsAreNamed(string option, string value, string expected)
    {
        var (code, _, error) = Command.Run("verify", _temp["run1"], "--relearn", option, value);
        Assert.That(code, Is.EqualTo(ExitCode.BadUsage));
        Assert.That(error, Does.Contain($"'{value}'").And.Contain(expected));
    }
}
