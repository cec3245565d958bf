namespace Lur.Tasks.Classification;

/// <summary>Loss on the forget batch.</summary>
public enum ForgetLoss
{
    /// <summary>-CE with the true labels; unbounded below.</summary>
    [Choice("neg-ce")]
    NegativeCrossEntropy,

    /// <summary>-min(CE, log C + margin) per sample: no gradient once a sample is worse than chance.</summary>
    [Choice("bounded")]
    BoundedNegativeCrossEntropy,

    /// <summary>CE with labels redrawn uniformly among the other classes for every batch.</summary>
    [Choice("random-label")]
    RandomLabel,

    /// <summary>KL(uniform || p).</summary>
    [Choice("uniform-kl")]
    UniformKl,
}
