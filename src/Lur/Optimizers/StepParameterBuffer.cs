using Lur.Device;

namespace Lur.Optimizers;

/// <summary>Numbers that change from step to step, in device memory so that a captured step can be replayed with new ones.
/// The order is that of <see cref="StepParameter"/>.</summary>
public sealed class StepParameterBuffer
{
    private readonly PinnedBuffer<double> _host; // the program's
    private readonly Value _device;

    /// <summary>Declares the device array in a program and emits its upload as the next operation.</summary>
    public StepParameterBuffer(Program program, string name)
    {
        _host = program.Pinned<double>(StepParameters.Count);
        _device = program.Raw($"{name}/step-parameters", ValueRole.Input, new Shape(StepParameters.Count), sizeof(double));
        program.Upload(_device, _host);
    }

    /// <summary>Device array for kernels that take <c>const double* step</c>.</summary>
    public Value Device => _device;

    /// <summary>Learning rate.</summary>
    public double LearningRate
    {
        get => _host.Span[(int)StepParameter.LearningRate];
        set => _host.Span[(int)StepParameter.LearningRate] = value;
    }

    /// <summary>Momentum of SGD, beta_1 of Adam.</summary>
    public double Momentum
    {
        get => _host.Span[(int)StepParameter.Momentum];
        set => _host.Span[(int)StepParameter.Momentum] = value;
    }

    /// <summary>beta_2 of Adam.</summary>
    public double SecondMoment
    {
        get => _host.Span[(int)StepParameter.SecondMoment];
        set => _host.Span[(int)StepParameter.SecondMoment] = value;
    }

    /// <summary>epsilon of Adam.</summary>
    public double Epsilon
    {
        get => _host.Span[(int)StepParameter.Epsilon];
        set => _host.Span[(int)StepParameter.Epsilon] = value;
    }

    /// <summary>Weight decay.</summary>
    public double WeightDecay
    {
        get => _host.Span[(int)StepParameter.WeightDecay];
        set => _host.Span[(int)StepParameter.WeightDecay] = value;
    }

    /// <summary>w_r.</summary>
    public double RetainWeight
    {
        get => _host.Span[(int)StepParameter.RetainWeight];
        set => _host.Span[(int)StepParameter.RetainWeight] = value;
    }

    /// <summary>w_u.</summary>
    public double ForgetWeight
    {
        get => _host.Span[(int)StepParameter.ForgetWeight];
        set => _host.Span[(int)StepParameter.ForgetWeight] = value;
    }

    /// <summary>alpha.</summary>
    public double Alpha
    {
        get => _host.Span[(int)StepParameter.Alpha];
        set => _host.Span[(int)StepParameter.Alpha] = value;
    }

    /// <summary>Weight of the l1 penalty.</summary>
    public double Penalty
    {
        get => _host.Span[(int)StepParameter.Penalty];
        set => _host.Span[(int)StepParameter.Penalty] = value;
    }
}
