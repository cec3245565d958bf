using Lur.Metrics.Generation;

namespace Lur.Verification.Generation;

/// <summary>What a model draws, and what a judge sees in it.</summary>
/// <param name="Judged">All images with what the judge saw.</param>
/// <param name="Forgotten">What is left of each forgotten label.</param>
/// <param name="Agreement">For each class the share of its images that are classed as it, percent.</param>
/// <param name="PerClass">For each class the images in the judge's features.</param>
/// <param name="Kept">The images of all kept classes together.</param>
/// <param name="ScoreDistances">For each class the mean distance of the conditional from the unconditional score along the
/// trajectories; NaN for a model without a row for no class.</param>
/// <param name="Losses">Denoising loss of each test image that was looked at.</param>
public sealed record GenerativeAssessment(
    JudgedImages Judged,
    IReadOnlyList<ForgottenLabelOutcome> Forgotten,
    IReadOnlyList<double> Agreement,
    IReadOnlyList<FeatureQuality> PerClass,
    FeatureQuality Kept,
    IReadOnlyList<double> ScoreDistances,
    double[] Losses
)
{
    /// <summary>UA over all forgotten labels: 100 minus the share of their images that are classed as asked, percent.</summary>
    public double UnlearningAccuracy => 100 * (1 - (Forgotten.Sum(f => (double)f.Recognised) / Math.Max(1, Forgotten.Sum(f => f.Images))));

    /// <summary>Share of the images of kept labels that are classed as asked, percent; NaN without kept labels.</summary>
    public double KeptAgreement { get; init; } = double.NaN;

    /// <summary>For each test image of a forgotten label the denoising loss without a class, or under kept labels in turn where the model
    /// has no row for no class, less the loss under its own label.</summary>
    public double[] LabelGains { get; init; } = [];

    /// <summary>Share of the forgotten labels' images that the original model itself, used as a classifier, takes for them,
    /// percent.</summary>
    public double DiffusionClassified { get; init; } = double.NaN;

    /// <summary>The images of all kept classes in the features of InceptionV3; null where that was not asked for.</summary>
    public InceptionQuality? Inception { get; init; }

    /// <summary>The first images of each class, bytes [classes, <see cref="ShownOfEach"/>, C, H, W].</summary>
    internal byte[] Shown { get; init; } = [];

    /// <summary>Images in <see cref="Shown"/> of each class.</summary>
    public int ShownOfEach { get; init; }
}
