using System.Globalization;
using BenchmarkDotNet.Attributes;

namespace Lur.Bench;

/// <summary>Steps of the methods for models that draw, beside the Adam step of training: the same UNet, images and batch size. A step of
/// LUR, ScissorHands and SA sees a retain and a forget batch, as SalUn's does; the Adam step sees one.</summary>
public class UNetBenchmarks
{
    private const int MemorySteps = 2,
        AllocationSteps = 3;
    private static readonly HashSet<string> s_checked = [];
    private TimedMethod _method = null!;

    /// <summary>Model and batch size.</summary>
    [ParamsSource(nameof(Cases))]
    public string Case { get; set; } = "";

    /// <summary>What is timed.</summary>
    [ParamsSource(nameof(Variants))]
    public string Variant { get; set; } = "";

    /// <summary>The cases.</summary>
    public static IEnumerable<string> Cases => StepVariant.UNetCases.Select(c => MethodBenchmarks.CaseOf(c.Model, c.Batch));

    /// <summary>The rows.</summary>
    public static IEnumerable<string> Variants => StepVariant.UNet.Select(v => v.Title);

    /// <summary>Checks what is to be timed, takes memory in a process of its own, and binds the method.</summary>
    [GlobalSetup]
    public void Setup()
    {
        var parts = Case.Split(' ');
        var (model, batch) = (parts[0], int.Parse(parts[1], CultureInfo.InvariantCulture));
        var variant = StepVariant.UNet.First(v => v.Title == Variant);
        if (variant.Method == "lur" && s_checked.Add(model))
            StepChecks.UNetProductsAgree(model);
        MethodBenchmarks.Measure(Case, variant, ChildProcess.Time(model, batch, variant, MemorySteps));
        _method = new TimedMethod(model, batch, variant);
        _method.Verify();
        Allocations.Measure(Allocations.KeyOf(nameof(UNetBenchmarks), nameof(Step), Case, Variant), AllocationSteps, _method.Run);
    }

    /// <summary>Frees everything.</summary>
    [GlobalCleanup]
    public void Cleanup() => _method.Dispose();

    /// <summary>One step.</summary>
    [Benchmark]
    public void Step() => _method.Run();
}
