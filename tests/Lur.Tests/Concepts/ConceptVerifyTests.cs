using System.Text.Json.Nodes;
using Lur.Cli;
using Lur.Runs;
using Lur.Tests.Cli;
using Lur.Tests.Reports;

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
        string[] attacks = ["--attacks", "embedding,relearn,denoise", "--relearn-steps", "2", "--shots", "0,3"];
        var ended = Command.Judged(Verify(run, [.. attacks, "--reference", _runs.Reference, "--detector", Even]));
        Assert.That(ended.Error, Does.Contain("the detector, i=0;").And.Contain("of the real test images with it"));
        Assert.That(ended.Output, Does.Contain("'star' in the images of its prompts").And.Contain("Prompt moves score"));
        var text = File.ReadAllText(Path.Combine(run, "verify.json"));
        var schema = JsonSchema.Open("verify.schema.json");
        schema.RequireExactly(text, "concept", ["attacks", "provisional", "judge"]);
        var root = JsonNode.Parse(text)!;
        schema.RequireExactly(root["detector"]!.ToJsonString(), "conceptDetector", ["command", "threshold"]);
        schema.RequireExactly(root["metrics"]![0]!.ToJsonString(), "conceptMetric", ["retrained"]);
        schema.RequireExactly(root["kinds"]![0]!.ToJsonString(), "conceptKind", ["retrained"]);
        schema.RequireExactly(root["kinds"]![2]!["original"]!.ToJsonString(), "conceptOutcome", ["asAsked", "alignmentInterval"]);
        schema.RequireExactly(root["lossChange"]!["unlearned"]!.ToJsonString(), "conceptLosses", []);
        schema.RequireExactly(root["attacks"]![0]!.ToJsonString(), "drawingAttack", ["retrained"]);
        string[] names = ["descent", "relearn0", "relearn3", "denoise", "rows"];
        Assert.That(root["attacks"]!.AsArray().Select(a => (string?)a!["attack"]), Is.EqualTo(names));
        Assert.That(root["attacks"]![0]!["unlearned"]!.AsArray().Select(p => (int?)p!["at"]), Is.EqualTo(new[] { 0, 1, 2 }));
        // Every second image, whatever is in it.
        Assert.That(root["metrics"]!.AsArray().Select(m => (double?)m!["original"]).Take(2), Is.All.EqualTo(50));
        Assert.That(root["kinds"]!.AsArray().Select(k => (int?)k!["original"]!["images"]), Is.EqualTo(new[] { 8, 4, 8 }));
        Assert.That((string?)root["verdict"], Is.EqualTo("Withheld"), "a detector that guesses");
        Assert.That((double?)root["keptFeatures"]!["floor"], Is.Positive);
        // The images of 'a blue star' are the original's, and so are the losses of kept captions.
        Assert.That((double?)root["lossChange"]!["unlearned"]!["kept"]!["mean"], Is.Zero);
        Assert.That((double?)root["lossChange"]!["unlearned"]!["concept"]!["mean"], Is.Not.Zero);
        var page = PageReading.Read(File.ReadAllText(Path.Combine(run, "report.html")), pictures: true);
        Assert.That(page.Descendants("img").Count(), Is.EqualTo(3 * 5), "before, after and retrained of five prompts");
        Assert.That(page.Value, Does.Contain("a red sparkle").And.Contain("(to be kept)").And.Contain("plain descent"));
        string[] pictures = [.. page.Descendants("img").Select(i => i.Attribute("src")!.Value)];
        Assert.That(pictures[1], Is.Not.EqualTo(pictures[0]), "'a red star' after");
        Assert.That(pictures[4], Is.EqualTo(pictures[3]), "'a blue star' is untouched");

        // Again: the judge is found, and every number is the same.
        ended = Command.Judged(Verify(run, [.. attacks, "--reference", _runs.Reference, "--detector", Even]));
        Assert.That(ended.Error, Does.Contain("judge of seed 1 found"));
        Assert.That(File.ReadAllText(Path.Combine(run, "verify.json")), Is.EqualTo(text));
        Assert.That(File.ReadAllText(Path.Combine(run, "audit.jsonl")), Does.Contain("\"detector\":"));
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
        var unread = _runs.Add("unread.json", """{ "concept": "star", "forgotten": { "named": ["a starry night"] } }""");
        Command.Refused("a starry night", ["verify", run, "--prompts", unread]);
        var other = _runs.Make("unnamed", "class:0");
        Command.Refused("give a file of prompts with --prompts: it is to be JSON such as", ["verify", other]);
        Assert.That(Command.Run(["verify", run, "--attacks", "scalar"]).Code, Is.EqualTo(ExitCode.BadUsage));
        Assert.That(File.Exists(Path.Combine(run, "verify.json")), Is.False);
        Assert.That(ConceptVerifyRun.Fits(run), Is.True);
        Assert.That(ConceptVerifyRun.Fits(_runs["nowhere"]), Is.False);
    }
}
