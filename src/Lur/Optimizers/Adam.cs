using Lur.Tensors;

namespace Lur.Optimizers;

/// <summary>Numbers of <see cref="Adam"/>; the defaults are torch's.</summary>
/// <param name="LearningRate">Base rate, above 0.</param>
/// <param name="Beta1">Decay of the first moment, in [0, 1).</param>
/// <param name="Beta2">Decay of the second moment, in [0, 1).</param>
/// <param name="Epsilon">Added to the root of the second moment, above 0.</param>
/// <param name="WeightDecay">At least 0; <paramref name="Decoupled"/> says which form.</param>
/// <param name="Decoupled">False: the decay is added to the gradient (torch.optim.Adam). True: weights shrink by rate times decay
/// (torch.optim.AdamW).</param>
public sealed record AdamOptions(
    double LearningRate = 1e-3,
    double Beta1 = 0.9,
    double Beta2 = 0.999,
    double Epsilon = 1e-8,
    double WeightDecay = 0,
    bool Decoupled = false
);

/// <summary>Adam (Kingma, Ba 2015), with weight decay in both forms (decoupled: Loshchilov, Hutter 2019).</summary>
/// <remarks>The steps of the bias correction are counted on the device: a captured step is replayed as it is, and a step that the
/// guard skips is not counted.</remarks>
public sealed class Adam : Optimizer
{
    private readonly AdamOptions _options;

    /// <summary>An optimiser that has made no step; it takes its memory when it is first used.</summary>
    /// <param name="parameters">What will be updated: gives layout and precision.</param>
    /// <param name="options">Rate, betas, decay.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public Adam(FlatVector parameters, AdamOptions options)
        : base(Like(parameters, "first-moment"), Like(parameters, "second-moment"), Clock(parameters.Device, "adam-steps", 3))
    {
        _options = options;
        ArgumentOutOfRangeException.ThrowIfNegative(options.LearningRate);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Beta1);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(options.Beta1, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Beta2);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(options.Beta2, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Epsilon);
        ArgumentOutOfRangeException.ThrowIfNegative(options.WeightDecay);
    }

    /// <summary>First moment, [n].</summary>
    public FlatVector FirstMoment => State[0];

    /// <summary>Second moment, [n].</summary>
    public FlatVector SecondMoment => State[1];

    private Operand<double> Steps => State[2].Wide;

    /// <inheritdoc/>
    public override void SetNumbers(StepParameterBuffer numbers, LearningRateSchedule schedule, long index, long steps)
    {
        numbers.LearningRate = _options.LearningRate * schedule.Factor(index, steps);
        numbers.Momentum = schedule.Momentum(index, steps, _options.Beta1);
        numbers.SecondMoment = _options.Beta2;
        numbers.Epsilon = _options.Epsilon;
        numbers.WeightDecay = _options.WeightDecay;
    }

    /// <inheritdoc/>
    public override void Emit(Program program, UpdateTarget target, FlatVector gradient)
    {
        EmitBegin(program, target);
        program.Launch.Adam.AdamStep(
            program.Device.Elements(target.Count),
            target.Parameters,
            FirstMoment,
            SecondMoment,
            gradient,
            target.Mask,
            target.Numbers.Device,
            Steps,
            target.Skip,
            target.Count,
            Decoupled
        );
    }

    /// <inheritdoc/>
    public override void EmitBilevel(Program program, UpdateTarget target, BilevelGradient gradient, Value partials)
    {
        EmitBegin(program, target);
        program.Launch.LurAdam.LurAdamUpdate(
            program.Device.Blocks(PartialCount),
            target.Parameters,
            FirstMoment,
            SecondMoment,
            partials,
            gradient.Retain,
            gradient.Forget,
            gradient.Product,
            target.Mask,
            target.Numbers.Device,
            Steps,
            gradient.Alpha,
            target.Skip,
            target.Count,
            PartialCount,
            Decoupled
        );
    }

    private int Decoupled => _options.Decoupled ? 1 : 0;

    private void EmitBegin(Program program, UpdateTarget target) =>
        program.Launch.Adam.AdamBegin(program.Device.Elements(1), Steps, target.Numbers.Device, target.Skip);
}
