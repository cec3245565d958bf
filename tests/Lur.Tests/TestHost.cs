using Lur.Tests.Bindings;
using Lur.Tests.Hosting;

namespace Lur.Tests;

/// <summary>
/// The test assembly as a program: tests that need a process of their own (another environment, a crash) start it with
/// the name of a probe. Prints what the probe returns; exit code 0, or 1 with the exception's message. With 'run' it runs
/// the tests themselves, where there is no SDK.
/// </summary>
public static class TestHost
{
    private static readonly Dictionary<string, Func<string>> Probes = new()
    {
        ["backend"] = LibraryProbes.Backend,
        ["doctor"] = LibraryProbes.Doctor,
        ["diagnosis"] = LibraryProbes.Diagnosis,
        ["compile"] = LibraryProbes.Compile,
        ["gemm"] = LibraryProbes.Gemm,
        ["hermetic"] = EngineProbes.Hermetic,
        ["settled"] = EngineProbes.Settled,
        ["silent"] = EngineProbes.Silent,
    };

    public static int Main(string[] args)
    {
        if (args is ["run", ..])
            return StandaloneRunner.Run(args[1..]);
        if (args is [CrashHelper.Name, ..])
            return CrashHelper.Run(args);
        if (args.Length != 1 || !Probes.TryGetValue(args[0], out var probe))
        {
            Console.Error.WriteLine(
                $"Run the tests with 'dotnet test' or, without an SDK, with 'run'; other words are probes: "
                    + $"{string.Join(", ", Probes.Keys)}."
            );
            return 2;
        }
        try
        {
            Console.WriteLine(probe());
            return 0;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Console.Error.WriteLine($"{e.GetType().Name}: {e.Message}");
            return 1;
        }
    }
}
