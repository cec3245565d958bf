using System.Diagnostics;

namespace Lur.Tests.Architecture;

/// <summary>CSharpier formats the C# sources to 140 columns, clang-format kernels and C++; both are checked here.</summary>
public class FormattingTests
{
    [Test]
    public void CSharpFollowsCSharpier()
    {
        if (Run("dotnet", "csharpier", "--version") is not { Code: 0 })
            Assert.Ignore("CSharpier is not restored (dotnet tool restore).");
        var (code, text) = Run("dotnet", "csharpier", "check", ".")!.Value;
        Assert.That(code, Is.Zero, $"Run dotnet csharpier format .{Environment.NewLine}{text}");
    }

    [Test]
    public void KernelsAndCppFollowClangFormat()
    {
        // Another major version formats differently, so only the one that .clang-format was written for is a judge.
        var tool = new[] { "clang-format-14", "clang-format" }.FirstOrDefault(name =>
            Run(name, "--version") is { Code: 0 } v && v.Text.Contains("version 14.", StringComparison.Ordinal)
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
        (var code, var text) = Run(tool!, ["--dry-run", "-Werror", .. files])!.Value;
        string[] wrong = [.. text.Split('\n').Where(line => line.Contains("error:", StringComparison.Ordinal))];
        Assert.That(code, Is.Zero, $"Run {tool} -i on:{Environment.NewLine}{string.Join(Environment.NewLine, wrong.Take(20))}");
    }

    [TestCase("build.sh")]
    [TestCase(".ci/run")]
    public void ScriptsParse(string script)
    {
        if (Run("bash", "--version") is null)
            Assert.Ignore("bash is not on this machine.");
        (var code, var text) = Run("bash", "-n", script)!.Value;
        Assert.That(code, Is.Zero, text);
    }

    private static (int Code, string Text)? Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        try
        {
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            var text = process.StandardOutput.ReadToEnd() + errors.Result;
            process.WaitForExit();
            return (process.ExitCode, text);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
