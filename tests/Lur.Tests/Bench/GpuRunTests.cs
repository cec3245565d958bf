using System.Diagnostics;
using System.Text.Json;
using Lur.Bench.Pages;
using Lur.Tests.Data;

namespace Lur.Tests.Bench;

/// <summary>What run.sh makes of stages that fail, hang or are cut off; the programs are scripts.</summary>
public class GpuRunTests
{
    [Test]
    public void AStageThatFailsDoesNotStopTheNextAndItsLastWordsAreTheReason()
    {
        using var bundle = GpuBundle.Of(
            """
            case $words in
                "Lur.Bench.dll gpu steps"*) printf 'first\n\tno "luck" in C:\\temp\n\n'; exit 3 ;;
                "Lur.Bench.dll gpu kernels"*) echo "{}" >"$4" ;;
            esac
            """
        );
        var run = bundle.Run("--rehearse", "--stages", "steps,kernels", "--archive", bundle["r.tar.gz"]);
        Assert.That(run.ExitCode, Is.EqualTo(1), run.Text);
        Assert.That(bundle.Result("steps"), Is.EqualTo("failed"));
        Assert.That(bundle.Stage("steps").GetProperty("exitCode").GetInt32(), Is.EqualTo(3));
        Assert.That(bundle.Stage("steps").GetProperty("reason").GetString(), Is.EqualTo(" no \"luck\" in C:\\temp"));
        Assert.That(bundle.Result("kernels"), Is.EqualTo("passed"));
        Assert.That(run.Output, Does.Match(@"steps +failed +[0-9.]+ s +.*luck").And.Match(@"kernels +passed"));
        Assert.That(bundle["r.tar.gz"], Does.Exist);
        Assert.That(Directory.GetFiles(Path.Combine(bundle.Out, "stages")), Has.Length.EqualTo(2), "no stage beside those asked for");
    }

    [Test]
    public void AStageIsStoppedAtItsLimitWithAllItHasStarted()
    {
        using var bundle = GpuBundle.Of(
            """
            case $words in
                "Lur.Bench.dll gpu steps"*) trap '' TERM; echo $$ >"$4.pid"; while :; do sleep 1; done ;;
            esac
            """
        );
        var clock = Stopwatch.StartNew();
        var run = bundle.Run("--rehearse", "--stages", "steps,kernels", "--limit", "steps=1");
        Assert.That(run.ExitCode, Is.EqualTo(1), run.Text);
        Assert.That(bundle.Result("steps"), Is.EqualTo("cut"));
        Assert.That(bundle.Stage("steps").GetProperty("limitSeconds").GetInt32(), Is.EqualTo(1));
        Assert.That(bundle.Result("kernels"), Is.EqualTo("passed"));
        // The limit, the eight seconds until it is killed, and a loaded machine.
        Assert.That(clock.Elapsed.TotalSeconds, Is.LessThan(60));
        var child = File.ReadAllText(Path.Combine(bundle.Out, "data/steps.json.pid")).Trim();
        Assert.That(IsAlive(child), Is.False, "what the stage had started");
    }

    [Test]
    public void ARunThatIsKilledKeepsItsStagesAndCanBePutTogether()
    {
        using var bundle = GpuBundle.Of(
            """
            case $words in
                "Lur.Bench.dll gpu steps"*) echo '{"rows": [{"model": "m", "batch": 1, "title": "T", "medianMs": 2}]}' >"$4" ;;
                "Lur.Bench.dll gpu kernels"*) printf '{"vectors": [' >"$4"; touch "$4.begun"; sleep 300 ;;
            esac
            """
        );
        using var run = ChildProcess.Start(
            "setsid",
            ["bash", .. bundle.Arguments("--rehearse", "--stages", "steps,kernels")],
            bundle.Environment
        );
        WaitFor(Path.Combine(bundle.Out, "data/kernels.json.begun"), run);
        run.Kill(entireProcessTree: true);
        run.WaitForExit();
        Assert.That(bundle.Result("steps"), Is.EqualTo("passed"));
        Assert.That(bundle.Result("kernels"), Is.EqualTo("running"));
        var merged = GpuResults.Merge(bundle.Out);
        using var json = JsonDocument.Parse(merged);
        Assert.That(json.RootElement.GetProperty("unreadable").GetRawText(), Does.Contain("data/kernels.json"));
        Assert.That(GpuTables.Render(merged), Does.Contain("| m, batch 1, T | 2.00 | - |").And.Contain("| kernels | running | 0 |"));
    }

    [Test]
    public void ARunThatIsToldToStopSaysWhatItHasAndWhatIsMissing()
    {
        using var bundle = GpuBundle.Of(
            """
            case $words in "Lur.Bench.dll gpu steps"*) touch "$4.begun"; sleep 300 ;; esac
            """
        );
        using var run = ChildProcess.Start("bash", bundle.Arguments("--rehearse", "--stages", "steps,kernels"), bundle.Environment);
        WaitFor(Path.Combine(bundle.Out, "data/steps.json.begun"), run);
        Assert.That(ChildProcess.Run("kill", ["-TERM", $"{run.Id}"]).ExitCode, Is.Zero);
        var output = run.StandardOutput.ReadToEnd();
        run.WaitForExit();
        Assert.That(run.ExitCode, Is.EqualTo(130), output);
        Assert.That(bundle.Result("steps"), Is.EqualTo("cut"));
        Assert.That(bundle.Result("kernels"), Is.EqualTo("not run"));
        Assert.That(output, Does.Match("kernels +not run"));
    }

    [Test]
    public void TheTotalIsKept()
    {
        using var bundle = GpuBundle.Of(
            """
            case $words in "Lur.Bench.dll gpu steps"*) sleep 300 ;; esac
            """
        );
        var run = bundle.Run("--rehearse", "--stages", "steps,kernels", "--total", "5", "--limit", "steps=100");
        Assert.That(run.ExitCode, Is.EqualTo(1), run.Text);
        Assert.That(bundle.Stage("steps").GetProperty("limitSeconds").GetInt32(), Is.InRange(1, 5));
        Assert.That(bundle.Result("kernels"), Is.EqualTo("not run"));
        Assert.That(bundle.Stage("kernels").GetProperty("reason").GetString(), Is.EqualTo("no time was left"));
    }

    /// <summary>A training ends by its own clock, before the stage does, with the code of an interrupted run.</summary>
    [TestCase("trap 'kill $!; exit 130' TERM; sleep 300 & wait", "passed", 0)]
    [TestCase("echo lur: broken; exit 1", "failed", 1)]
    public void TrainingThatIsStoppedByItsClockIsDone(string script, string result, int code)
    {
        using var bundle = GpuBundle.Of($"case $words in *train*) echo \"$words\" >\"$DOTNET_ROOT/words\"; {script} ;; esac");
        var run = bundle.Run("--rehearse", "--stages", "train", "--limit", "train=13");
        Assert.That(bundle.Result("train"), Is.EqualTo(result), run.Text);
        Assert.That(run.ExitCode, Is.EqualTo(code), run.Text);
        Assert.That(File.ReadAllText(bundle["bundle/dotnet/words"]), Does.Contain("--overwrite").And.Not.Contain("--resume"));
    }

    [Test]
    public void TrainingGoesOnWithItsCheckpoint()
    {
        using var bundle = GpuBundle.Of("case $words in *train*) echo \"$words\" ;; esac");
        Directory.CreateDirectory(Path.Combine(bundle.Out, "train"));
        File.WriteAllText(Path.Combine(bundle.Out, "train/training-state.safetensors"), "");
        Assert.That(bundle.Run("--rehearse", "--stages", "train").ExitCode, Is.Zero);
        Assert.That(
            File.ReadAllText(Path.Combine(bundle.Out, "logs/7-train.log")),
            Does.Contain("--resume").And.Not.Contain("--overwrite")
        );
    }

    [Test]
    public void WhatIsNotThereIsNamedAndIsNoFailure()
    {
        using var bundle = GpuBundle.Of("");
        bundle.Tool("python3", "exit 1");
        var run = bundle.Run("--rehearse", "--stages", "peers");
        Assert.That(run.ExitCode, Is.Zero, run.Text);
        Assert.That(bundle.Result("peers"), Is.EqualTo("not run"));
        Assert.That(bundle.Stage("peers").GetProperty("reason").GetString(), Does.Contain("'python3' has no PyTorch"));
    }

    [Test]
    public void AToolThatFindsAnErrorFailsTheStage()
    {
        using var bundle = GpuBundle.Of("");
        bundle.Tool(
            "compute-sanitizer",
            """
            [ "$2" = racecheck ] || exit 0
            echo '========= RACECHECK SUMMARY: 2 hazards displayed'
            exit 99
            """
        );
        Assert.That(bundle.Run("--rehearse", "--stages", "sanitizer").ExitCode, Is.EqualTo(1));
        Assert.That(bundle.Result("sanitizer"), Is.EqualTo("failed"));
        using var tools = JsonDocument.Parse(File.ReadAllText(Path.Combine(bundle.Out, "data/sanitizer.json")));
        Assert.That(tools.RootElement.EnumerateArray().Select(t => t.GetProperty("exitCode").GetInt32()), Is.EqualTo(new[] { 0, 99, 0 }));
        Assert.That(tools.RootElement[1].GetProperty("summary").GetString(), Does.EndWith("2 hazards displayed"));
    }

    [TestCase("--speed", "", "there is no option '--speed'")]
    [TestCase("--total", "0", "--total takes seconds, not '0'")]
    [TestCase("--limit", "steps", "--limit takes STAGE=SECONDS")]
    [TestCase("--limit", "nap=3", "--limit takes STAGE=SECONDS")]
    [TestCase("--stages", "steps,nap", "there is no stage 'nap'")]
    [TestCase("--data", "/nowhere/at/all", "--data: there is no '/nowhere/at/all'")]
    [TestCase("--shards", "many", "--shards takes a number, not 'many'")]
    [TestCase("--out", "", "--out needs a value")]
    public void AWrongOptionIsNamedAndNothingIsWritten(string option, string value, string sentence)
    {
        using var bundle = GpuBundle.Of("");
        var run = bundle.Run(option, value);
        Assert.That(run.ExitCode, Is.EqualTo(2), run.Text);
        Assert.That(run.Error, Does.Contain(sentence));
        Assert.That(bundle.Out, Does.Not.Exist);
    }

    [Test]
    public void AFolderWithoutStagesIsRefused()
    {
        using var folder = new TempFolder();
        Assert.That(
            () => GpuResults.Merge(folder.Path),
            Throws.TypeOf<UserErrorException>().With.Message.Contains("holds no stage of a GPU run")
        );
    }

    /// <summary>Of a shard that was cut off the tests so far count, and the one that it was at is named.</summary>
    [Test]
    public void ShardsAreAddedUp()
    {
        using var folder = new TempFolder();
        folder.Write(
            "stages/2-tests.json",
            """{"stage": "tests", "number": 2, "gpu": "G", "driver": "1", "commit": "c", "seconds": 9, "result": "cut", "reason": "a|b"}"""
        );
        folder.Write(
            "data/tests-1.json",
            """{"passed": 2, "failed": 1, "skipped": 4, "seconds": 3, "tests": [{"name": "A", "outcome": "failed"}]}"""
        );
        folder.Write("data/tests-2.json", """{"passed": 5, "failed": 0, "skipped": 1, "running": "B", "tests": []}""");
        var merged = GpuResults.Merge(folder.Path);
        using var json = JsonDocument.Parse(merged);
        var tests = json.RootElement.GetProperty("tests");
        Assert.That(tests.GetProperty("failures")[0].GetProperty("name").GetString(), Is.EqualTo("A"));
        Assert.That(tests.GetProperty("running")[0].GetString(), Is.EqualTo("B"));
        Assert.That(tests.GetProperty("shardsCut").GetInt32(), Is.EqualTo(1));
        Assert.That(
            GpuTables.Render(merged),
            Does.Contain("Tests: 7 passed, 1 failed, 5 not run.").And.Contain("| tests | cut | 9 | a/b |")
        );
    }

    private static bool IsAlive(string pid) =>
        File.Exists($"/proc/{pid}/stat") && !File.ReadAllText($"/proc/{pid}/stat").Contains(") Z", StringComparison.Ordinal);

    private static void WaitFor(string path, Process run)
    {
        var clock = Stopwatch.StartNew();
        while (!File.Exists(path))
        {
            Assert.That(run.HasExited, Is.False, "run.sh ended too soon");
            Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromMinutes(2)), $"{path} did not appear");
            Thread.Sleep(20);
        }
    }
}
