using Lur.Cli;
using Lur.Runs;
using Lur.Tests.Data;
using Lur.Unlearning;

namespace Lur.Tests.Cli;

/// <summary>A run is one thing: its folder is its own, nothing that is read is replaced, and what speaks of a model speaks of that
/// one.</summary>
public class OutputFolderTests
{
    private const string Data = "synthetic:train=160,test=60,seed=5";
    private static readonly string[] s_train = ["--data", Data, "--model", "resnet[1,1]:w4", "--epochs", "1", "--batch", "16"];
    private static readonly string[] s_forget = ["--data", Data, "--method", "ft", "--epochs", "1", "--batch", "16", "--forget"];
    private TempFolder _temp = null!;

    [SetUp]
    public void Train()
    {
        _temp = new TempFolder();
        Command.Judged(["train", .. s_train, "-o", _temp["base"]]);
    }

    [TearDown]
    public void Delete() => _temp.Dispose();

    private string Base => _temp["base/model.safetensors"];

    /// <summary>Content of every file of a folder.</summary>
    private static Dictionary<string, string> Content(string folder) =>
        Directory.GetFiles(folder).ToDictionary(f => Path.GetFileName(f), f => Convert.ToHexString(File.ReadAllBytes(f)));

    [Test]
    public void AFinishedRunIsReplacedOnlyWhenThatIsAskedForAndThenWhole()
    {
        Command.Judged(["train", .. s_train, "--forget", "class:3", "-o", _temp["re"]]);
        Command.Judged(["forget", Base, .. s_forget, "class:3", "-o", _temp["f"]]);
        Command.Judged("verify", _temp["f"], "--reference", _temp["re"], "--attacks", "none");
        var before = Content(_temp["f"]);
        Assert.That(before.Keys, Does.Contain("verify.json"));

        Command.Refused("--overwrite", ["forget", Base, .. s_forget, "class:4", "-o", _temp["f"]]);
        Command.Refused("--overwrite", ["train", .. s_train, "-o", _temp["f"]]);
        Assert.That(Content(_temp["f"]), Is.EqualTo(before));

        Command.Judged(["forget", Base, .. s_forget, "class:4", "--overwrite", "-o", _temp["f"]]);
        Assert.That(File.Exists(_temp["f/verify.json"]), Is.False, "the first run's verdict");
        Assert.That(File.ReadAllText(_temp["f/report.html"]), Does.Contain("class:4").And.Not.Contain("class:3"));
        Command.Judged(["train", .. s_train, "--overwrite", "-o", _temp["f"]]);
        Assert.That(File.Exists(_temp["f/forget.txt"]) || File.Exists(_temp["f/report.html"]), Is.False, "of the run before");
        Assert.That(Directory.GetDirectories(_temp["f"]), Is.Empty);
    }

    [TestCase(true)]
    [TestCase(false)]
    public void AnInterruptedSecondRunLeavesTheFirstWholeAndGoesOn(bool forgets)
    {
        string[] first = forgets ? ["forget", Base, .. s_forget, "class:3"] : ["train", .. s_train];
        string[] second = forgets ? ["forget", Base, .. s_forget, "class:4"] : ["train", .. s_train, "--seed", "2"];
        Command.Judged([.. second, "-o", _temp["whole"]]);
        Command.Judged([.. first, "-o", _temp["f"]]);
        var before = Content(_temp["f"]);
        if (forgets)
            InterruptedForgetting("f", "class:4", overwrite: true);
        else
            InterruptedTraining("f", seed: 2, overwrite: true);
        var after = Content(_temp["f"]);
        Assert.That(after.Remove(forgets ? "unlearning-state.safetensors" : "training-state.safetensors"), Is.True);
        Assert.That(after, Is.EqualTo(before));

        Command.Refused("--overwrite", [.. second, "--resume", "-o", _temp["f"]]);
        Command.Judged([.. second, "--resume", "--overwrite", "-o", _temp["f"]]);
        Assert.That(File.ReadAllBytes(_temp["f/model.safetensors"]), Is.EqualTo(File.ReadAllBytes(_temp["whole/model.safetensors"])));
        Assert.That(File.ReadAllText(_temp["f/log.csv"]), Is.EqualTo(File.ReadAllText(_temp["whole/log.csv"])));
        Command.Refused("has ended", [.. second, "--resume", "-o", _temp["f"]]);
    }

    /// <summary>A run that is cancelled after some steps of its first epoch, as Ctrl-C does.</summary>
    private static void Interrupted(Action<RunHost, CancellationToken> run)
    {
        using var cancel = new CancellationTokenSource();
        var said = new CancelAt(3, cancel);
        Assert.Throws<OperationCanceledException>(() => run(new RunHost { Progress = said }, cancel.Token));
        Assert.That(said.Interrupted?.Step, Is.InRange(3, 4));
    }

    private void InterruptedTraining(string folder, ulong seed = 1, bool overwrite = false) =>
        Interrupted(
            (host, cancel) =>
                new TrainRun(
                    new TrainSettings
                    {
                        Data = Data,
                        Model = "resnet[1,1]:w4",
                        Output = _temp[folder],
                        Training = new()
                        {
                            Epochs = 1,
                            BatchSize = 16,
                            Seed = seed,
                        },
                        Overwrite = overwrite,
                    },
                    host
                ).Run(cancel)
        );

    private void InterruptedForgetting(string folder, string forget, bool overwrite = false) =>
        Interrupted(
            (host, cancel) =>
                new ForgetRun(
                    new ForgetSettings
                    {
                        Model = Base,
                        Data = Data,
                        Output = _temp[folder],
                        Forget = [forget],
                        Method = BoundMethod.Read(
                            FineTune.Definition,
                            new Dictionary<string, string> { ["epochs"] = "1", ["batch"] = "16" }
                        ),
                        Overwrite = overwrite,
                    },
                    host
                ).Run(cancel)
        );

    /// <summary>Cancels at a report of a stage of steps.</summary>
    private sealed class CancelAt(int report, CancellationTokenSource cancel) : IProgress<RunEvent>
    {
        private bool _steps;
        private int _reports;

        public RunInterrupted? Interrupted { get; private set; }

        public void Report(RunEvent value)
        {
            if (value is StageStarted s)
                _steps = s.Stage.StartsWith("train epoch", StringComparison.Ordinal) || s.Stage == RunFolder.RepairStage;
            else if (value is StageProgress && _steps && ++_reports == report)
                cancel.Cancel();
            else if (value is RunInterrupted i)
                Interrupted = i;
        }
    }

    [Test]
    public void ACheckpointIsNotBegunOverWithoutAWord()
    {
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();
        using StringWriter output = new(),
            error = new();
        string[] args = ["train", .. s_train, "-o", _temp["a"]];
        Assert.That(CommandLine.RunAsync(args, output, error, cancel.Token).Result, Is.EqualTo(ExitCode.Interrupted));
        Command.Refused("--resume", args);
        Command.Judged([.. args, "--overwrite"]);
        Assert.That(File.Exists(_temp["a/training-state.safetensors"]), Is.False);
    }

    [TestCase("train")]
    [TestCase("forget")]
    public void ResumingNothingIsRefused(string command)
    {
        string[] args = command == "train" ? ["train", .. s_train] : ["forget", Base, .. s_forget, "class:3"];
        Command.Refused("nothing to resume", [.. args, "--resume", "-o", _temp["new"]]);
        Assert.That(Directory.Exists(_temp["new"]), Is.False);
    }

    [Test]
    public void ASecondRunInOneFolderIsRefusedWhileTheFirstLives()
    {
        var who = $"(process {Environment.ProcessId})";
        using (OutputFolder.Open(_temp["busy"], null, o => o))
        {
            // What lies there is half of a run that lives: nothing to resume, to replace, or to begin again.
            File.WriteAllText(_temp["busy/training-state.safetensors"], "half");
            foreach (var more in new[] { "--resume", "--overwrite", "--quiet" })
                Command.Refused(
                    $"Another run is working in the folder '{_temp["busy"]}' {who}",
                    ["train", .. s_train, more, "-o", _temp["busy"]]
                );
            Command.Refused($"a run is working in the folder {who}; wait", "report", _temp["busy"]);
            foreach (var reader in new[] { "eval", "lineage" })
                Command.Refused(
                    $"'{_temp["busy/model.safetensors"]}' is not there yet: a run is working in the folder {who}",
                    reader == "eval" ? ["eval", _temp["busy/model.safetensors"], "--data", Data] : ["lineage", _temp["busy"]]
                );
            Command.Refused($"is a folder; give the path of a model: '{Base}'", "eval", _temp["base"], "--data", Data);
            File.Delete(_temp["busy/training-state.safetensors"]);
            Command.Refused("Another run", ["train", .. s_train, "-o", _temp["busy"]]);
            Command.Refused("Another run", ["forget", Base, .. s_forget, "class:3", "-o", _temp["busy"]]);
        }

        Command.Judged(["train", .. s_train, "-o", _temp["busy"]]);
        Command.Judged(["forget", Base, .. s_forget, "class:3", "-o", _temp["f"]]);
        using (OutputFolder.Open(_temp["f"], null, o => o))
            Command.Refused("Another run", "verify", _temp["f"]);
        Command.Refused("run 'lur forget' again", "report", _temp["."]);
        Assert.That(Directory.GetFiles(_temp["f"], ".*"), Is.Empty);
    }

    [Test]
    public void NothingThatIsReadIsReplaced()
    {
        Command.Refused("the model to start from", ["forget", Base, .. s_forget, "class:3", "--overwrite", "-o", _temp["base"]]);
        // By a link to the folder, by one to the file, and by a list of samples that the run would write itself.
        Directory.CreateSymbolicLink(_temp["alias"], _temp["base"]);
        Command.Refused("the model to start from", ["forget", Base, .. s_forget, "class:3", "--overwrite", "-o", _temp["alias"]]);
        Directory.CreateDirectory(_temp["linked"]);
        File.CreateSymbolicLink(_temp["linked/model.safetensors"], Base);
        Command.Refused("the model to start from", ["forget", Base, .. s_forget, "class:3", "--overwrite", "-o", _temp["linked"]]);
        Directory.CreateDirectory(_temp["list"]);
        File.WriteAllText(_temp["list/forget.txt"], "1\n2\n");
        Command.Refused("a list of samples", ["forget", Base, .. s_forget, _temp["list/forget.txt"], "-o", _temp["list"]]);
        Command.Refused("a list of samples", ["train", .. s_train, "--forget", _temp["list/forget.txt"], "-o", _temp["list"]]);
        Assert.That(File.ReadAllText(_temp["list/forget.txt"]), Is.EqualTo("1\n2\n"));
        Command.Refused("is read", "export", Base, "-o", Base);
        Command.Refused("is read", "import", Base, "--data", Data, "-o", _temp["alias/model.safetensors"]);
        Command.Judged(["forget", Base, .. s_forget, "class:3", "-o", _temp["f"]]);
        Command.Refused("is read", "compare", _temp["f"], "--html", _temp["f/result.json"]);
    }

    [Test]
    public void ACheckpointThatOthersMayWriteIsNotBelieved()
    {
        InterruptedTraining("a");
        var state = _temp["a/training-state.safetensors"];
        UnixModes.Allow(state, UnixFileMode.OtherWrite);
        Command.Refused("others may write", ["train", .. s_train, "--resume", "-o", _temp["a"]]);
    }

    [Test]
    public void APageThatCannotBeWrittenIsAFailureThatKeepsTheResults()
    {
        Command.Judged(["forget", Base, .. s_forget, "class:3", "-o", _temp["f"]]);
        File.Delete(_temp["f/report.html"]);
        // A folder in its place: refused whoever runs the test, root included.
        Directory.CreateDirectory(_temp["f/report.html"]);
        Command.Refused("'lur report", "verify", _temp["f"], "--attacks", "none");
        Assert.That(File.Exists(_temp["f/model.safetensors"]) && File.Exists(_temp["f/verify.json"]), Is.True);
        Directory.Delete(_temp["f/report.html"]);
        Command.Judged("report", _temp["f"]);
    }

    [Test]
    public void AFileOfUsersThatIsNoRunIsNotReplacedEither()
    {
        Directory.CreateDirectory(_temp["mine"]);
        File.Copy(Base, _temp["mine/model.safetensors"]);
        Command.Refused("--overwrite", ["train", .. s_train, "-o", _temp["mine"]]);
    }

    [Test]
    public void AModelThatWasReplacedIsNotJudgedByAnothersResults()
    {
        Command.Judged(["train", .. s_train, "--forget", "class:3", "-o", _temp["re"]]);
        Command.Judged(["forget", Base, .. s_forget, "class:3", "-o", _temp["f"]]);
        Command.Judged(["forget", Base, .. s_forget, "class:4", "-o", _temp["g"]]);
        Command.Judged("verify", _temp["f"], "--attacks", "none");
        File.Copy(_temp["f/verify.json"], _temp["g/verify.json"]);
        Command.Refused("another model", "report", _temp["g"]);
        File.Delete(_temp["g/verify.json"]);
        File.Copy(_temp["g/model.safetensors"], _temp["f/model.safetensors"], overwrite: true);
        foreach (var command in new[] { "report", "compare", "verify" })
            Command.Refused("is not the model", command, _temp["f"]);
        File.Copy(Base, _temp["re/model.safetensors"], overwrite: true);
        Command.Refused("is not the model", "verify", _temp["g"], "--reference", _temp["re"]);
    }

    [Test]
    public void AnOriginalThatWasReplacedIsRefused()
    {
        Command.Judged(["forget", Base, .. s_forget, "class:3", "-o", _temp["f"]]);
        Command.Judged(["train", .. s_train, "--seed", "2", "--overwrite", "-o", _temp["base"]]);
        Command.Refused("is not the model that the run", "verify", _temp["f"], "--attacks", "none");
    }

    [Test]
    public void ACheckpointKnowsWhatItIsOf()
    {
        string[] train = ["train", .. s_train, "-o", _temp["a"]];
        InterruptedTraining("a");
        Command.Refused("'samples'", [.. train, "--resume", "--forget", "class:3"]);
        Command.Refused("'samples'", [.. train, "--resume", "--validation", "0.25"]);
        string[] Forget(string model, string set, params string[] more) => ["forget", model, .. s_forget, set, .. more, "-o", _temp["b"]];
        InterruptedForgetting("b", "class:3");
        Command.Refused("'samples'", [.. Forget(Base, "class:4"), "--resume"]);
        Command.Refused("'option lr' is '0.01', but this run has '0.5'", [.. Forget(Base, "class:3", "--lr", "0.5"), "--resume"]);
        Command.Refused("'seed'", [.. Forget(Base, "class:3", "--seed", "2"), "--resume"]);
        Command.Refused(
            "'method'",
            ["forget", Base, .. s_forget.Select(o => o == "ft" ? "ga" : o), "class:3", "-o", _temp["b"], "--resume"]
        );
        Command.Judged(["train", .. s_train, "--seed", "2", "-o", _temp["other"]]);
        Command.Refused("'original model'", [.. Forget(_temp["other/model.safetensors"], "class:3"), "--resume"]);
        Command.Judged([.. Forget(Base, "class:3"), "--resume"]);
    }
}
