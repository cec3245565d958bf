using Lur.Device;
using Lur.Models;
using Lur.Tensors;

namespace Lur.Runs;

/// <summary>What a step takes on the device, before anything runs.</summary>
/// <param name="Roles">Buffers of the step by role: how many, and their bytes if none shared memory.</param>
/// <param name="UnsharedBytes">Sum of these.</param>
/// <param name="PeakLiveBytes">Most bytes that are alive at once.</param>
/// <param name="ArenaBytes">Bytes of the memory they lie in.</param>
/// <param name="Vectors">Flat vectors beside it: parameters, gradients, momentum, ...</param>
/// <param name="VectorBytes">Bytes of these and of the running statistics.</param>
/// <param name="Further">Bytes beside those of the step, by name.</param>
public sealed record StepMemory(
    IReadOnlyList<(string Role, int Buffers, long Bytes)> Roles,
    long UnsharedBytes,
    long PeakLiveBytes,
    long ArenaBytes,
    int Vectors,
    long VectorBytes,
    IReadOnlyList<(string Name, long Bytes)> Further
)
{
    /// <summary>Steps that the run makes; 0 where the plan is of one step alone.</summary>
    public long Steps { get; init; }

    /// <summary>Bytes that a step takes, all together.</summary>
    public long TotalBytes => ArenaBytes + VectorBytes + Further.Sum(f => f.Bytes);

    /// <summary>Bytes of <see cref="VectorBytes"/> that are of weights which are not trained.</summary>
    public long FrozenBytes { get; init; }

    /// <summary>How these lie in memory.</summary>
    public Packing FrozenPacking { get; init; }

    private (IReadOnlyList<PlannedNode> Nodes, DeviceModel Gpu, Precision Precision)? Planned { get; init; }

    /// <summary>How long a step would take on the model of GPU that the device plans for; null on one that is itself.</summary>
    public StepPrediction? Predict() => Planned is var (nodes, gpu, precision) ? StepPrediction.Of(nodes, gpu, precision) : null;

    internal static StepMemory Of(Program program, Model model, int vectors, IReadOnlyList<(string Name, long Bytes)>? more = null)
    {
        var plan = program.Plan();
        return new StepMemory(
            [.. plan.Lines.Select(l => (l.Role.ToString(), l.Buffers, l.Bytes))],
            plan.UnsharedBytes,
            plan.PeakLiveBytes,
            plan.ArenaBytes,
            vectors,
            (vectors * model.Parameters.Bytes) + model.Frozen.Bytes + model.Buffers.Bytes,
            more ?? []
        )
        {
            FrozenBytes = model.Frozen.Bytes,
            FrozenPacking = model.Frozen.Packing,
            Planned = program.Device.PlannedAs is { } gpu ? (program.Nodes, gpu, program.Precision) : null,
        };
    }
}
