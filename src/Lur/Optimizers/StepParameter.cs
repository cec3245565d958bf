namespace Lur.Optimizers;

/// <summary>
/// Where the numbers of a training step lie in the array of doubles that <c>sgd_step</c> and the <c>lur_*</c> kernels
/// read from device memory (<c>kernels/include/sgd_step.cuh</c>, which has the same names and values).
/// </summary>
/// <remarks>
/// The array is written before a step and read by every kernel of it, so that a captured graph is replayed with another
/// learning rate without being captured anew.
/// </remarks>
public enum StepParameter
{
    /// <summary>Step size of the (outer) update.</summary>
    LearningRate = 0,

    /// <summary>Momentum factor mu of SGD, beta_1 of Adam.</summary>
    Momentum = 1,

    /// <summary>Weight decay: of SGD and Adam the L2 coefficient that is added to the gradient (torch.optim.SGD), of decoupled
    /// Adam the share of the rate by which weights shrink (torch.optim.AdamW).</summary>
    WeightDecay = 2,

    /// <summary>Weight w_r of the retain gradient in LUR's update.</summary>
    RetainWeight = 3,

    /// <summary>Weight w_u (lambda) of the forget gradient in LUR's update.</summary>
    ForgetWeight = 4,

    /// <summary>Step size alpha of LUR's inner (look-ahead) step.</summary>
    Alpha = 5,

    /// <summary>Weight of the l1 penalty whose subgradient is added to the gradient.</summary>
    Penalty = 6,

    /// <summary>beta_2 of Adam.</summary>
    SecondMoment = 7,

    /// <summary>epsilon of Adam, added to the root of the second moment.</summary>
    Epsilon = 8,
}

/// <summary>Facts about <see cref="StepParameter"/>.</summary>
public static class StepParameters
{
    /// <summary>Length of the array.</summary>
    public const int Count = 9;
}
