using Lur.Bench.Pages;
using Lur.Tests.Architecture;

namespace Lur.Tests.Bench;

/// <summary>The tables of docs/results.md, and the sentence of README.md, are made from the committed results.</summary>
public class ResultPagesTests
{
    private const string Methods = """
        {"machine": "M", "command": "C", "retainImages": 9000, "forgetImages": 1000, "epochs": 3, "cases": [{"model": "resnet18:w16",
          "batch": 64,
          "rows": [{"name": "lur", "title": "LUR exact", "joint": true, "medianMs": 310.34, "allocatedBytes": 0,
            "deviceMegabytes": 265.5, "hostMegabytes": 324.2},
                   {"name": "trim", "title": "trim", "joint": false, "medianMs": 500, "allocatedBytes": null, "deviceMegabytes": 20,
                     "hostMegabytes": 100}],
          "runs": [{"title": "ScissorHands, 1 memory", "jointSteps": 16, "plainSteps": 125, "epochSeconds": 20, "runSeconds": 60.5,
            "deviceMegabytes": 112.4},
                   {"title": "LUR exact", "epochMode": "min", "jointSteps": 16, "plainSteps": 0, "epochSeconds": 5, "runSeconds": 15.5,
                     "deviceMegabytes": 265.5,
                    "ratios": [{"to": "ScissorHands, 1 memory", "time": 0.26, "deviceMemory": 2.36, "hostMemory": 1.5}]},
                   {"title": "LUR exact", "epochMode": "retain-cycle", "jointSteps": 141, "plainSteps": 0, "epochSeconds": 44,
                     "runSeconds": 131, "deviceMegabytes": 265.5,
                    "ratios": [{"to": "ScissorHands, 1 memory", "time": 2.17, "deviceMemory": 0.9, "hostMemory": null}]}]}]}
        """;

    private const string Measured = """
        {"recipe": "cifar10-class", "machine": "M", "commit": "0.1.0+abc", "seeds": [1, 2, 3], "runs": {
          "ft": {"ua": {"mean": 12.346, "deviation": 1.5}, "gap": {"mean": 9, "deviation": 0.5}},
          "retrain": {"ua": {"mean": 100, "deviation": 0}, "gap": {"mean": null, "deviation": null}},
          "lur": {"ua": {"mean": 99.5, "deviation": null}, "gap": {"mean": 1.25, "deviation": 0.126}}}}
        """;

    [Test]
    public void ThePagesAreThoseOfTheCommittedResults()
    {
        foreach (var page in PageBlocks.Pages)
        {
            var text = Repository.Read(page);
            var rendered = PageBlocks.Render(
                text,
                path => Path.Combine(Repository.Root, path) is var p && File.Exists(p) ? File.ReadAllText(p) : null
            );
            Assert.That(text, Is.EqualTo(rendered), $"Run ./build.sh --target=Bench --filter=tables, and commit {page}.");
        }
    }

    [TestCase(
        "docs/results.md",
        "bench:methods",
        "bench:runs",
        "bench:peers",
        "bench:unet-peers",
        "bench:launch",
        "bench:gpu",
        "repro:cifar10-class",
        "repro:cifar10-random",
        "repro:shapes-ddpm-class"
    )]
    [TestCase("README.md", "sentence:cifar10-random")]
    public void EachPageHasItsBlocks(string page, params string[] blocks)
    {
        foreach (var block in blocks)
            Assert.That(Repository.Read(page), Does.Contain($"<!-- {block} -->"));
    }

    [Test]
    public void TheSentenceSaysWhereLurStands()
    {
        const string first =
            "`cifar10-class`: of 2 runs beside Retrain, the best of LUR is number 1, `lur` with an average gap of 1.25 +- 0.13 ";
        Assert.That(
            ReproTable.Sentence(Measured),
            Is.EqualTo($"{first}percentage points; the next is `ft` with an average gap of 9.00 +- 0.50 percentage points.")
        );
        Assert.That(
            ReproTable.Sentence(Measured.Replace("\"mean\": 9,", "\"mean\": 0.5,", StringComparison.Ordinal)),
            Does.Contain("is number 2, `lur` with")
                .And.EndsWith("; nearest of all is `ft` with an average gap of 0.50 +- 0.50 percentage points.")
        );
    }

    [Test]
    public void ABlockIsReplacedAndTheRestKept()
    {
        const string before = "a\n<!-- bench:methods -->\nold\n<!-- /bench:methods -->\nb\n";
        var after = PageBlocks.Render(before, path => path == "bench/results/Methods.json" ? Methods : null);
        Assert.That(
            after,
            Does.StartWith("a\n<!-- bench:methods -->\n| Step |").And.EndsWith("<!-- /bench:methods -->\nb\n").And.Not.Contain("old")
        );
        Assert.That(after, Does.Contain("| resnet18:w16, batch 64 + 64, LUR exact | 310.3 | 265.5 | 324 | 0 |"));
        Assert.That(after, Does.Contain("| resnet18:w16, batch 64, trim | 500.0 | 20.0 | 100 | - |"));
        Assert.That(PageBlocks.Render(after, path => path == "bench/results/Methods.json" ? Methods : null), Is.EqualTo(after));
    }

    [Test]
    public void ABlockWithoutResultsSaysSo()
    {
        var after = PageBlocks.Render("<!-- repro:cifar10-class -->\n<!-- /repro:cifar10-class -->\n", _ => null);
        Assert.That(
            after,
            Is.EqualTo(
                "<!-- repro:cifar10-class -->\nNot measured: there is no `recipes/measured/cifar10-class.json`; `lur repro "
                    + "cifar10-class` makes it.\n<!-- /repro:cifar10-class -->\n"
            )
        );
    }

    [TestCase("<!-- bench:methods -->\n")]
    [TestCase("<!-- bench:methods -->\n<!-- /bench:peers -->\n")]
    [TestCase("<!-- bench:speed -->\n<!-- /bench:speed -->\n")]
    public void ABlockThatCannotBeMadeIsRefused(string text) =>
        Assert.That(() => PageBlocks.Render(text, _ => Methods), Throws.TypeOf<UserErrorException>());

    [Test]
    public void RunsSayWhereLurIsNotBelowScissorHands()
    {
        var text = BenchTables.Runs(Methods);
        Assert.That(text, Does.Contain("| resnet18:w16, batch 64, ScissorHands, 1 memory | 16 + 125 | 20.0 | 60.5 | 112.4 |  |  |  |"));
        Assert.That(text, Does.Contain("LUR exact, --epoch-mode retain-cycle | 141 + 0 | 44.0 | 131.0 | 265.5 | 2.17 | 0.90 | - |"));
        Assert.That(text, Does.Contain("with any number of memories shown: LUR exact (min); not below: LUR exact (retain-cycle)."));
        Assert.That(text, Does.Contain("In device memory, below: LUR exact (retain-cycle); not below: LUR exact (min)."));
    }

    [Test]
    public void ARecipeIsOrderedByItsGap()
    {
        var lines = ReproTable.Render(Measured).Split('\n');
        Assert.That(
            lines[..5],
            Is.EqualTo(
                new[]
                {
                    "| Run | UA % | Avg. gap |",
                    "|---|---:|---:|",
                    "| lur | 99.50 | 1.25 +- 0.13 |",
                    "| ft | 12.35 +- 1.50 | 9.00 +- 0.50 |",
                    "| retrain | 100.00 +- 0.00 | - |",
                }
            )
        );
        Assert.That(lines[6], Is.EqualTo("`lur repro cifar10-class`; mean +- deviation over the seeds 1, 2, 3; M; version 0.1.0+abc."));
        var more = Measured.Replace(
            "\"gap\": {\"mean\": 9,",
            "\"deviceMegabytes\": {\"mean\": 103.26, \"deviation\": 0}, \"gap\": {\"mean\": 9,",
            StringComparison.Ordinal
        );
        Assert.That(
            ReproTable.Render(more),
            Does.Contain("| Run | UA % | Avg. gap |\n").And.Not.Contain("103.3"),
            "costs are compared by benchmarks"
        );
    }

    /// <summary>Means of ranks by UA and by FD: esd 1 and 2, retrain 2.5 and 3, lur 2.5 and 1.</summary>
    [Test]
    public void ARecipeOfModelsThatDrawIsOrderedByItsBalance()
    {
        const string json = """
            {"recipe": "shapes", "machine": "M", "commit": "0.1.0+abc", "seeds": [1, 2],
              "drawing": {"images": 32, "steps": 25, "guidance": 2.5, "judge": "J", "judgeAccuracies": [100, 98.76]},
              "balance": [{"run": "retrain", "ua": 2, "fd": 2, "both": 2, "seeds": [1, 2]},
                          {"run": "lur", "ua": 1, "fd": 1, "both": 1, "seeds": [1.5, 1]}],
              "runs": {
                "retrain": {"ua": {"mean": 98, "deviation": 2}, "fd": {"mean": 3, "deviation": 0.5},
                  "floor": {"mean": 0.25, "deviation": 0}},
                "lur": {"ua": {"mean": 98, "deviation": 0}, "fd": {"mean": 1.5, "deviation": 0.126}, "agreement": {"mean": 95.54}},
                "esd": {"ua": {"mean": 100, "deviation": 0}, "fd": {"mean": 2, "deviation": null}}}}
            """;
        var lines = ReproTable.Render(json).Split('\n');
        Assert.That(
            lines[..5],
            Is.EqualTo(
                new[]
                {
                    "| Run | UA % | Entropy | Agreement % | FD | Precision | Recall |",
                    "|---|---:|---:|---:|---:|---:|---:|",
                    "| esd | 100.0 +- 0.0 | - | - | 2.00 | - | - |",
                    "| lur | 98.0 +- 0.0 | - | 95.5 | 1.50 +- 0.13 | - | - |",
                    "| retrain | 98.0 +- 2.0 | - | - | 3.00 +- 0.50 | - | - |",
                }
            )
        );
        Assert.That(
            lines[6],
            Does.StartWith("Of each class 32 images, DDIM with 25 steps, guidance 2.5.")
                .And.Contain("the judge, J, which is right on 100.0, 98.8 % of real test images")
                .And.Contain("real to real images have 0.25 +- 0.00.")
                .And.EndsWith("lur 1 (by seed 1.5, 1), retrain 2 (by seed 1, 2).")
        );
        Assert.That(lines[8], Is.EqualTo("`lur repro shapes`; mean +- deviation over the seeds 1, 2; M; version 0.1.0+abc."));
    }

    [Test]
    public void StepsOfUNetsAreComparedWithPyTorchsAndWithAdam()
    {
        const string json = """
            {"machine": "M", "command": "C", "steps": [
              {"model": "u", "size": 16, "batch": 32, "step": "adam", "lurMs": 80, "lurPeakRssBytes": 138141696,
                "peers": [{"torch": "1.13", "ms": 150, "peakRssBytes": 393629696}]},
              {"model": "u", "size": 16, "batch": 32, "step": "lur", "lurMs": 200, "lurPeakRssBytes": 250000000,
                "peers": [{"torch": "1.13", "ms": 900, "peakRssBytes": 1000000000},
                          {"torch": "2.10", "ms": 700, "peakRssBytes": 500000000}]}]}
            """;
        var text = BenchTables.UNetPeers(json);
        Assert.That(text, Does.Contain("| u, 16 x 16, batch 32, adam | 1.13 | 1.88 | 1.00 | 138 | 394 | 0.35 |"));
        Assert.That(text, Does.Contain("| u, 16 x 16, batch 32, lur | 1.13 | 4.50 | 2.50 | 250 | 1000 | 0.25 |"));
        Assert.That(text, Does.Contain("| u, 16 x 16, batch 32, lur | 2.10 | 3.50 | 2.50 | 250 | 500 | 0.50 |").And.EndWith("`C`; M.\n"));
    }

    [Test]
    public void PeersShowTheCheckAndWhatIsAbsent()
    {
        const string json = """
            {"machine": "M", "command": "C", "check": [{"step": "lur", "weights": 2e-12}, {"step": "sgd", "weights": 1e-13}], "steps": [
              {"model": "resnet18:w16", "batch": 64, "step": "scissorhands-1", "title": "ScissorHands, 1 memory", "joint": true,
                "lurMs": 200.4, "lurPeakRssBytes": 161000000,
               "pytorchMs": 501, "pytorchPeakRssBytes": 441000000, "speedup": 2.5, "memoryRatio": 0.366},
              {"model": "resnet18:w16", "batch": 64, "step": "sgd", "lurMs": 96, "lurPeakRssBytes": 161000000}],
                "absent": "PyTorch was not run."}
            """;
        var text = BenchTables.Peers(json);
        Assert.That(text, Does.Contain("| resnet18:w16, batch 64 + 64, ScissorHands, 1 memory | 200 | 501 | 2.50 | 161 | 441 | 0.37 |"));
        Assert.That(text, Does.Contain("| resnet18:w16, batch 64, sgd | 96 | - | - | 161 | - | - |").And.Contain("at most 2.0E-012"));
        Assert.That(text, Does.Contain("PyTorch was not run."));
    }
}
