using System.Reflection;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Engines;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Exporters.Json;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Lur.Bench;

/// <summary>Runs the benchmarks of BenchmarkDotNet and copies what they wrote into bench/results.</summary>
internal static class BenchmarkRun
{
    /// <summary>Runs those that the arguments pick.</summary>
    public static int Run(string[] args)
    {
        // A step takes from 50 ms to seconds and allocates nothing: each iteration is one step, in this process (a device and its
        // kernels are opened once, not once per benchmark process).
        var job = Job.Default.WithToolchain(InProcessEmitToolchain.Instance).WithStrategy(RunStrategy.Monitoring)
            .WithWarmupCount(2).WithIterationCount(7).WithInvocationCount(1).WithUnrollFactor(1);
        var config = ManualConfig.Create(DefaultConfig.Instance).AddJob(job).AddDiagnoser(MemoryDiagnoser.Default)
            .AddColumn(StatisticColumn.Median).AddColumn(BandwidthColumn.All).AddColumn(new DeviceMemoryColumn()).AddExporter(JsonExporter.Full).AddExporter(MarkdownExporter.GitHub);
        var artifacts = Path.Combine(Path.GetTempPath(), "lur-bench");
        config.ArtifactsPath = artifacts;
        var summaries = BenchmarkSwitcher.FromAssembly(Assembly.GetExecutingAssembly()).Run(args.Length == 0 ? ["--filter", "*"] : args, config);
        Directory.CreateDirectory("bench/results");
        foreach (var summary in summaries)
        {
            // BenchmarkDotNet prefixes its files with the type; the JSON holds every measurement and the machine.
            var type = summary.Title.Split('-')[0];
            foreach (var (pattern, extension) in new[] { ("*-report-full.json", ".json"), ("*-report-github.md", ".md") })
            {
                foreach (var file in Directory.GetFiles(summary.ResultsDirectoryPath, type + pattern))
                {
                    var target = Path.Combine("bench/results", type.Split('.')[^1] + extension);
                    File.Copy(file, target, overwrite: true);
                    Console.WriteLine($"wrote {target}");
                }
            }
        }

        return summaries.All(s => s.Reports.All(r => r.Success)) ? 0 : 1;
    }
}
