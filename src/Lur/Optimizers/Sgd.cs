using Lur.Tensors;

namespace Lur.Optimizers;

/// <summary>Numbers of <see cref="Sgd"/>.</summary>
/// <param name="LearningRate">Base rate, above 0.</param>
/// <param name="Momentum">In [0, 1).</param>
/// <param name="WeightDecay">L2 coefficient that is added to the gradient, at least 0.</param>
/// <param name="Nesterov">Nesterov momentum; needs momentum above 0.</param>
public sealed record SgdOptions(double LearningRate, double Momentum = 0.9, double WeightDecay = 0, bool Nesterov = false);

/// <summary>Stochastic gradient descent with momentum (torch.optim.SGD, dampening 0); Nesterov's form as Sutskever et al. 2013.</summary>
public sealed class Sgd : Optimizer
{
    private readonly SgdOptions _options;

    /// <summary>An optimiser whose momentum is zero; it takes its memory when it is first used.</summary>
    /// <param name="parameters">What will be updated: gives layout and precision.</param>
    /// <param name="options">Rate, momentum, decay.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public Sgd(FlatVector parameters, SgdOptions options)
        : this(options, Like(parameters, "momentum")) { }

    /// <summary>An optimiser on a momentum vector of somebody else, who saves it.</summary>
    /// <param name="momentum">Momentum, [n]; freed with the optimiser, or by its owner.</param>
    /// <param name="options">Rate, momentum, decay.</param>
    internal static Sgd On(FlatVector momentum, SgdOptions options) => new(options, momentum);

    private Sgd(SgdOptions options, FlatVector momentum)
        : base(momentum)
    {
        _options = options;
        ArgumentOutOfRangeException.ThrowIfNegative(options.LearningRate);
        ArgumentOutOfRangeException.ThrowIfNegative(options.WeightDecay);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Momentum);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(options.Momentum, 1);
    }

    /// <summary>Momentum, [n].</summary>
    public FlatVector Momentum => State[0];

    /// <inheritdoc/>
    public override void SetNumbers(StepParameterBuffer numbers, LearningRateSchedule schedule, long index, long steps)
    {
        numbers.LearningRate = _options.LearningRate * schedule.Factor(index, steps);
        numbers.Momentum = schedule.Momentum(index, steps, _options.Momentum);
        numbers.WeightDecay = _options.WeightDecay;
    }

    /// <inheritdoc/>
    public override void Emit(Program program, UpdateTarget target, FlatVector gradient) =>
        program.Launch.Sgd.SgdStep(
            program.Device.Elements(target.Count),
            target.Parameters,
            Momentum,
            gradient,
            target.Mask,
            target.Numbers.Device,
            target.Skip,
            target.Count,
            Nesterov
        );

    /// <inheritdoc/>
    public override void EmitBilevel(Program program, UpdateTarget target, BilevelGradient gradient, Value partials) =>
        program.Launch.Lur.LurMetaUpdate(
            program.Device.Blocks(PartialCount),
            target.Parameters,
            Momentum,
            partials,
            gradient.Retain,
            gradient.Forget,
            gradient.Product,
            target.Mask,
            target.Numbers.Device,
            gradient.Alpha,
            target.Skip,
            target.Count,
            PartialCount,
            Nesterov
        );

    private int Nesterov => _options.Nesterov ? 1 : 0;
}
