using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Lur.Device;
using Lur.Tests.Device;
using NUnit.Framework.Api;
using NUnit.Framework.Interfaces;

namespace Lur.Tests;

/// <summary>
/// Runs the tests where there is no SDK, as on a GPU machine that got the bundle: dotnet test needs one, and the engine of
/// NUnit's own console is not needed for one assembly in one process.
/// </summary>
internal static class StandaloneRunner
{
    private const string Usage = """
        Usage: dotnet Lur.Tests.dll run [--results FILE.json] [--filter REGEX] [--shard I/N] [--sample [--with REGEX]] [--every-kernel]
          --results FILE.json  Write the outcome of every test; kept up to date while they run, whole at any moment.
          --filter REGEX       Run tests whose full name matches.
          --shard I/N          Of the classes run the I-th of N shares, about as many tests in each.
          --sample             Of each test method run the first case.
          --with REGEX         Beside the sample, all cases whose full name matches.
          --every-kernel       Fail if a kernel of the catalogue was not launched.
        """;

    private sealed record Choice(
        string? Results,
        Regex? Filter,
        (int Index, int Count) Shard,
        bool Sample,
        Regex? Beside,
        bool EveryKernel
    );

    public static int Run(string[] args)
    {
        if (Parse(args) is not { } choice)
        {
            Console.Error.WriteLine(Usage);
            return 2;
        }
        var runner = new NUnitTestAssemblyRunner(new DefaultTestAssemblyBuilder());
        // 0 workers: on the calling thread. The tests share one device and are written for one thread.
        var all = runner.Load(Assembly.GetExecutingAssembly(), new Dictionary<string, object> { ["NumberOfTestWorkers"] = 0 });
        var clock = Stopwatch.StartNew();
        using var results = new StandaloneResults(choice.Results);
        runner.Run(results, StandaloneFilter.Of(all, choice.Filter, choice.Shard, choice.Sample, choice.Beside));
        var (launched, missing) = Kernels();
        results.Finish(clock.Elapsed, launched, missing);
        if (choice.EveryKernel)
        {
            Console.WriteLine(
                missing.Length > 0 ? $"never launched: {string.Join(", ", missing)}" : $"all {launched.Count} kernels were launched"
            );
        }
        return Summarise(results.All) + (choice.EveryKernel && missing.Length > 0 ? 1 : 0) > 0 ? 1 : 0;
    }

    private static Choice? Parse(string[] args)
    {
        var choice = new Choice(null, null, (1, 1), Sample: false, null, EveryKernel: false);
        for (var i = 0; i < args.Length; i++)
        {
            var value = i + 1 < args.Length ? args[i + 1] : null;
            switch (args[i])
            {
                case "--sample":
                    choice = choice with { Sample = true };
                    continue;
                case "--every-kernel":
                    choice = choice with { EveryKernel = true };
                    continue;
                case "--results" when value is not null:
                    choice = choice with { Results = value };
                    break;
                case "--filter" when value is not null:
                    choice = choice with { Filter = new Regex(value) };
                    break;
                case "--with" when value is not null:
                    choice = choice with { Beside = new Regex(value) };
                    break;
                case "--shard" when Shard(value) is { } shard:
                    choice = choice with { Shard = shard };
                    break;
                default:
                    return null;
            }
            i++;
        }
        return choice;
    }

    private static (int Index, int Count)? Shard(string? text)
    {
        int Number(string part) => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0;
        return text?.Split('/') is [var i, var n] && Number(i) is var index && Number(n) is var count && index >= 1 && index <= count
            ? (index, count)
            : null;
    }

    /// <summary>Which kernels the tests launched on the devices they share, and which not.</summary>
    private static (IReadOnlySet<string> Launched, string[] Missing) Kernels()
    {
        var launched = TestDevices.Opened.SelectMany(d => d.LaunchedKernels).ToHashSet(StringComparer.Ordinal);
        // Tensor cores take whole warps, which the lane device has none of.
        var known = KernelCatalog
            .Files.Where(f => TestDevices.Opened.Any(d => f.RunsOn(d.Properties.ComputeCapability)))
            .SelectMany(f => f.Kernels)
            .Select(k => k.Name);
        return (launched, [.. known.Where(k => !launched.Contains(k)).Order(StringComparer.Ordinal)]);
    }

    private static int Summarise(IReadOnlyList<ITestResult> results)
    {
        ITestResult[] skipped = [.. results.Where(r => StandaloneResults.Outcome(r) == "skipped")];
        int passed = results.Count(r => StandaloneResults.Outcome(r) == "passed"),
            failed = results.Count - passed - skipped.Length;
        foreach (var reason in skipped.GroupBy(r => r.Message?.Split('\n')[0].Trim() ?? "").OrderByDescending(g => g.Count()))
            Console.WriteLine($"not run: {reason.Count(), 4}  {reason.Key}");
        Console.WriteLine($"{passed} passed, {failed} failed" + (skipped.Length > 0 ? $", {skipped.Length} skipped" : ""));
        return failed > 0 || passed == 0 ? 1 : 0;
    }
}
