using System.Globalization;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Running;

namespace Lur.Bench;

/// <summary>Steps of LUR, of ScissorHands (one memory and five) and, for scale, of NegGrad+, SalUn and FT: the same model, images
/// and batch size. A step of the first three sees a retain and a forget batch, one of SalUn and FT a single batch. Further rows
/// time the parts that a run has beside its steps; <see cref="MethodFigures"/> puts them together to epochs and runs.</summary>
public class MethodBenchmarks
{
    private const int MemorySteps = 2,
        AllocationSteps = 3;
    private static readonly Dictionary<string, (double Device, double Host)> s_memory = [];
    private TimedMethod _method = null!;

    /// <summary>Model and batch size.</summary>
    [ParamsSource(nameof(Cases))]
    public string Case { get; set; } = "";

    /// <summary>What is timed.</summary>
    [ParamsSource(nameof(Variants))]
    public string Variant { get; set; } = "";

    /// <summary>The cases.</summary>
    public static IEnumerable<string> Cases => StepVariant.Cases.Select(c => CaseOf(c.Model, c.Batch));

    /// <summary>The rows.</summary>
    public static IEnumerable<string> Variants => StepVariant.All.Select(v => v.Title);

    /// <summary>Columns of the device's and the process's peak of memory.</summary>
    internal static TextColumn[] Columns { get; } =
    [
        new(
            "Device MB",
            "peak of the device's memory, 10^6 bytes",
            c => Find(c) is { } m ? m.Device.ToString("F1", CultureInfo.InvariantCulture) : null
        ),
        new(
            "Host MB",
            "peak resident set of a process that makes the same steps, 10^6 bytes; the host driver's device lies within it",
            c => Find(c) is { } m ? m.Host.ToString("F0", CultureInfo.InvariantCulture) : null
        ),
    ];

    internal static string CaseOf(string model, int batch) => FormattableString.Invariant($"{model} {batch}");

    /// <summary>Device and host megabytes of a row.</summary>
    internal static (double Device, double Host) Memory(string @case, string title) =>
        s_memory.GetValueOrDefault(@case + title, (double.NaN, double.NaN));

    /// <summary>Checks what is to be timed, takes memory in a process of its own, and binds the method.</summary>
    [GlobalSetup]
    public void Setup()
    {
        var parts = Case.Split(' ');
        var (model, batch, variant) = (
            parts[0],
            int.Parse(parts[1], CultureInfo.InvariantCulture),
            StepVariant.All.First(v => v.Title == Variant)
        );
        if (variant.Method == "lur")
            StepChecks.SecondOrderTermsAgree(model, batch);
        Measure(Case, variant, ChildProcess.Time(model, batch, variant, MemorySteps));
        _method = new TimedMethod(model, batch, variant);
        _method.Verify();
        // Trimming builds its own program and ranks on the host: it is no step, and allocates.
        if (variant.Part != StepPart.Preparation)
            Allocations.Measure(Allocations.KeyOf(nameof(MethodBenchmarks), nameof(Step), Case, Variant), AllocationSteps, _method.Run);
    }

    /// <summary>Frees everything.</summary>
    [GlobalCleanup]
    public void Cleanup() => _method.Dispose();

    /// <summary>One step.</summary>
    [Benchmark]
    public void Step() => _method.Run();

    /// <summary>Keeps what a child found out about a row's memory.</summary>
    internal static void Measure(string @case, StepVariant variant, ChildResult child) =>
        s_memory[@case + variant.Title] = (child.DeviceBytes / 1e6, child.PeakBytes / 1e6);

    private static (double Device, double Host)? Find(BenchmarkCase c) =>
        (c.Descriptor.Type == typeof(MethodBenchmarks) || c.Descriptor.Type == typeof(UNetBenchmarks))
        && s_memory.TryGetValue($"{c.Parameters[nameof(Case)]}{c.Parameters[nameof(Variant)]}", out var m)
            ? m
            : null;
}
