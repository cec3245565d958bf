using System.ComponentModel;
using System.Diagnostics;

namespace Lur.Tests;

/// <summary>Runs other programs, and probes of this assembly in a process of their own.</summary>
internal static class ChildProcess
{
    /// <summary>Exit code of a process that was killed by SIGKILL, as .NET gives it on Unix.</summary>
    internal const int Killed = 128 + 9;

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    /// <summary>What a child left behind.</summary>
    internal sealed record Result(int ExitCode, string Output, string Error)
    {
        /// <summary>Everything it wrote.</summary>
        public string Text => Output + Error;
    }

    /// <summary>The program that runs assemblies: the one that runs the tests, where there is one.</summary>
    internal static string Dotnet =>
        Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path
        : Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host
        : "dotnet";

    /// <summary>Starts a program whose output is read by the caller or by nobody.</summary>
    /// <param name="program">Path, or a name in the search path.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">Changes to this process's environment; a variable that is null is removed.</param>
    /// <param name="folder">Where it runs; here by default.</param>
    /// <exception cref="Win32Exception">There is no such program.</exception>
    internal static Process Start(
        string program,
        IEnumerable<string> arguments,
        (string Name, string? Value)[]? environment = null,
        string? folder = null
    )
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? "",
        };
        foreach (var (name, value) in environment ?? [])
        {
            if (value is null)
                start.Environment.Remove(name);
            else
                start.Environment[name] = value;
        }
        return Process.Start(start)!;
    }

    /// <summary>Runs a program to its end; as <see cref="Start"/>. One that does not end is killed and fails the test.</summary>
    internal static Result Run(
        string program,
        IEnumerable<string> arguments,
        (string Name, string? Value)[]? environment = null,
        string? folder = null
    )
    {
        using var child = Start(program, arguments, environment, folder);
        var error = child.StandardError.ReadToEndAsync();
        var output = child.StandardOutput.ReadToEndAsync();
        if (!child.WaitForExit(s_limit))
        {
            child.Kill(entireProcessTree: true);
            Assert.Fail(
                $"'{program} {string.Join(' ', arguments)}' did not end within {s_limit.TotalMinutes} minutes; it wrote:\n"
                    + $"{output.Result}{error.Result}"
            );
        }
        return new Result(child.ExitCode, output.Result.Trim(), error.Result.Trim());
    }

    /// <summary>As <see cref="Run"/>; null where the program is not on this machine.</summary>
    internal static Result? TryRun(string program, IEnumerable<string> arguments, string? folder = null)
    {
        try
        {
            return Run(program, arguments, folder: folder);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    /// <summary>Runs a probe, without what this process's environment says about devices and libraries.</summary>
    /// <param name="probe">See <see cref="TestHost"/>.</param>
    /// <param name="environment">Changes to this process's environment; a variable that is null is removed.</param>
    /// <param name="folder">Where the program lies; the tests' own folder by default.</param>
    internal static Result Probe(string probe, (string Name, string? Value)[] environment, string? folder = null) =>
        Run(
            Dotnet,
            ["exec", Path.Combine(folder ?? AppContext.BaseDirectory, "Lur.Tests.dll"), probe],
            [("LUR_DEVICE", null), ("LUR_CUDA_LIB_DIR", null), ("CUDA_PATH", null), ("CUDA_HOME", null), .. environment]
        );
}
