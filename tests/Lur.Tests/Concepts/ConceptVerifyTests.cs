using System.Text.Json.Nodes;
using Lur.Cli;
using Lur.Cli.Commands;
using Lur.Runs;
using Lur.Tests.Cli;
using Lur.Tests.Reports;
using Lur.Training;
using Lur.Verification.Concepts;
using Lur.Verification.Generation;

namespace Lur.Tests.Concepts;

/// <summary>'lur verify' on runs of models that are told prompts: who looks, what is written, what is refused.</summary>
[NonParallelizable] // LUR_REFERENCES is the process's
public class ConceptVerifyTests
{
    // Sees the concept in every image whose number is even.
    private const string Even = "i=0; for f in {dir}/*.png; do echo $(basename $f) $((1-i%2)); i=$((i+1)); done";

    private static readonly string[] s_judge = ["--judge", "resnet[1,1]:w4", "--judge-epochs", "1"];
    private ConceptRuns _runs = null!;

    [OneTimeSetUp]
    public void Make() => _runs = new ConceptRuns();

    [OneTimeTearDown]
    public void Delete() => _runs.Dispose();

    private string[] Verify(string run, params string[] more) =>
        ["verify", run, "--prompts", _runs.Prompts, "--samples", "4", "--steps", "2", .. s_judge, .. more];

    [Test]
    public void TheFileIsOfTheSchemaAndThePageHasTheImages()
    {
        var run = _runs.Make("whole");
        var verify = Verify(run, "--reference", _runs.Reference, "--detector", Even, "--attacks", "none");
        var ended = Command.Judged(verify);
        Assert.That(ended.Error, Does.Contain("the detector, i=0;").And.Contain("of the real test images with it"));
        Assert.That(ended.Output, Does.Contain("'star' in the images of its prompts").And.Contain("Prompt moves score"));
        var text = File.ReadAllText(Path.Combine(run, "verify.json"));
        var schema = JsonSchema.Open("verify.schema.json");
        schema.RequireExactly(text, "concept", ["provisional", "judge"]);
        var root = JsonNode.Parse(text)!;
        schema.RequireExactly(root["detector"]!.ToJsonString(), "conceptDetector", ["command", "threshold"]);
        schema.RequireExactly(root["metrics"]![0]!.ToJsonString(), "conceptMetric", ["retrained"]);
        schema.RequireExactly(root["kinds"]![0]!.ToJsonString(), "conceptKind", ["retrained"]);
        schema.RequireExactly(root["kinds"]![3]!["original"]!.ToJsonString(), "conceptOutcome", ["asAsked", "alignmentInterval"]);
        schema.RequireExactly(root["lossChange"]!["unlearned"]!.ToJsonString(), "conceptLosses", []);
        // Every second image, whatever is in it.
        Assert.That(root["metrics"]!.AsArray().Select(m => (double?)m!["original"]).Take(2), Is.All.EqualTo(50));
        Assert.That(root["kinds"]!.AsArray().Select(k => (int?)k!["original"]!["images"]), Is.EqualTo(new[] { 8, 4, 4, 8 }));
        Assert.That((string?)root["verdict"], Is.EqualTo("Withheld"), "a detector that guesses");
        Assert.That((double?)root["keptFeatures"]!["floor"], Is.Positive);
        // Losses of kept captions are the original's.
        Assert.That((double?)root["lossChange"]!["unlearned"]!["kept"]!["mean"], Is.Zero);
        Assert.That((double?)root["lossChange"]!["unlearned"]!["concept"]!["mean"], Is.Not.Zero);
        var page = PageReading.Read(File.ReadAllText(Path.Combine(run, "report.html")), pictures: true);
        Assert.That(page.Descendants("img").Count(), Is.EqualTo(3 * 6), "before, after and retrained of six prompts");
        Assert.That(page.Value, Does.Contain("a red sparkle").And.Contain("a red star above a red ring").And.Contain("(to be kept)"));
        string[] pictures = [.. page.Descendants("img").Select(i => i.Attribute("src")!.Value)];
        Assert.That(pictures[1], Is.Not.EqualTo(pictures[0]), "'a red star' after");
        Assert.That(pictures[4], Is.EqualTo(pictures[3]), "'a blue star' is untouched");
        Assert.That(pictures[10], Is.EqualTo(pictures[9]), "a sentence that the text encoder reads");

        // Again: the judge is found, and every number is the same.
        Assert.That(Command.Judged(verify).Error, Does.Contain("judge of seed 1 found"));
        Assert.That(File.ReadAllText(Path.Combine(run, "verify.json")), Is.EqualTo(text));
    }

    [Test]
    public void EveryAttackHasACurve()
    {
        var run = _runs.Make("attacked");
        var attacks = new ConceptAttackOptions
        {
            Steps = [0, 1, 2],
            BatchSize = 2,
            Samples = 2,
            RowsSteps = [0, 1],
            RowsBatch = 1,
            Noise = [90],
            Tokens = new TokenAttackOptions
            {
                Prompts = 1,
                InversionSteps = [0, 1],
                InversionBatch = 1,
                Prefix = 2,
                PrefixRounds = [0, 1],
                PrefixIterations = 1,
                FreeTokens = 3,
                FreeSteps = [0, 1],
            },
        };
        var settings = new VerifySettings
        {
            Runs = [run],
            References = [_runs.Reference],
            Concept = new ConceptSettings
            {
                Prompts = _runs.Prompts,
                // Nothing is ever seen, so that no search ends early.
                Detector = "for f in {dir}/*.png; do echo $f 0; done",
                Sampling = new SamplingPlan { Samples = 4, Steps = 2 },
                Shots = [0, 1],
                JudgeTraining = new TrainingOptions { Epochs = 1 },
                AttackOptions = attacks,
            },
            Generation = new GenerationSettings
            {
                Judge = "resnet[1,1]:w4",
                JudgeTraining = new TrainingOptions { Epochs = 1 },
            },
            CacheFolder = _runs["cache"],
        };
        var ended = Command.Run(context => VerifyCommand.Run(context, settings, CancellationToken.None));
        Assert.That(ended.Code, Is.EqualTo(ExitCode.Done), ended.Text);
        var root = JsonNode.Parse(File.ReadAllText(Path.Combine(run, "verify.json")))!;
        var schema = JsonSchema.Open("verify.schema.json");
        schema.RequireExactly(root.ToJsonString(), "concept", ["provisional", "judge", "attacks"]);
        string[] names = ["descent", "relearn0", "relearn1", "denoise", "rows", "inversion", "unlearndiffatk", "p4d"];
        Assert.That(root["attacks"]!.AsArray().Select(a => (string?)a!["attack"]), Is.EqualTo(names));
        foreach (var attack in root["attacks"]!.AsArray())
        {
            schema.RequireExactly(attack!.ToJsonString(), "drawingAttack", ["retrained"]);
            Assert.That(attack["unlearned"]!.AsArray().Select(p => (double?)p!["recognised"]), Is.All.Zero);
            Assert.That(attack["retrained"]!.AsArray().Count, Is.EqualTo(attack["unlearned"]!.AsArray().Count));
        }

        var page = PageReading.Read(File.ReadAllText(Path.Combine(run, "report.html")), pictures: true);
        Assert.That(page.Value, Does.Contain("plain descent").And.Contain("UnlearnDiffAtk").And.Contain("Round"));
        // Without a text encoder beside a model the rest is made.
        Directory.Delete(_runs["attacked/pipeline"], recursive: true);
        var known = _runs.Add("known.json", """{ "concept": "star", "forgotten": { "named": ["a red star"] } }""");
        var less = settings with
        {
            References = [],
            Concept = settings.Concept with { Prompts = known, Attacks = ConceptAttacks.Rows | ConceptAttacks.P4D },
        };
        ended = Command.Run(context => VerifyCommand.Run(context, less, CancellationToken.None));
        Assert.That(ended.Error, Does.Contain("no attack on tokens is made").And.Contain("has no text encoder beside it"));
        root = JsonNode.Parse(File.ReadAllText(Path.Combine(run, "verify.json")))!;
        Assert.That(root["attacks"]!.AsArray().Select(a => (string?)a!["attack"]), Is.EqualTo(new[] { "rows" }));
    }

    [Test]
    public void WithoutAReferenceTheSentenceSaysTheRates()
    {
        var run = _runs.Make("alone");
        var ended = Command.Done(Verify(run, "--attacks", "none"));
        Assert.That(ended.Output, Does.Contain("Withheld: there is no retrained model").And.Contain("of the images of its prompts before"));
        Assert.That(ended.Error, Does.Contain("the detector, resnet[1,1]:w4"));
        var root = JsonNode.Parse(File.ReadAllText(Path.Combine(run, "verify.json")))!;
        Assert.That(
            (root["attacks"], root["detector"]!["command"], root["kinds"]![0]!["retrained"]),
            Is.EqualTo(((JsonNode?)null, (JsonNode?)null, (JsonNode?)null))
        );
        Assert.That((double?)root["detector"]!["contents"], Is.InRange(0, 100));
        Assert.That((string?)root["judge"]!["model"], Does.StartWith("resnet[1,1]:w4"));
        // In JSON the same.
        ended = Command.Done([.. Verify(run, "--attacks", "none"), "--json"]);
        Assert.That(JsonNode.Parse(ended.Output)!.ToJsonString(), Does.Contain("Withheld"));
    }

    [Test]
    public void WhatCannotBeMeasuredIsRefused()
    {
        var run = _runs.Make("refused");
        Command.Refused("ended with 4 (no GPU here)", Verify(run, "--detector", "echo no GPU here >&2; : {dir}; exit 4"));
        Command.Refused("printed no number for", Verify(run, "--detector", "ls {dir} | head -3 | sed 's/$/ 1/'"));
        var red = _runs.Add("red.json", """{ "concept": "red", "forgotten": { "named": ["a red star"] } }""");
        Command.Refused("Nobody can tell whether 'red' is in an image", ["verify", run, "--prompts", red]);
        var unread = _runs.Add(
            "unread.json",
            """{ "concept": "star", "forgotten": { "named": ["a red star a red star a red star a red star"] } }"""
        );
        Command.Refused("tokens more than the 10 that the model takes", ["verify", run, "--prompts", unread]);
        var other = _runs.Make("unnamed", "class:0");
        Command.Refused("give a file of prompts with --prompts: it is to be JSON such as", ["verify", other]);
        Assert.That(Command.Run(["verify", run, "--attacks", "scalar"]).Code, Is.EqualTo(ExitCode.BadUsage));
        Assert.That(File.Exists(Path.Combine(run, "verify.json")), Is.False);
        Assert.That(ConceptVerifyRun.Fits(run), Is.True);
        Assert.That(ConceptVerifyRun.Fits(_runs["nowhere"]), Is.False);
    }
}
