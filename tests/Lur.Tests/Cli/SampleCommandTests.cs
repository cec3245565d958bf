using System.Text.Json;
using Lur.Cli;
using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Tests.Data;
using Lur.Tests.Device;
using Lur.Tests.Diffusion;

namespace Lur.Tests.Cli;

/// <summary>lur sample: its files, what it refuses, and what is left when it ends early.</summary>
public class SampleCommandTests
{
    [Test]
    public void LeavesPicturesASheetAndWhatMadeThem()
    {
        using var temp = new TempFolder();
        var model = Save(temp);
        var ended = Command.Done("sample", model, "--count", "3", "--steps", "2", "-o", temp["out"]);
        Assert.That(ended.Output, Does.Contain("9 images in ").And.Contain("images/s"));
        Assert.That(
            Files(temp["out"]).Keys,
            Is.EquivalentTo(
                new[] { "cat", "dog", "owl" }
                    .SelectMany(c => Enumerable.Range(0, 3).Select(i => $"{c}/0000{i}.png"))
                    .Concat(["sheet.png", "sample.json"])
            )
        );
        using var json = JsonDocument.Parse(File.ReadAllText(temp["out/sample.json"]));
        Assert.That(json.RootElement.GetProperty("guidance").GetDouble(), Is.EqualTo(2));
        Assert.That(json.RootElement.GetProperty("modelSha256").GetString(), Has.Length.EqualTo(64));
        // The pictures are read by the product's own reader: a folder of them is a data set.
        File.Delete(temp["out/sheet.png"]);
        using var source = DataSource.Open(temp["out"], new DataOptions());
        Assert.That((source.Train.Width, source.Train.Channels, source.Train.ClassNames.Count), Is.EqualTo((8, 3, 3)));
    }

    [TestCase("eval")]
    [TestCase("check", "grad", "--model")]
    public void AModelThatDrawsIsNotAskedForClasses(params string[] command)
    {
        using var temp = new TempFolder();
        Command.Done("train", "-d", "shapes:train=28,test=14", "-m", "unet:c4:m1,2:r1", "--epochs", "0", "-o", temp["unet"]);
        var (code, output, error) = Command.Run([.. command, temp["unet/model.safetensors"], "-d", "shapes:train=28,test=14"]);
        Assert.That((code, output), Is.EqualTo((ExitCode.Failed, "")));
        Assert.That(error.Trim(), Does.Contain("draws images and classifies none").And.Contain("lur sample").And.Not.Contain("\n"));
    }

    [Test]
    public void AnImageIsTheSameWhateverElseIsDrawn()
    {
        using var temp = new TempFolder();
        var model = Save(temp);
        string[] few = ["--steps", "2", "--sampler", "ddpm"];
        Command.Done(["sample", model, "--count", "3", "-o", temp["all"], .. few]);
        Command.Done(["sample", model, "--count", "2", "--class", "owl", "-c", "0", "-o", temp["two"], .. few]);
        foreach (var name in new[] { "owl/00000.png", "owl/00001.png", "cat/00001.png" })
            Assert.That(File.ReadAllBytes(temp[$"two/{name}"]), Is.EqualTo(File.ReadAllBytes(temp[$"all/{name}"])), name);
        Assert.That(Directory.Exists(temp["two/dog"]), Is.False);
    }

    [TestCase("1", "2")]
    public void AnyNumberOfThreadsGivesTheSameBytes(string one, string other)
    {
        using var temp = new TempFolder();
        var model = Save(temp);
        var program = Path.Combine(TestContext.CurrentContext.TestDirectory, "Lur.Cli.dll");
        foreach (var threads in new[] { one, other })
        {
            var ended = ChildProcess.Run(
                ChildProcess.Dotnet,
                ["exec", program, "sample", model, "--count", "2", "--steps", "3", "-o", temp[threads]],
                [("LUR_HOST_THREADS", threads)]
            );
            Assert.That(ended.ExitCode, Is.Zero, ended.Text);
        }

        // sample.json names the device, and how many cores it uses.
        foreach (var folder in new[] { one, other })
            File.Delete(temp[$"{folder}/sample.json"]);
        Assert.That(Files(temp[one]), Is.EqualTo(Files(temp[other])));
    }

    [Test]
    public void RefusalsAreSentences()
    {
        using var temp = new TempFolder();
        var model = Save(temp);
        string[] start = ["sample", model, "--count", "1", "--steps", "1", "-o", temp["out"]];
        Command.Refused("there is no class 'cst'; did you mean 'cat'?", [.. start, "--class", "cst"]);
        Command.Refused("Eta is 1, which only ddim takes", [.. start, "--sampler", "ddpm", "--eta", "1"]);
        var plain = Save(temp, ":k0");
        Command.Refused("no classes to be guided to", ["sample", plain, "--guidance", "3", "--steps", "1", "-o", temp["out"]]);
        Command.Refused("leave --class out", ["sample", plain, "--class", "0", "--steps", "1", "-o", temp["out"]]);
        Assert.That(Directory.Exists(temp["out"]) && Directory.EnumerateFiles(temp["out"], "*.*").Any(), Is.False);
        Assert.That(Command.Run([.. start, "--count", "0"]).Code, Is.EqualTo(ExitCode.BadUsage));
        Assert.That(Command.Run([.. start, "--sampler", "dim"]).Error, Does.Contain("did you mean 'ddim'"));
        Command.Done(["sample", plain, "--count", "2", "--steps", "1", "-o", temp["plain"]]);
        Assert.That(Files(temp["plain"]).Keys, Does.Contain("images/00001.png"));
    }

    [Test]
    public void EarlierImagesAreReplacedOnRequestAndOtherFilesNever()
    {
        using var temp = new TempFolder();
        var model = Save(temp);
        string[] start = ["sample", model, "--steps", "1", "-o", temp["out"]];
        Command.Done([.. start, "--count", "3"]);
        temp.Write("out/dog/mine.png", "mine");
        temp.Write("out/notes.txt", "mine");
        Command.Refused("--overwrite", [.. start, "--count", "2"]);
        Command.Done([.. start, "--count", "2", "--class", "cat", "--overwrite"]);
        Assert.That(
            Files(temp["out"]).Keys,
            Is.EquivalentTo(new[] { "cat/00000.png", "cat/00001.png", "dog/mine.png", "notes.txt", "sample.json", "sheet.png" })
        );
        // Not an earlier run's: pictures of a data set, for instance.
        Command.Refused("is there already", [.. start, "--count", "1", "--class", "dog", "--overwrite"]);
        Assert.That(Files(temp["out"]), Has.Count.EqualTo(6));
    }

    [Test]
    public void ACancelledRunLeavesWhatWasThere()
    {
        using var temp = new TempFolder();
        var model = Save(temp);
        Command.Done("sample", model, "--count", "1", "--steps", "1", "-o", temp["out"]);
        var before = Files(temp["out"]);
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();
        var ended = Command.Run(["sample", model, "--count", "2", "--steps", "2", "--overwrite", "-o", temp["out"]], cancel.Token);
        Assert.That(ended.Code, Is.Not.EqualTo(ExitCode.Done));
        Assert.That(Files(temp["out"]), Is.EqualTo(before));
    }

    private static string Save(TempFolder temp, string options = "")
    {
        var path = temp[$"model{options.TrimStart(':')}.safetensors"];
        using var model = TinyUNet.Create(TestDevices.Default, Precision.Float32, options);
        ModelFile.Save(model, path);
        return path;
    }

    // Hidden files are the lock's.
    private static SortedDictionary<string, string> Files(string folder) =>
        new(
            Directory
                .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Where(f => !Path.GetFileName(f).StartsWith('.'))
                .ToDictionary(f => Path.GetRelativePath(folder, f), f => Convert.ToHexString(File.ReadAllBytes(f))),
            StringComparer.Ordinal
        );
}
