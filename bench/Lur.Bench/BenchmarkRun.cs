using System.Reflection;
using System.Text.Json;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Engines;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Exporters.Json;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Lur.Bench.Pages;

namespace Lur.Bench;

/// <summary>Runs the benchmarks of BenchmarkDotNet, copies what they wrote into bench/results, and rewrites the
/// pages made of them.</summary>
internal static class BenchmarkRun
{
    private const string Results = "bench/results";

    /// <summary>Runs those that the arguments pick.</summary>
    public static int Run(string[] args)
    {
        // A step takes from 50 ms to seconds and allocates nothing: each iteration is one step, in this process (a device and its
        // kernels are opened once, not once per benchmark process). The default limit of five minutes for a benchmark with its
        // set-up is too short for a small machine.
        var job = Job
            .Default.WithToolchain(new InProcessEmitToolchain(TimeSpan.FromHours(1), logOutput: true))
            .WithStrategy(RunStrategy.Monitoring)
            .WithWarmupCount(2)
            .WithIterationCount(7)
            .WithInvocationCount(1)
            .WithUnrollFactor(1);
        var config = ManualConfig
            .Create(DefaultConfig.Instance)
            .AddJob(job)
            .AddColumn(StatisticColumn.Median)
            .AddColumn(BandwidthColumn.All)
            .AddColumn(MethodBenchmarks.Columns)
            .AddColumn(TextColumn.Allocated)
            .AddExporter(JsonExporter.Full)
            .AddExporter(MarkdownExporter.GitHub)
            .WithSummaryStyle(SummaryStyle.Default.WithMaxParameterColumnWidth(60));
        var artifacts = Path.Combine(Path.GetTempPath(), "lur-bench");
        config.ArtifactsPath = artifacts;
        Summary[] summaries =
        [
            .. BenchmarkSwitcher.FromAssembly(Assembly.GetExecutingAssembly()).Run(args.Length == 0 ? ["--filter", "*"] : args, config),
        ];
        Directory.CreateDirectory(Results);
        foreach (var summary in summaries)
            Keep(summary);
        if (File.Exists(PageBlocks.Pages[0]))
            PageBlocks.Rewrite(".");
        return summaries.All(s => s.Reports.All(r => r.Success)) ? 0 : 1;
    }

    private static void Keep(Summary summary)
    {
        // BenchmarkDotNet prefixes its files with the type; the JSON holds every measurement and the machine.
        var type = summary.Title.Split('-')[0];
        foreach (var (pattern, extension) in new[] { ("*-report-full.json", ".json"), ("*-report-github.md", ".md") })
        {
            foreach (var file in Directory.GetFiles(summary.ResultsDirectoryPath, type + pattern))
            {
                var target = Path.Combine(Results, type.Split('.')[^1] + extension);
                File.Copy(file, target, overwrite: true);
                Console.WriteLine($"wrote {target}");
            }
        }

        if (summary.BenchmarksCases.Any(c => c.Descriptor.Type == typeof(MethodBenchmarks)))
            MethodFigures.Write(summary, Path.Combine(Results, "Methods.json"));
        if (summary.Reports.FirstOrDefault(r => r.Success && r.BenchmarkCase.Descriptor.Type == typeof(LaunchBenchmarks)) is { } launch)
        {
            var figures = new
            {
                command = "./build.sh --target=Bench --filter='*LaunchBenchmarks*'",
                machine = ChildProcess.Machine,
                nanoseconds = launch.ResultStatistics!.Median,
                allocatedBytes = Allocations.Of(launch.BenchmarkCase),
            };
            File.WriteAllText(Path.Combine(Results, "Launch.json"), JsonSerializer.Serialize(figures, s_indented) + "\n");
        }
    }

    private static readonly JsonSerializerOptions s_indented = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
}
