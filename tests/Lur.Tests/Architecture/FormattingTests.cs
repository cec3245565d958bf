namespace Lur.Tests.Architecture;

/// <summary>CSharpier formats the C# sources to 140 columns, clang-format kernels and C++; both are checked here.</summary>
public class FormattingTests
{
    [Test]
    public void CSharpFollowsCSharpier()
    {
        if (Run("dotnet", "csharpier", "--version") is not { ExitCode: 0 })
            Assert.Ignore("CSharpier is not restored (dotnet tool restore).");
        var check = Run("dotnet", "csharpier", "check", ".")!;
        Assert.That(check.ExitCode, Is.Zero, $"Run dotnet csharpier format .{Environment.NewLine}{check.Text}");
    }

    [Test]
    public void KernelsAndCppFollowClangFormat()
    {
        // Another major version formats differently, so only the one that .clang-format was written for is a judge.
        var tool = new[] { "clang-format-14", "clang-format" }.FirstOrDefault(name =>
            Run(name, "--version") is { ExitCode: 0 } v && v.Text.Contains("version 14.", StringComparison.Ordinal)
        );
        if (tool is null)
            Assert.Ignore("clang-format 14 is not on this machine (Debian package clang-format-14).");
        string[] files =
        [
            .. Repository.Files("kernels", ".cu", ".cuh"),
            .. Repository.Files("src", ".cpp", ".h"),
            .. Repository.Files("tests", ".cpp", ".h"),
        ];
        Assert.That(files, Is.Not.Empty);
        var check = Run(tool!, ["--dry-run", "-Werror", .. files])!;
        string[] wrong = [.. check.Text.Split('\n').Where(line => line.Contains("error:", StringComparison.Ordinal))];
        Assert.That(check.ExitCode, Is.Zero, $"Run {tool} -i on:{Environment.NewLine}{string.Join(Environment.NewLine, wrong.Take(20))}");
    }

    // No build reads those of the samples and of the peers.
    [Test]
    public void XmlIsWellFormed()
    {
        var files = Repository.Files("", ".csproj", ".props", ".targets", "nuget.config", ".xml", ".svg", ".nuspec");
        Assert.That(files, Has.Count.GreaterThan(10));
        Repository.AssertNone(files.Where(f => !IsXml(Path.Combine(Repository.Root, f))), "Not well-formed:");
    }

    private static bool IsXml(string path)
    {
        try
        {
            System.Xml.Linq.XDocument.Load(path);
            return true;
        }
        catch (System.Xml.XmlException)
        {
            return false;
        }
    }

    [Test]
    public void ScriptsParse()
    {
        if (Run("bash", "--version") is null)
            Assert.Ignore("bash is not on this machine.");
        string[] scripts = [.. Repository.Files("").Where(IsShellScript)];
        Assert.That(scripts, Does.Contain("build.sh").And.Contain(".ci/run").And.Contain("bench/same-bytes.sh"));
        Repository.AssertNone(
            scripts.Select(script => Run("bash", "-n", script)!).Where(check => check.ExitCode != 0).Select(check => check.Text),
            "Shell scripts that do not parse:"
        );
    }

    /// <summary>A shell script says so in its name or in its first line.</summary>
    private static bool IsShellScript(string file)
    {
        if (file.EndsWith(".sh", StringComparison.Ordinal))
            return true;
        if (Path.HasExtension(file))
            return false;
        using var reader = new StreamReader(Path.Combine(Repository.Root, file));
        var first = new char[64];
        var text = new string(first, 0, reader.Read(first)).Split('\n')[0];
        return text.StartsWith("#!", StringComparison.Ordinal) && text.Contains("sh", StringComparison.Ordinal);
    }

    private static ChildProcess.Result? Run(string program, params string[] arguments) =>
        ChildProcess.TryRun(program, arguments, Repository.Root);
}
