using Lur.Device;
using Lur.Tensors;

namespace Lur.Optimizers;

/// <summary>What an update moves, and what decides whether it does.</summary>
/// <param name="Parameters">theta, [n]; changed in place.</param>
/// <param name="Numbers">Rate, momentum and the others of the step.</param>
/// <param name="Skip">int; where it is not 0 the update changes nothing, neither the parameters nor the optimiser's state. Null:
/// never.</param>
/// <param name="Mask">Parameters that may move; null: all. A frozen one keeps its bits, and so does its state.</param>
public sealed record UpdateTarget(
    FlatVector Parameters,
    StepParameterBuffer Numbers,
    Operand<int> Skip = default,
    ParameterMask? Mask = null
)
{
    /// <summary>Number of parameters.</summary>
    public int Count => Parameters.Count;
}

/// <summary>The gradient of LUR, in its parts: G = w_r g + w_u (v - alpha h), weights from the numbers of the step.</summary>
/// <param name="Retain">g, [n].</param>
/// <param name="Forget">v, [n]; null for G = w_r g.</param>
/// <param name="Product">h, [n]; null for first order.</param>
/// <param name="Alpha">double; the alpha of the look-ahead.</param>
public sealed record BilevelGradient(FlatVector Retain, FlatVector? Forget, FlatVector? Product, Operand<double> Alpha);

/// <summary>Turns a gradient into a change of parameters. Its state outlives every program it is recorded in.</summary>
public abstract class Optimizer : IDisposable
{
    /// <summary>Partial sums of a reduction over the parameters, each over a chunk of them.</summary>
    public const int PartialCount = 512;

    /// <summary>Numbers that <see cref="EmitBilevel"/> measures: |g|^2, |v|^2, &lt;g, v&gt;, |h|^2, |theta|^2 before the step, and how
    /// many elements of G are not finite.</summary>
    public const int BilevelTelemetry = 6;

    private protected Optimizer(params ReadOnlySpan<FlatVector> state) => State = [.. state];

    /// <summary>The vectors that belong to the optimiser, zeros at the start. A run that is saved keeps them by their names.</summary>
    public IReadOnlyList<FlatVector> State { get; }

    /// <summary>Bytes of <see cref="State"/>.</summary>
    public long StateBytes => State.Sum(v => v.Bytes);

    /// <summary>Writes the numbers of a step, before the program runs.</summary>
    /// <param name="numbers">Where to.</param>
    /// <param name="schedule">Learning rate and momentum over the run.</param>
    /// <param name="index">Step of the run.</param>
    /// <param name="steps">Steps of the whole run.</param>
    public abstract void SetNumbers(StepParameterBuffer numbers, LearningRateSchedule schedule, long index, long steps);

    /// <summary>Records an update with a gradient, [n], which is read.</summary>
    public abstract void Emit(Program program, UpdateTarget target, FlatVector gradient);

    /// <summary>Records LUR's gradient and the update with it as one kernel; the bits are those of <see cref="EmitGradient"/> and
    /// <see cref="Emit"/>.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="target">What is updated.</param>
    /// <param name="gradient">The parts of G.</param>
    /// <param name="partials">double [<see cref="BilevelTelemetry"/>, <see cref="PartialCount"/>]; receives the partial sums of the
    /// telemetry, also where the update is skipped.</param>
    public abstract void EmitBilevel(Program program, UpdateTarget target, BilevelGradient gradient, Value partials);

    /// <summary>Records G alone, for an update that must look at the whole of it first: clipping by its norm.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="target">Gives parameters and numbers; nothing is updated.</param>
    /// <param name="gradient">The parts of G.</param>
    /// <param name="total">Receives G, [n]; may be the retain gradient.</param>
    /// <param name="partials">As for <see cref="EmitBilevel"/>.</param>
    public static void EmitGradient(Program program, UpdateTarget target, BilevelGradient gradient, FlatVector total, Value partials) =>
        program.Launch.Lur.LurGradient(
            program.Device.Blocks(PartialCount),
            total,
            partials,
            gradient.Retain,
            gradient.Forget,
            gradient.Product,
            target.Parameters,
            target.Numbers.Device,
            gradient.Alpha,
            target.Count,
            PartialCount
        );

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var vector in State)
            vector.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>A vector of zeros like the parameters.</summary>
    private protected static FlatVector Like(FlatVector parameters, string name) =>
        new(parameters.Device, parameters.Precision, parameters.Layout, name);

    /// <summary>A few numbers in double, whatever the precision of the parameters.</summary>
    internal static FlatVector Clock(ComputeDevice device, string name, int count)
    {
        var layout = new ParameterLayout();
        layout.Add(name, ParameterKind.Bias, new Shape(count));
        return new FlatVector(device, Precision.Float64, layout, name);
    }
}
