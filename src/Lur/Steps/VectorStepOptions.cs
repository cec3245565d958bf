using Lur.Device;

namespace Lur.Steps;

/// <summary>Where the second-order term h = H_r v of a <see cref="VectorStep"/> comes from.</summary>
public enum VectorProduct
{
    /// <summary>h = 0: first order.</summary>
    None,

    /// <summary>Central finite difference of two retain gradients, which the caller takes at the weights of
    /// <see cref="VectorStep.Perturb"/>.</summary>
    FiniteDifference,

    /// <summary>The caller computes it.</summary>
    Given,
}

/// <summary>Numbers of a <see cref="VectorStep"/>.</summary>
public sealed record VectorStepOptions
{
    /// <summary>Element type of all vectors.</summary>
    public Precision Precision { get; init; }

    /// <summary>alpha: length of the simulated retain step, at least 0.</summary>
    public double Alpha { get; init; } = 0.01;

    /// <summary>w_u: weight of the forget gradient, at least 0.</summary>
    public double ForgetWeight { get; init; } = 1;

    /// <summary>w_r: weight of the retain gradient, at least 0.</summary>
    public double RetainWeight { get; init; } = 1;

    /// <summary>Learning rate, at least 0.</summary>
    public double LearningRate { get; init; } = 0.01;

    /// <summary>Momentum in [0, 1).</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>L2 coefficient that is added to the gradient, at least 0.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Nesterov's momentum (Sutskever et al. 2013).</summary>
    public bool Nesterov { get; init; }

    /// <summary>Largest |alpha g| / |theta|, at least 0; 0 for no limit.</summary>
    public double LookAheadCap { get; init; }

    /// <summary>Relative radius r of the finite difference, eps = r / |v|, above 0.</summary>
    public double Radius { get; init; } = 1e-2;

    /// <summary>Where h comes from.</summary>
    public VectorProduct Product { get; init; }

    /// <summary>Refuses numbers that mean nothing.</summary>
    /// <exception cref="ArgumentException">One is out of its range; the message names it.</exception>
    internal void Validate()
    {
        Require(Alpha, "alpha", 0);
        Require(ForgetWeight, "the forget weight lambda", 0);
        Require(RetainWeight, "the retain weight", 0);
        Require(LearningRate, "the learning rate", 0);
        Require(WeightDecay, "the weight decay", 0);
        Require(LookAheadCap, "the look-ahead cap", 0);
        Require(Radius, "the radius of the finite difference", double.Epsilon);
        Require(Momentum, "the momentum", 0);
        if (Momentum >= 1)
            throw new ArgumentException($"the momentum is {Momentum}; it must be below 1.");
    }

    private static void Require(double value, string name, double least)
    {
        if (!double.IsFinite(value) || value < least)
            throw new ArgumentException($"{name} is {value}; it must be a number of at least {least}.");
    }
}
