using Lur.Device;

namespace Lur.Programs;

/// <summary>Equal nodes of a part of a step, added up.</summary>
/// <param name="Section">Part of the step.</param>
/// <param name="Name">Kernel, or gemm, copy, ...</param>
/// <param name="Nodes">How many.</param>
/// <param name="Bytes">Read and written.</param>
/// <param name="Operations">Arithmetic.</param>
/// <param name="Seconds">Predicted.</param>
/// <param name="Bound">What decides most of this time.</param>
/// <param name="Occupancy">The least of these nodes'; NaN for products and copies.</param>
public sealed record PredictedGroup(
    string Section,
    string Name,
    int Nodes,
    long Bytes,
    long Operations,
    double Seconds,
    Bound Bound,
    double Occupancy
);

/// <summary>The time of a step on a model of GPU, predicted by <see cref="Roofline"/>.</summary>
public sealed record StepPrediction
{
    private StepPrediction(DeviceModel model, IReadOnlyList<PredictedNode> nodes, string source) =>
        (Model, Nodes, OccupancySource) = (model, nodes, source);

    /// <summary>The GPU.</summary>
    public DeviceModel Model { get; }

    /// <summary>Nodes in order.</summary>
    public IReadOnlyList<PredictedNode> Nodes { get; }

    /// <summary>Where registers and shared memory are from.</summary>
    public string OccupancySource { get; }

    /// <summary>Of the step, with products as they are planned.</summary>
    public double Seconds => Nodes.Sum(n => n.Seconds);

    /// <summary>As <see cref="Seconds"/>, if products were made in TF32 on tensor cores.</summary>
    public double Tf32Seconds { get; private init; }

    /// <summary>As <see cref="Seconds"/>, if products were made in bfloat16 on tensor cores, their factors in memory as now.</summary>
    public double Bfloat16Seconds { get; private init; }

    /// <summary>What the factors of its products are rounded to.</summary>
    public ProductPrecision Products => Nodes.Select(n => n.Node.Rounding).DefaultIfEmpty().Max();

    /// <summary>Starts of nodes.</summary>
    public double LaunchSeconds => Nodes.Count * Roofline.LaunchSeconds;

    /// <summary>Time, without starts, of nodes that wait for memory.</summary>
    public double MemorySeconds => Work(Bound.Memory);

    /// <summary>Time, without starts, of nodes that wait for arithmetic.</summary>
    public double ArithmeticSeconds => Work(Bound.Arithmetic);

    /// <summary>Time, without starts, of nodes that are over sooner than they are started.</summary>
    public double SmallSeconds => Work(Bound.Launch);

    /// <summary>Predicts a step.</summary>
    /// <param name="nodes">Of a program that was recorded on a device that plans for the model.</param>
    /// <param name="model">The GPU.</param>
    /// <param name="precision">Element type.</param>
    public static StepPrediction Of(IReadOnlyList<PlannedNode> nodes, DeviceModel model, Precision precision)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        ArgumentNullException.ThrowIfNull(model);
        var (needs, source) = KernelOccupancies.Of([.. nodes.Select(n => n.Name).Distinct()], model, precision);
        return Of(nodes, model, needs, source);
    }

    /// <summary>As the other, with what kernels occupy given by their names.</summary>
    internal static StepPrediction Of(
        IReadOnlyList<PlannedNode> nodes,
        DeviceModel model,
        IReadOnlyDictionary<string, KernelOccupancy> needs,
        string source
    )
    {
        PredictedNode[] With(ProductPrecision products) =>
            [.. nodes.Select(n => Roofline.Predict(n, model, needs.TryGetValue(n.Name, out var k) ? k : null, products))];
        return new StepPrediction(model, With(ProductPrecision.Float32), source)
        {
            Tf32Seconds = With(ProductPrecision.Tf32).Sum(n => n.Seconds),
            Bfloat16Seconds = With(ProductPrecision.Bf16).Sum(n => n.Seconds),
        };
    }

    /// <summary>Equal nodes of a part of the step together, the costliest first.</summary>
    public IReadOnlyList<PredictedGroup> Groups =>
        [
            .. Nodes
                .GroupBy(n => (n.Node.Section, n.Node.Name))
                .Select(g => new PredictedGroup(
                    g.Key.Section,
                    g.Key.Name,
                    g.Count(),
                    g.Sum(n => n.Node.Bytes),
                    g.Sum(n => n.Node.Operations),
                    g.Sum(n => n.Seconds),
                    g.GroupBy(n => n.Bound).MaxBy(b => b.Sum(n => n.Seconds))!.Key,
                    g.Min(n => n.Occupancy)
                ))
                .OrderByDescending(g => g.Seconds),
        ];

    private double Work(Bound bound) => Nodes.Where(n => n.Bound == bound).Sum(n => n.Seconds - Roofline.LaunchSeconds);
}
