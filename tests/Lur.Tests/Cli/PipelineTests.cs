using System.Diagnostics;
using System.Text.Json;
using Lur.Checkpoints;
using Lur.Cli;
using Lur.Tests.Data;

namespace Lur.Tests.Cli;

/// <summary>The commands end to end on small generated data: what they leave behind, that it repeats to the byte, and that a
/// killed run goes on as if nothing had happened.</summary>
public class PipelineTests
{
    private const string Data = "synthetic:train=160,test=60,seed=5";
    private static readonly string[] s_train = $"--data {Data} --model resnet[1,1]:w4 --epochs 2 --batch 16 --lr 0.05".Split(' ');
    private static readonly string[] s_forget = $"--data {Data} --batch 16 --lr 0.01 --epochs 1".Split(' ');
    private TempFolder _temp = null!;
    private string _base = "";

    private static string Train(string folder, params string[] more)
    {
        Command.Done(["train", .. s_train, "-o", folder, .. more]);
        return Path.Combine(folder, "model.safetensors");
    }

    /// <summary>The model that most tests begin with; none of them changes it.</summary>
    [OneTimeSetUp]
    public void TrainOnce()
    {
        _temp = new TempFolder();
        _base = Train(_temp["base"]);
    }

    [OneTimeTearDown]
    public void Delete() => _temp.Dispose();

    [Test]
    public void TrainAndForgetLeaveEverythingBehindAndRepeatToTheByte()
    {
        using var temp = new TempFolder();
        var again = Train(temp["again"]);
        Assert.That(File.ReadAllBytes(again), Is.EqualTo(File.ReadAllBytes(_base)), "same seed, same bytes");
        foreach (var name in new[] { "f", "g" })
        {
            var (code, output, error) = Command.Run(["forget", _base, .. s_forget, "--forget", "class:3", "-o", temp[name]]);
            Assert.That(code, Is.Zero, error);
            foreach (var metric in new[] { "UA", "RA", "TA", "FTA" })
                Assert.That(output, Does.Contain(metric));
        }

        Assert.That(File.ReadAllBytes(temp["f/model.safetensors"]), Is.EqualTo(File.ReadAllBytes(temp["g/model.safetensors"])));
        Assert.That(File.ReadAllText(temp["f/log.csv"]), Is.EqualTo(File.ReadAllText(temp["g/log.csv"])));
        foreach (var file in new[] { "config.json", "result.json", "forget.txt" })
            Assert.That(File.Exists(temp["f/" + file]), file);
        using var result = JsonDocument.Parse(File.ReadAllText(temp["f/result.json"]));
        var samples = result.RootElement.GetProperty("samples");
        Assert.That(samples.GetProperty("test").GetProperty("unlearned").GetProperty("predicted").GetArrayLength(), Is.EqualTo(60));
        Assert.That(
            samples.GetProperty("forget").GetProperty("index").GetArrayLength()
                + samples.GetProperty("retain").GetProperty("index").GetArrayLength(),
            Is.EqualTo(160)
        );
        using var original = SafeTensorsFile.Open(_base);
        using var unlearned = SafeTensorsFile.Open(temp["f/model.safetensors"]);
        Assert.That(unlearned.Metadata["lur.parent-sha256"], Is.EqualTo(original.Sha256()));
    }

    [TestCase("random:25%")]
    [TestCase("class:3", "--hvp", "fd")]
    [TestCase("class:3", "--hvp", "none", "--epoch-mode", "min")]
    [TestCase("class:3", "--epoch-mode", "retain-tail", "--forget-loss", "random-label")]
    [TestCase("class:3", "--bn", "frozen", "--forget-loss", "uniform-kl")]
    [TestCase("class:3", "--bn", "both", "--forget-loss", "bounded", "--trim-scope", "eligible")]
    public void EveryVariantRuns(string forget, params string[] options)
    {
        using var temp = new TempFolder();
        var (code, output, error) = Command.Run(["forget", _base, .. s_forget, "--forget", forget, "-o", temp["f"], .. options]);
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Contain("UA"));
        Assert.That(File.ReadAllLines(temp["f/log.csv"]), Has.Length.GreaterThan(1), "a header and a step");
    }

    [Test]
    public void TheProbeSeesTheLossAtThetaAndChangesNothing()
    {
        using var temp = new TempFolder();
        foreach (var (name, options) in new (string, string[])[] { ("plain", []), ("probed", ["--probe-every", "2"]) })
        {
            var (code, _, error) = Command.Run([
                "forget",
                _base,
                .. s_forget,
                "--forget",
                "random:40%",
                "--alpha",
                "0",
                "-o",
                temp[name],
                .. options,
            ]);
            Assert.That(code, Is.Zero, error);
        }

        Assert.That(File.ReadAllBytes(temp["probed/model.safetensors"]), Is.EqualTo(File.ReadAllBytes(temp["plain/model.safetensors"])));
        var rows = File.ReadAllLines(temp["probed/log.csv"]).Select(l => l.Split(',')).ToArray();
        int atTheta = Array.IndexOf(rows[0], "forget_loss_at_theta"),
            ahead = Array.IndexOf(rows[0], "forget_loss");
        for (var i = 1; i < rows.Length; i++)
        {
            // alpha = 0 looks ahead to theta itself: the two losses are one.
            Assert.That(rows[i][atTheta], Is.EqualTo(i % 2 == 1 ? rows[i][ahead] : ""), $"step {i}");
        }
    }

    [TestCase("100", 1)]
    [TestCase("-1", 3)]
    public void TheRunStopsOnceItForgets(string accuracy, int epochs)
    {
        using var temp = new TempFolder();
        string[] loop = [.. s_forget[..^2], "--epochs", "3", "--stop-accuracy", accuracy];
        Command.Done(["forget", _base, .. loop, "--forget", "class:3", "-o", temp["f"]]);
        var last = File.ReadAllLines(temp["f/log.csv"])[^1].Split(',');
        Assert.That(last[1], Is.EqualTo($"{epochs}"));
        using var result = JsonDocument.Parse(File.ReadAllText(temp["f/result.json"]));
        Assert.That(result.RootElement.GetProperty("steps").GetRawText(), Is.EqualTo(last[0]));
    }

    [Test]
    public void AKilledRunResumesToTheSameBytes()
    {
        using var temp = new TempFolder();
        var folder = temp["killed"];
        string[] args = ["train", .. s_train, "-o", folder, "--checkpoint-every", "1"];
        // Killed three times, each time as soon as a further checkpoint appears: also in the middle of writing the next.
        var state = Path.Combine(folder, "training-state.safetensors");
        var killed = 0;
        for (var round = 0; round < 3 && !File.Exists(Path.Combine(folder, "model.safetensors")); round++)
            killed += KillAtTheNextCheckpoint(round == 0 ? args : [.. args, "--resume"], state) ? 1 : 0;
        Assert.That(killed, Is.Positive, "no run was killed before its end, so that nothing is tested");
        Assert.That(File.Exists(state), "what was killed has left a checkpoint");

        var resumed = Command.Done([.. args, "--resume"]);
        Assert.That(resumed.Error, Does.Contain("resumed at step"));
        Assert.That(File.ReadAllBytes(Path.Combine(folder, "model.safetensors")), Is.EqualTo(File.ReadAllBytes(_base)));
        Assert.That(File.ReadAllText(Path.Combine(folder, "log.csv")), Is.EqualTo(File.ReadAllText(_temp["base/log.csv"])));
        Assert.That(Directory.GetFiles(folder, "*" + AtomicFile.TemporarySuffix), Is.Empty);
    }

    /// <summary>Whether the command was still running when it was killed.</summary>
    private static bool KillAtTheNextCheckpoint(string[] args, string state)
    {
        using var process = ChildProcess.Start(
            ChildProcess.Dotnet,
            [Path.Combine(TestContext.CurrentContext.TestDirectory, "Lur.Cli.dll"), .. args]
        );
        var known = File.Exists(state) ? File.GetLastWriteTimeUtc(state) : DateTime.MinValue;
        var clock = Stopwatch.StartNew();
        while (
            !process.HasExited
            && clock.Elapsed < TimeSpan.FromMinutes(2)
            && !(File.Exists(state) && File.GetLastWriteTimeUtc(state) > known)
        )
            Thread.Sleep(1);
        process.Kill();
        process.WaitForExit();
        return process.ExitCode == ChildProcess.Killed;
    }

    [Test]
    public void ResumingWithOtherOptionsIsRefused()
    {
        using var temp = new TempFolder();
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();
        // The second has the option already, as has a training inside 'lur repro', which needs none.
        foreach (
            var (option, remedy) in new[] { (Array.Empty<string>(), "the same command and --resume."), (["--resume"], "the same command.") }
        )
        {
            var (code, _, error) = Command.Run(["train", .. s_train, "-o", temp["a"], .. option], cancel.Token);
            Assert.That(code, Is.EqualTo(ExitCode.Interrupted));
            Assert.That(error, Does.Contain(remedy));
        }

        var (other, _, message) = Command.Run(["train", .. s_train, "-o", temp["a"], "--resume", "--seed", "2"]);
        Assert.That(other, Is.EqualTo(ExitCode.Failed));
        Assert.That(message, Does.Contain("resume with the options"));
    }

    [Test]
    public void ImportAndExportOfAForeignFileAreByteIdentical()
    {
        using var temp = new TempFolder();
        var plain = temp["torch.safetensors"];
        Assert.That(Command.Run("export", _base, "-o", plain).Code, Is.Zero);
        // Another writer's habits: padding in the header, tensors in another order than ours, metadata of its own.
        var foreign = temp["foreign.safetensors"];
        WriteForeign(plain, foreign);
        var (code, _, error) = Command.Run("import", foreign, "--data", Data, "-o", temp["model.safetensors"]);
        Assert.That(code, Is.Zero, error);
        Assert.That(Command.Run("export", temp["model.safetensors"], "-o", temp["again.safetensors"]).Code, Is.Zero);
        Assert.That(File.ReadAllBytes(temp["again.safetensors"]), Is.EqualTo(File.ReadAllBytes(foreign)));
        Assert.That(Command.Run("eval", foreign, "--data", Data).Code, Is.Zero, "a file of torch is taken as it is");
    }

    private static void WriteForeign(string source, string target)
    {
        using var file = SafeTensorsFile.Open(source);
        using var data = new MemoryStream();
        var entries = new List<string> { "\"__metadata__\":{\"written_by\":\"someone else\"}" };
        foreach (var t in file.Tensors.OrderByDescending(t => t.Name, StringComparer.Ordinal))
        {
            var begin = data.Position;
            data.Write(file.Bytes(t.Name));
            entries.Add(
                $"\"{t.Name}\": "
                    + $"{{\"dtype\":\"{t.Type}\",\"shape\":[{string.Join(", ", t.Shape)}],\"data_offsets\":[{begin},{data.Position}]}}"
            );
        }

        var header = System.Text.Encoding.UTF8.GetBytes("{" + string.Join(",", entries) + "}   ");
        using var stream = File.Create(target);
        stream.Write(BitConverter.GetBytes((long)header.Length));
        stream.Write(header);
        stream.Write(data.ToArray());
    }

    [Test]
    public void AMisshapenModelIsRefusedWithTheDifference()
    {
        using var temp = new TempFolder();
        var writer = new SafeTensorsWriter();
        using (var file = SafeTensorsFile.Open(_base))
        {
            foreach (var (key, value) in file.Metadata)
                writer.Metadata[key] = value;
            foreach (var t in file.Tensors)
            {
                if (t.Name == "layer1.0.bn1.bias")
                    continue;
                writer.Add(t.Name, t.Type, t.Name == "fc.bias" ? [t.Shape[0], 1] : [.. t.Shape], file.Bytes(t.Name).ToArray());
            }
        }

        writer.Add<float>("surprise", [1], [0f]);
        writer.Save(temp["bad.safetensors"]);
        var (code, _, error) = Command.Run("eval", temp["bad.safetensors"], "--data", Data);
        Assert.That(code, Is.EqualTo(ExitCode.Failed));
        foreach (var part in new[] { "layer1.0.bn1.bias", "fc.bias", "surprise" })
            Assert.That(error, Does.Contain(part));
    }

    [TestCase("class:purple", "purple", ExitCode.Failed)]
    [TestCase("nowhere.txt", "nowhere.txt", ExitCode.Failed)]
    [TestCase("random:0", "random:0", ExitCode.BadUsage)]
    [TestCase("random:-3", "random:-3", ExitCode.BadUsage)]
    public void BadForgetSpecificationsAreOneSentence(string forget, string names, int expected)
    {
        using var temp = new TempFolder();
        var (code, output, error) = Command.Run(["forget", _base, .. s_forget, "--forget", forget, "-o", temp["f"]]);
        Assert.That((code, output), Is.EqualTo((expected, "")));
        Assert.That(error.Trim(), Does.Contain(names).And.Not.Contain("\n"));
        Assert.That(Directory.Exists(temp["f"]), Is.False, "nothing is left behind");
    }

    [TestCase("--alpha", "-1")]
    [TestCase("--momentum", "1")]
    [TestCase("--trim", "1")]
    [TestCase("--lr", "NaN")]
    public void ImpossibleOptionsAreNamed(string option, string value)
    {
        var (code, _, error) = Command.Run([
            "forget",
            "model.safetensors",
            .. s_forget[..4],
            "--forget",
            "class:0",
            "-o",
            "nowhere",
            option,
            value,
        ]);
        Assert.That(code, Is.EqualTo(ExitCode.BadUsage));
        Assert.That(error, Does.Contain(option));
    }

    [Test]
    public void PlanPrintsBytesByRole()
    {
        using var temp = new TempFolder();
        var (code, output, error) = Command.Run(["train", .. s_train, "-o", temp["a"], "--plan"]);
        Assert.That(code, Is.Zero, error);
        foreach (var role in new[] { "Activation", "Gradient", "Workspace", "arena", "total" })
            Assert.That(output, Does.Contain(role));
        Assert.That(Directory.Exists(temp["a"]), Is.False);
    }
}
