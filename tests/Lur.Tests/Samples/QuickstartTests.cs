using System.Diagnostics;
using Lur.Tests.Architecture;
using Lur.Tests.Data;

namespace Lur.Tests.Samples;

/// <summary>The C# program of README.md: the text that is shown is the text that runs.</summary>
public class QuickstartTests
{
    private const string Source = "samples/csharp-quickstart/Program.cs";

    [Test]
    public void TheReadmeShowsTheProgram() =>
        Assert.That(Repository.Read("README.md"), Does.Contain("```csharp\n" + Repository.Read(Source) + "```\n"));

    [Test]
    public void ItTrainsForgetsVerifiesAndSaves()
    {
        using var temp = new TempFolder();
        var start = new ProcessStartInfo("dotnet", ["exec", Path.Combine(AppContext.BaseDirectory, "Quickstart.dll")])
        {
            WorkingDirectory = temp.Path,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["LUR_REFERENCES"] = temp["references"];
        using var program = Process.Start(start)!;
        var error = program.StandardError.ReadToEndAsync();
        var lines = program.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        program.WaitForExit();
        Assert.That(program.ExitCode, Is.Zero, error.Result);
        Assert.That(lines.Select(l => l[..l.IndexOf(':')]), Is.EqualTo(new[] { "trained", "forgot", "verified", "saved" }));
        Assert.That(error.Result, Is.Empty, "the library does not print");
        Assert.That(File.Exists(temp["out/unlearned/model.safetensors"]) && File.Exists(temp["out/unlearned/verify.json"]));
    }
}
