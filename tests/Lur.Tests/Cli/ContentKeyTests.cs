using System.Text.Json;
using Lur.Cli;
using Lur.Device;
using Lur.Runs;
using Lur.Tests.Data;

namespace Lur.Tests.Cli;

/// <summary>Finished runs and reference models are keyed by content: data, options, kernels, library. What another program made is
/// made again, and what was made before is stamped with the program that made it.</summary>
[NonParallelizable] // LUR_KERNELS is the process's
public class ContentKeyTests
{
    private const string Recipe = """
        {
          "description": "A test.", "data": "synthetic:train=160,test=60,seed=5", "model": "resnet[1,1]:w4",
          "train": { "epochs": 1, "batch": 16, "lr": 0.05 }, "forget": ["class:3"], "seeds": [1],
          "methods": [ { "method": "retrain" }, { "method": "ft", "options": { "epochs": 1, "batch": 16 } } ]
        }
        """;
    private EnvironmentVariable _kernels = null!,
        _references = null!;
    private TempFolder _temp = null!;

    [SetUp]
    public void Redirect()
    {
        _temp = new TempFolder();
        // As it is: the tests change it.
        _kernels = new EnvironmentVariable("LUR_KERNELS", Environment.GetEnvironmentVariable("LUR_KERNELS"));
        _references = new EnvironmentVariable("LUR_REFERENCES", _temp["cache"]);
        File.WriteAllText(_temp["small.json"], Recipe);
    }

    [TearDown]
    public void Restore()
    {
        _kernels.Dispose();
        _references.Dispose();
        _temp.Dispose();
    }

    private string Repro(string output) => Command.Judged("repro", _temp["small.json"], "-o", _temp[output]).Error;

    private string MeasuredCommit(string output)
    {
        using var measured = JsonDocument.Parse(File.ReadAllText(_temp[$"{output}/small/measured.json"]));
        return measured.RootElement.GetProperty("commit").GetString()!;
    }

    private string CopyOfTheKernels(string name)
    {
        var from = KernelPlaces.Default.Sources!;
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var to = Path.Combine(_temp[name], Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(file, to);
        }

        return _temp[name];
    }

    private static string OneKernel(string folder) => Directory.EnumerateFiles(folder, "proximal.cu", SearchOption.AllDirectories).Single();

    [Test]
    public void AChangedKernelMakesRunsAndReferencesAgainAndSaysWhy()
    {
        const string why = "were made with other kernels; the run is made again",
            trained = "the reference model of seed 1 was trained with other kernels; it is trained again";
        Assert.That(Repro("out"), Does.Not.Contain("again"));
        Assert.That(
            Command.Judged("verify", _temp["out/small/seed1/ft"], "--retrain", "1", "--attacks", "none").Error,
            Does.Contain("found in")
        );
        var made = File.GetLastWriteTimeUtc(_temp["out/small/seed1/ft/model.safetensors"]);
        Assert.That(Repro("out"), Does.Not.Contain("again"));
        Assert.That(File.GetLastWriteTimeUtc(_temp["out/small/seed1/ft/model.safetensors"]), Is.EqualTo(made), "it is done");

        var changed = CopyOfTheKernels("changed");
        File.AppendAllText(OneKernel(changed), "// another text\n");
        Environment.SetEnvironmentVariable("LUR_KERNELS", changed);
        Assert.That(
            Command.Judged("verify", _temp["out/small/seed1/ft"], "--retrain", "1", "--attacks", "none").Error,
            Does.Contain(trained).And.Contain("training a reference model")
        );
        File.AppendAllText(OneKernel(changed), "// and one more\n");
        var said = Repro("out").Split('\n');
        foreach (var folder in new[] { "out/originals/resnet_1_1__w4-seed1", "out/small/seed1/retrain", "out/small/seed1/ft" })
            Assert.That(said.Count(l => l.Contains(folder + " " + why, StringComparison.Ordinal)), Is.EqualTo(1), folder);
        Assert.That(said.Count(l => l == trained), Is.EqualTo(1));
        Assert.That(File.GetLastWriteTimeUtc(_temp["out/small/seed1/ft/model.safetensors"]), Is.GreaterThan(made));
        Assert.That(Repro("out"), Does.Not.Contain("again"));
    }

    [Test]
    public void NumbersAreStampedWithTheProgramThatMadeThem()
    {
        const string older = "0.0.9+older";
        Repro("stamped");
        Assert.That(MeasuredCommit("stamped"), Is.EqualTo(CommandLine.ThisVersion));
        var runs = Directory.GetFiles(_temp["stamped/small"], "done.txt", SearchOption.AllDirectories);
        Assert.That(runs, Has.Length.EqualTo(2));
        foreach (var run in runs)
            File.WriteAllText(run, File.ReadAllText(run).Replace(CommandLine.ThisVersion, older, StringComparison.Ordinal));
        Repro("stamped");
        Assert.That(MeasuredCommit("stamped"), Is.EqualTo(older), "nothing was made again, so nothing is newer");

        // Another library makes the run again, and then both programs have made numbers.
        var ft = _temp["stamped/small/seed1/ft/done.txt"];
        File.WriteAllText(
            ft,
            File.ReadAllText(ft).Replace("library: " + ProgramHash.Current().Library, "library: other", StringComparison.Ordinal)
        );
        Assert.That(Repro("stamped"), Does.Contain("were made with another library; the run is made again"));
        Assert.That(MeasuredCommit("stamped"), Is.EqualTo($"{older}, {CommandLine.ThisVersion}"));
        Assert.That(File.ReadAllText(_temp["stamped/small/report.html"]), Does.Contain(older));
    }

    [Test]
    public void AReferenceThatWasFoundKeepsItsStamp()
    {
        Repro("first");
        foreach (var entry in Directory.GetFiles(_temp["cache"], "producer.txt", SearchOption.AllDirectories))
            File.WriteAllText(entry, "0.0.8+oldest\n");
        Repro("second");
        Assert.That(MeasuredCommit("second"), Is.EqualTo($"0.0.8+oldest, {CommandLine.ThisVersion}"));
    }

    [Test]
    public void TheHashIsOfNamesAndTextsAndOfNothingElse()
    {
        var here = ProgramHash.Current();
        Environment.SetEnvironmentVariable("LUR_KERNELS", CopyOfTheKernels("copy"));
        Assert.That(ProgramHash.Current(), Is.EqualTo(here), "a copy is the same kernels");
        var kernel = OneKernel(_temp["copy"]);
        File.Move(kernel, kernel + ".cu");
        Assert.That(ProgramHash.Current().Kernels, Is.Not.EqualTo(here.Kernels));
        Assert.That(ProgramHash.Current().Library, Is.EqualTo(here.Library));
        File.Move(kernel + ".cu", kernel);
        Assert.That(ProgramHash.Current(), Is.EqualTo(here));
        File.AppendAllText(kernel, " ");
        Assert.That(ProgramHash.Current().Kernels, Is.Not.EqualTo(here.Kernels));
    }

    [Test]
    public void ACheckpointOfAnotherKeyIsNotContinued()
    {
        ContentKey one = new(("kernels", "1"), ("seed", "1")),
            other = new(("kernels", "2"), ("seed", "1"));
        Assert.That(DoneFile.Start(_temp["run"], one), Is.False, "nothing is there");
        Assert.That(DoneFile.Start(_temp["run"], one), Is.True, "the same run was begun");
        Assert.That(DoneFile.Start(_temp["run"], other), Is.False);
        Assert.That(DoneFile.Start(_temp["run"], one), Is.False);
    }

    [Test]
    public void ARecordOfAnEarlierVersionIsSaidToBeOne()
    {
        ContentKey key = new(("kernels", "1"), ("seed", "1"));
        _temp.Write("run/done.txt", "0.1.0\nresnet18\nmodel.safetensors 1234\n");
        Assert.That(DoneFile.WhyMissing(_temp["run"], key), Does.EndWith("did not record what made them; the run is made again"));
        Assert.That(DoneFile.WhyMissing(_temp["empty"], key), Is.Empty);
    }

    [Test]
    public void DifferencesAreNamed()
    {
        ContentKey key = new(("data", "d"), ("kernels", "k"), ("library", "l"), ("seed", "1"));
        Assert.That(key.DifferencesTo(key.Text + "more: lines\n"), Is.Empty);
        Assert.That(key.DifferencesTo("0.1.0\nanything"), Is.EqualTo(new[] { "data", "kernels", "library", "seed" }));
        Assert.That(
            key.DifferencesTo(key.Text.Replace("kernels: k", "kernels: kk", StringComparison.Ordinal)),
            Is.EqualTo(new[] { "kernels" })
        );
        Assert.That(ContentKey.InWords(["kernels"]), Is.EqualTo("other kernels"));
        Assert.That(ContentKey.InWords(["data", "kernels", "library"]), Is.EqualTo("other data, other kernels and another library"));
    }
}
