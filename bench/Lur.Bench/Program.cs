using System.Reflection;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Engines;
using BenchmarkDotNet.Exporters.Json;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

// A step takes from 50 ms to seconds and allocates nothing: each iteration is one step, in this process (a device and its
// kernels are opened once, not once per benchmark process).
var job = Job.Default.WithToolchain(InProcessEmitToolchain.Instance).WithStrategy(RunStrategy.Monitoring)
    .WithWarmupCount(2).WithIterationCount(7).WithInvocationCount(1).WithUnrollFactor(1);
var config = ManualConfig.Create(DefaultConfig.Instance).AddJob(job).AddDiagnoser(MemoryDiagnoser.Default)
    .AddColumn(StatisticColumn.Median).AddExporter(JsonExporter.Full);
var artifacts = Path.Combine(Path.GetTempPath(), "lur-bench");
config.ArtifactsPath = artifacts;
var summaries = BenchmarkSwitcher.FromAssembly(Assembly.GetExecutingAssembly()).Run(args.Length == 0 ? ["--filter", "*"] : args, config);
Directory.CreateDirectory("bench/results");
foreach (var summary in summaries)
{
    // BenchmarkDotNet prefixes its files with the type; the JSON holds every measurement and the machine.
    var type = summary.Title.Split('-')[0];
    foreach (var file in Directory.GetFiles(summary.ResultsDirectoryPath, type + "*-report-full.json"))
    {
        var target = Path.Combine("bench/results", type.Split('.')[^1] + ".json");
        File.Copy(file, target, overwrite: true);
        Console.WriteLine($"wrote {target}");
    }
}

return summaries.All(s => s.Reports.All(r => r.Success)) ? 0 : 1;
