using System.Diagnostics;

namespace Lur.Tests.Bindings;

/// <summary>Runs a probe of this assembly in a process of its own.</summary>
internal static class ChildProcess
{
    /// <summary>What a child left behind.</summary>
    internal sealed record Result(int ExitCode, string Output, string Error);

    /// <summary>Runs a probe; variables that are null are removed from the environment.</summary>
    /// <param name="probe">See <see cref="Program"/>.</param>
    /// <param name="environment">Changes to this process's environment.</param>
    /// <param name="folder">Where the program lies; the tests' own folder by default.</param>
    internal static Result Run(string probe, (string Name, string? Value)[] environment, string? folder = null)
    {
        var host = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";
        var start = new ProcessStartInfo(host)
        {
            ArgumentList = { "exec", Path.Combine(folder ?? AppContext.BaseDirectory, "Lur.Tests.dll"), probe },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in new[] { "LUR_DEVICE", "LUR_CUDA_LIB_DIR", "CUDA_PATH" })
            start.Environment.Remove(name);
        foreach (var (name, value) in environment)
        {
            if (value is null)
                start.Environment.Remove(name);
            else
                start.Environment[name] = value;
        }
        using var child = Process.Start(start)!;
        var error = child.StandardError.ReadToEndAsync();
        var output = child.StandardOutput.ReadToEndAsync();
        if (!child.WaitForExit(TimeSpan.FromMinutes(3)))
        {
            child.Kill(entireProcessTree: true);
            Assert.Fail($"The probe '{probe}' did not end within 3 minutes.");
        }
        return new Result(child.ExitCode, output.Result.Trim(), error.Result.Trim());
    }
}

/// <summary>A folder that goes when the test does.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    internal TemporaryFolder() => Path = Directory.CreateTempSubdirectory("lur-test-").FullName;

    internal string Path { get; }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    /// <summary>Path of a file in it.</summary>
    internal string At(string name) => System.IO.Path.Combine(Path, name);
}
