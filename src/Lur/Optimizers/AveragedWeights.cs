using Lur.Tensors;

namespace Lur.Optimizers;

/// <summary>How the decay of an average rises to its value.</summary>
public enum AverageWarmUp
{
    /// <summary>Not at all: the decay holds from the first step on.</summary>
    None = 0,

    /// <summary>(1 + u) / (10 + u) after u steps, at most the decay; the first step copies the weights.</summary>
    Ratio = 1,

    /// <summary>1 - (1 + u / gamma)^-power after u steps, at most the decay; the first step copies the weights.</summary>
    Power = 2,
}

/// <summary>Numbers of <see cref="AveragedWeights"/>.</summary>
/// <param name="Decay">Share of the average that a step keeps, in [0, 1).</param>
/// <param name="WarmUp">How the decay rises.</param>
/// <param name="Power">Exponent of <see cref="AverageWarmUp.Power"/>; 2/3 for long runs, 3/4 for runs below a hundred thousand
/// steps.</param>
/// <param name="Least">Least decay once a warm-up has begun to rise.</param>
/// <param name="After">Steps that copy the weights before a warm-up begins.</param>
/// <param name="Gamma">Steps in which <see cref="AverageWarmUp.Power"/> does what it does in one step with 1: diffusers' inv_gamma; above
/// 0.</param>
public sealed record AverageOptions(
    double Decay = 0.9999,
    AverageWarmUp WarmUp = AverageWarmUp.Ratio,
    double Power = 2.0 / 3,
    double Least = 0,
    int After = 0,
    double Gamma = 1
);

/// <summary>An exponential moving average of the parameters, for evaluation and sampling (Polyak, Juditsky 1992; warm-ups as
/// diffusers' EMAModel).</summary>
/// <remarks>It averages parameters; running statistics of normalisation stay those of training.</remarks>
public sealed class AveragedWeights : IDisposable
{
    private readonly AverageOptions _options;
    private readonly FlatVector _parameters,
        _average,
        _clock;
    private bool _inUse;

    /// <summary>An average that starts as the parameters are when its first program gets its memory.</summary>
    /// <param name="parameters">What is averaged.</param>
    /// <param name="options">Decay and warm-up.</param>
    /// <exception cref="ArgumentOutOfRangeException">The decay or gamma is out of its range.</exception>
    public AveragedWeights(FlatVector parameters, AverageOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(options.Decay);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(options.Decay, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Gamma);
        (_parameters, _options) = (parameters, options);
        _average = new FlatVector(parameters.Device, parameters.Precision, parameters.Layout, "average")
        {
            Initial = average => average.CopyFrom(parameters),
        };
        _clock = Optimizer.Clock(parameters.Device, "average-steps", 2);
    }

    /// <summary>The average, [n], and its count of steps. A run that is saved keeps them by their names.</summary>
    public IReadOnlyList<FlatVector> State => [_average, _clock];

    /// <summary>Records a step of the average, behind the update of the parameters.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="skip">int; where it is not 0 the average stays as it is. Null: never.</param>
    public void Emit(Program program, Operand<int> skip = default)
    {
        var (launch, device, o, n) = (program.Launch.Average, program.Device, _options, _parameters.Count);
        launch.AverageBegin(device.Elements(1), _clock.Wide, skip, o.Decay, o.Least, o.Power, o.Gamma, (int)o.WarmUp, o.After);
        launch.AverageStep(device.Elements(n), _average, _parameters, _clock.Wide, skip, n);
    }

    /// <summary>Puts the average in the place of the parameters until the result is disposed, which puts both back bit for bit. No
    /// step may be made in between.</summary>
    /// <exception cref="InvalidOperationException">The average is in use already.</exception>
    public IDisposable Use()
    {
        if (_inUse)
            throw new InvalidOperationException("The average is in the place of the parameters already; dispose its last use first.");
        _inUse = true;
        Swap();
        return new Usage(this);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _average.Dispose();
        _clock.Dispose();
    }

    private void Swap()
    {
        var (device, n) = (_parameters.Device, _parameters.Count);
        device.Kernels(_parameters.Precision).Average.AverageSwap(device.Elements(n), _average.Pointer, _parameters.Pointer, n);
    }

    private sealed class Usage(AveragedWeights owner) : IDisposable
    {
        private bool _over;

        public void Dispose()
        {
            if (_over)
                return;
            _over = true;
            owner._inUse = false;
            owner.Swap();
        }
    }
}
