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
        var program = ChildProcess.Run(
            ChildProcess.Dotnet,
            ["exec", Path.Combine(AppContext.BaseDirectory, "Quickstart.dll")],
            [("LUR_REFERENCES", temp["references"])],
            temp.Path
        );
        Assert.That(program.ExitCode, Is.Zero, program.Error);
        var lines = program.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(lines.Select(l => l[..l.IndexOf(':')]), Is.EqualTo(new[] { "trained", "forgot", "verified", "saved" }));
        Assert.That(program.Error, Is.Empty, "the library does not print");
        Assert.That(File.Exists(temp["out/unlearned/model.safetensors"]) && File.Exists(temp["out/unlearned/verify.json"]));
    }
}
