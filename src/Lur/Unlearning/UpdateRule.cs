using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>What an update does beside momentum SGD.</summary>
public sealed record UpdateRule
{
    /// <summary>Parameters that may move; null: all.</summary>
    public ParameterMask? Mask { get; init; }

    /// <summary>True to mask the gradient alone, so that momentum and weight decay still move masked-out weights (SalUn before
    /// its authors' fix of February 2026); false freezes those weights and their momentum.</summary>
    public bool MaskGradientOnly { get; init; }

    /// <summary>True to add <see cref="SupervisedStep.Penalty"/> sign(theta) to the gradient.</summary>
    public bool Penalty { get; init; }

    /// <summary>Pulls weights back to an anchor after the update; null: none.</summary>
    public ProximalPull? Pull { get; init; }
}
