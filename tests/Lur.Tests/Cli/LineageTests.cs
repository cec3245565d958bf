using System.Text.Json.Nodes;
using Lur.Cli;
using Lur.Runs;
using Lur.Tests.Data;

namespace Lur.Tests.Cli;

/// <summary>lur lineage tells how a model came to be and whether its records hold; lur purge finds what still knows the forgotten and
/// deletes that alone.</summary>
[NonParallelizable] // LUR_REFERENCES is the process's
public class LineageTests
{
    private const string Data = "synthetic:train=160,test=60,seed=5";
    private static readonly string[] s_train = ["train", "--data", Data, "--model", "resnet[1,1]:w4", "--epochs", "1", "--batch", "16"];
    private TempFolder _temp = null!;
    private EnvironmentVariable _references = null!;

    private string Model(string run) => _temp[run + "/model.safetensors"];

    private void Request(string from, string to, string forget, string method = "ft") =>
        Command.Judged([
            "forget",
            Model(from),
            "--data",
            Data,
            "--method",
            method,
            "--epochs",
            "1",
            "--batch",
            "16",
            "--forget",
            forget,
            "-o",
            _temp["x/" + to],
        ]);

    [SetUp]
    public void TwoRequests()
    {
        _temp = new TempFolder();
        _references = new EnvironmentVariable("LUR_REFERENCES", _temp["cache"]);
        Command.Judged([.. s_train, "-o", _temp["x/base"]]);
        Request("x/base", "first", "class:3");
        Request("x/first", "second", "class:5");
        Command.Judged("verify", _temp["x/second"], "--attacks", "none");
    }

    [TearDown]
    public void Delete()
    {
        _references.Dispose();
        _temp.Dispose();
    }

    [Test]
    public void TheChainIsListedWithItsRequests()
    {
        var (code, output, error) = Command.Run("lineage", Model("x/second"), "--json");
        Assert.That(code, Is.Zero, error);
        var steps = JsonNode.Parse(output)!.AsArray();
        Assert.That(steps.Select(s => (string)s!["command"]!), Is.EqualTo(new[] { "train", "forget", "forget" }));
        Assert.That(steps.Select(s => (string)s!["request"]!), Is.EqualTo(new[] { "", "class:3", "class:5" }));
        Assert.That(steps.Select(s => (int?)s!["samples"]), Is.EqualTo(new int?[] { null, 16, 16 }));
        Assert.That(steps.Select(s => (int?)s!["forgotten"]), Is.EqualTo(new int?[] { null, 16, 32 }));
        Assert.That(steps.Select(s => (string)s!["verdict"]!), Is.EqualTo(new[] { "", "", "Withheld" }));
        Assert.That(
            steps.Select(s => (string)s!["modelSha256"]!),
            Is.EqualTo(new[] { "x/base", "x/first", "x/second" }.Select(r => RunFolder.Sha256Of(Model(r))))
        );
        foreach (var step in steps)
            Assert.That((string)step!["finished"]!, Does.Match("^20[0-9-]+T[0-9:]+Z$"));
        Assert.That(Command.Judged("lineage", _temp["x/second"]).Output, Does.Contain("class:5"));
    }

    [TestCase("change")]
    [TestCase("remove")]
    [TestCase("cut")]
    [TestCase("delete")]
    public void ARecordThatWasTamperedWithIsFound(string what)
    {
        var path = _temp["x/first/audit.jsonl"];
        var lines = File.ReadAllLines(path);
        Assert.That(lines.Select(l => (string)JsonNode.Parse(l)!["event"]!), Is.EqualTo(new[] { "asked", "resolved", "done", "measured" }));
        switch (what)
        {
            case "change":
                lines[1] = lines[1].Replace("\"forgetImages\":16", "\"forgetImages\":15", StringComparison.Ordinal);
                break;
            case "remove":
                lines = [lines[0], .. lines[2..]];
                break;
            case "cut":
                lines = lines[..^1];
                break;
        }

        if (what == "delete")
            File.Delete(path);
        else
            File.WriteAllLines(path, lines);
        var (code, _, error) = Command.Run("lineage", Model("x/second"));
        Assert.That(code, Is.EqualTo(ExitCode.VerdictFailed), error);
        Assert.That(error, Does.Contain(path));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void AListOfSamplesThatWasTamperedWithIsFound(bool delete)
    {
        var path = _temp["x/first/forget.txt"];
        if (delete)
            File.Delete(path);
        else
            File.WriteAllLines(path, File.ReadAllLines(path)[..^1]);
        var (code, _, error) = Command.Run("lineage", Model("x/second"));
        Assert.That(code, Is.EqualTo(ExitCode.VerdictFailed), error);
        Assert.That(error, Does.Contain(path).And.Contain(delete ? "is missing" : "taken out"));
    }

    [Test]
    public void ARequestOfAModelThatWasMovedIsPurgedToo()
    {
        Directory.CreateDirectory(_temp["moved"]);
        File.Copy(Model("x/first"), _temp["moved/m.safetensors"]);
        string[] lists = ["--forgotten", _temp["x/first/forget.txt"], "--split", _temp["x/first/split.json"]];
        string[] request = ["forget", _temp["moved/m.safetensors"], "--data", Data, "--method", "ft", "--epochs", "1", "--batch", "16"];
        Command.Judged([.. request, .. lists, "--forget", "class:7", "-o", _temp["y/third"]]);
        // A training that was interrupted beside it goes on knowing the samples.
        File.Copy(WriteCheckpoint(), Path.Combine(Directory.CreateDirectory(_temp["y/beside"]).FullName, "training-state.safetensors"));
        Assert.That(
            Command.Judged("purge", "--request", _temp["y/third"]).Output,
            Does.Contain("m.safetensors").And.Contain("y/beside/training-state.safetensors")
        );
    }

    [Test]
    public void TheUnlearnedModelIsNoReferenceForItself()
    {
        var (code, _, error) = Command.Run("verify", _temp["x/second"], "--reference", Model("x/second"), "--attacks", "none");
        Assert.That(code, Is.EqualTo(ExitCode.Failed));
        // The folder is refused for what it is before its bytes are compared; a copy elsewhere is not known by its folder.
        Assert.That(error, Does.Contain("x/second/model.safetensors"));
        File.Copy(Model("x/second"), _temp["copy.safetensors"]);
        (code, _, error) = Command.Run("verify", _temp["x/second"], "--reference", _temp["copy.safetensors"], "--attacks", "none");
        Assert.That((code, error.Contains("is the unlearned model itself", StringComparison.Ordinal)), Is.EqualTo((ExitCode.Failed, true)));
    }

    private string WriteCheckpoint()
    {
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();
        Command.Run([.. s_train, "-o", _temp["stopped"]], cancel.Token);
        return _temp["stopped/training-state.safetensors"];
    }

    [Test]
    public void AReplacedOrMissingModelOfTheChainIsSaid()
    {
        File.Copy(Model("x/second"), Model("x/base"), overwrite: true);
        var (code, output, error) = Command.Run("lineage", Model("x/second"));
        Assert.That((code, error.Contains("replaced", StringComparison.Ordinal)), Is.EqualTo((ExitCode.VerdictFailed, true)), error);
        File.Delete(Model("x/base"));
        (code, output, _) = Command.Run("lineage", Model("x/second"));
        Assert.That((code, output.Contains("not there", StringComparison.Ordinal)), Is.EqualTo((ExitCode.Done, true)));
        File.Delete(Model("x/first"));
        var steps = JsonNode.Parse(Command.Judged("lineage", Model("x/second"), "--json").Output)!.AsArray();
        Assert.That(steps.Select(s => (string)s!["state"]!), Is.EqualTo(new[] { "not there", "not there", "there" }));
    }

    [Test]
    public void PurgeDeletesWhatKnowsTheSamplesAndNothingElse()
    {
        // One reference that never saw class 5, and one of the first request that did; a checkpoint; a run beside that did.
        Command.Judged("verify", _temp["x/second"], "--retrain", "1", "--attacks", "none");
        var clean = Directory.GetDirectories(_temp["cache"]).Single();
        Command.Judged("verify", _temp["x/first"], "--retrain", "1", "--attacks", "none");
        var knowing = Directory.GetDirectories(_temp["cache"]).Except([clean]).Single();
        File.WriteAllText(_temp["x/base/training-state.safetensors"], "left");
        Request("x/base", "other", "class:6");
        Request("x/base", "both", _temp["x/second/forget.txt"], "retrain");
        var before = Files();

        var listed = JsonNode.Parse(Command.Judged("purge", "--request", _temp["x/second"], "--json").Output)!;
        string[] expected = [_temp["x/base/training-state.safetensors"], Model("x/base"), Model("x/first"), knowing];
        Assert.That(listed["delete"]!.AsArray().Select(i => (string)i!["path"]!), Is.EquivalentTo(expected.Select(RealPath.Of)));
        var left = listed["outOfReach"]!.AsArray().Select(i => (string)i!["what"]!).ToArray();
        Assert.That(left.Any(l => l.Contains(Model("x/other"), StringComparison.Ordinal)), Is.True);
        Assert.That(left.Any(l => l.Contains(Model("x/both"), StringComparison.Ordinal)), Is.False, "it never saw them");
        Assert.That(Files(), Is.EqualTo(before), "without --yes nothing is deleted");

        Command.Judged("purge", "--request", _temp["x/second"], "--yes");
        Assert.That(
            Files(),
            Is.EqualTo(before.Where(f => !expected.Contains(f) && !f.StartsWith(knowing + "/", StringComparison.Ordinal)))
        );
        Assert.That(File.ReadAllLines(_temp["x/second/audit.jsonl"])[^1], Does.Contain("\"purged\"").And.Contain(knowing));
        // A second time it knows what it has done itself.
        var again = Command.Judged("purge", "--request", _temp["x/second"], "--json").Output;
        Assert.That(JsonNode.Parse(again)!["delete"]!.AsArray(), Is.Empty);
        Assert.That(again, Does.Not.Contain("not there any more").And.Not.Contain(Model("x/first")));
        Assert.That(
            Command.Judged("purge", "--request", _temp["x/second"]).Error,
            Does.Contain($"'{RealPath.Of(Model("x/first"))}' (model")
        );
    }

    [Test]
    public void TheRecordsBehindAPurgedModelAreReadAndChecked()
    {
        Request("x/second", "third", "class:7");
        Command.Judged("purge", "--request", _temp["x/second"], "--yes");
        // Neither the third request nor the first knows of the purge; the folders of what was deleted do.
        foreach (var (run, states) in new[] { ("x/third", "purged purged there there"), ("x/second", "purged purged there") })
        {
            var (code, output, error) = Command.Run("lineage", _temp[run], "--json");
            Assert.That(code, Is.Zero, error);
            var steps = JsonNode.Parse(output)!.AsArray();
            Assert.That(string.Join(' ', steps.Select(s => (string)s!["state"]!)), Is.EqualTo(states));
            Assert.That(
                steps.Take(3).Select(s => $"{s!["command"]} {s["request"]} {s["forgotten"]}"),
                Is.EqualTo(new[] { "train  ", "forget class:3 16", "forget class:5 32" })
            );
        }

        Command.Refused("was deleted by 'lur purge'", "verify", _temp["x/second"], "--attacks", "none");
        Command.Judged("report", _temp["x/second"]);
        Assert.That(Command.Run("lineage", _temp["x/third"]).Error, Does.Contain("deleted by 'lur purge'").And.Contain("x/base"));
        var path = _temp["x/first/audit.jsonl"];
        File.WriteAllLines(path, File.ReadAllLines(path).Select(l => l.Replace("\"steps\":9", "\"steps\":8", StringComparison.Ordinal)));
        var tampered = Command.Run("lineage", _temp["x/third"]);
        Assert.That((tampered.Code, tampered.Error), Is.EqualTo((ExitCode.VerdictFailed, tampered.Error)));
        Assert.That(tampered.Error, Does.Contain(path));
    }

    [Test]
    public void APurgeLeavesAloneWhatARunIsWorkingOn()
    {
        using (OutputFolder.Open(_temp["x/first"], null, o => o))
            Command.Refused("a run is working there", "purge", "--request", _temp["x/second"], "--yes");
        Assert.That(File.Exists(Model("x/first")) && !File.Exists(Model("x/base")), Is.True);
        Command.Judged("purge", "--request", _temp["x/second"], "--yes");
        Assert.That(File.Exists(Model("x/first")), Is.False);
    }

    [Test]
    public void AReferenceThatOthersMayHaveWrittenIsNotBelieved()
    {
        Command.Judged("verify", _temp["x/second"], "--retrain", "1", "--attacks", "none");
        var entry = Directory.GetDirectories(_temp["cache"]).Single();
        UnixModes.Allow(entry, UnixFileMode.OtherWrite);
        var (code, _, error) = Command.Run("verify", _temp["x/second"], "--retrain", "1", "--attacks", "none");
        Assert.That((code, error.Contains("others may write", StringComparison.Ordinal)), Is.EqualTo((ExitCode.Failed, true)), error);
    }

    private string[] Files() =>
        [.. Directory.GetFiles(_temp["."], "*", SearchOption.AllDirectories).Select(Path.GetFullPath).Order(StringComparer.Ordinal)];

    [Test]
    public void PurgeTouchesNoModelThatTookAnothersPlaceAndNotTheLast()
    {
        File.Copy(Model("x/second"), Model("x/base"), overwrite: true);
        Command.Judged("purge", "--request", _temp["x/second"], "--yes");
        Assert.That(File.Exists(Model("x/base")) && File.Exists(Model("x/second")), Is.True, "another model than the original");
        File.Delete(Model("x/second"));
        var (code, _, error) = Command.Run("purge", "--request", _temp["x/second"], "--yes");
        Assert.That((code, error.Contains("nothing would be left", StringComparison.Ordinal)), Is.EqualTo((ExitCode.Failed, true)), error);
    }
}
