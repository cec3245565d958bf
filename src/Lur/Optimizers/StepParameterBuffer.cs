namespace Lur.Optimizers;

/// <summary>Numbers that change from step to step, in device memory so that a captured step can be replayed with new ones.
/// The order is that of <see cref="StepParameter"/>.</summary>
public sealed class StepParameterBuffer
{
    private readonly RunInput<double> _numbers;

    /// <summary>Declares the device array in a program.</summary>
    public StepParameterBuffer(Program program, string name) =>
        _numbers = program.Input<double>($"{name}/step-parameters", new Shape(StepParameters.Count));

    /// <summary>Device array for kernels that take <c>const double* step</c>.</summary>
    public Value Device => _numbers.Device;

    /// <summary>Learning rate.</summary>
    public double LearningRate
    {
        get => _numbers.Span[(int)StepParameter.LearningRate];
        set => _numbers.Span[(int)StepParameter.LearningRate] = value;
    }

    /// <summary>Momentum of SGD, beta_1 of Adam.</summary>
    public double Momentum
    {
        get => _numbers.Span[(int)StepParameter.Momentum];
        set => _numbers.Span[(int)StepParameter.Momentum] = value;
    }

    /// <summary>beta_2 of Adam.</summary>
    public double SecondMoment
    {
        get => _numbers.Span[(int)StepParameter.SecondMoment];
        set => _numbers.Span[(int)StepParameter.SecondMoment] = value;
    }

    /// <summary>epsilon of Adam.</summary>
    public double Epsilon
    {
        get => _numbers.Span[(int)StepParameter.Epsilon];
        set => _numbers.Span[(int)StepParameter.Epsilon] = value;
    }

    /// <summary>Weight decay.</summary>
    public double WeightDecay
    {
        get => _numbers.Span[(int)StepParameter.WeightDecay];
        set => _numbers.Span[(int)StepParameter.WeightDecay] = value;
    }

    /// <summary>w_r.</summary>
    public double RetainWeight
    {
        get => _numbers.Span[(int)StepParameter.RetainWeight];
        set => _numbers.Span[(int)StepParameter.RetainWeight] = value;
    }

    /// <summary>w_u.</summary>
    public double ForgetWeight
    {
        get => _numbers.Span[(int)StepParameter.ForgetWeight];
        set => _numbers.Span[(int)StepParameter.ForgetWeight] = value;
    }

    /// <summary>alpha.</summary>
    public double Alpha
    {
        get => _numbers.Span[(int)StepParameter.Alpha];
        set => _numbers.Span[(int)StepParameter.Alpha] = value;
    }

    /// <summary>Weight of the l1 penalty.</summary>
    public double Penalty
    {
        get => _numbers.Span[(int)StepParameter.Penalty];
        set => _numbers.Span[(int)StepParameter.Penalty] = value;
    }
}
