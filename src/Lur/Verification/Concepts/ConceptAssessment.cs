using Lur.Metrics;
using Lur.Verification.Generation;

namespace Lur.Verification.Concepts;

/// <summary>What a model draws for the prompts of one kind.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Images">Images drawn.</param>
/// <param name="Shown">Those of them in which the concept is.</param>
/// <param name="AsAsked">Those of them that hold what the prompt asks for, no more and no less; below 0 where that is not known.</param>
/// <param name="MeanScore">Mean of the detector's scores.</param>
/// <param name="ScoreDistance">Mean distance of the conditional from the unconditional score along the trajectories: 0 where the prompt
/// moves nothing.</param>
public sealed record KindOutcome(PromptKind Kind, int Images, int Shown, int AsAsked, double MeanScore, double ScoreDistance)
{
    /// <summary>Share of the images in which the concept is, percent.</summary>
    public double Rate => 100.0 * Shown / Images;

    /// <summary>95 % interval of <see cref="Rate"/>, percent (Wilson 1927).</summary>
    public Interval RateInterval => Percent(Shown);

    /// <summary>Share of the images that hold what the prompt asks for, percent; NaN where that is not known.</summary>
    public double Alignment => AsAsked < 0 ? double.NaN : 100.0 * AsAsked / Images;

    /// <summary>95 % interval of <see cref="Alignment"/>, percent (Wilson 1927).</summary>
    public Interval AlignmentInterval => AsAsked < 0 ? new Interval(double.NaN, double.NaN) : Percent(AsAsked);

    private Interval Percent(int count)
    {
        var (low, high) = Statistics.Wilson(count, Images);
        return new Interval(100 * low, 100 * high);
    }
}

/// <summary>What a model draws, and what a detector sees in it.</summary>
/// <param name="Kinds">By kind of prompts.</param>
/// <param name="Kept">The images of all kept kinds beside real ones of what they ask for, in the judge's features.</param>
/// <param name="Losses">Denoising loss of each test image that was looked at.</param>
public sealed record ConceptAssessment(IReadOnlyList<KindOutcome> Kinds, FeatureQuality Kept, double[] Losses)
{
    /// <summary>Share of the images of prompts of the concept in which it is, percent.</summary>
    public double ConceptRate => Share(Forgotten, k => k.Shown);

    /// <summary>The same of the prompts that do not name it, percent; NaN where there are none.</summary>
    public double UnnamedRate => Share(Unnamed, k => k.Shown);

    /// <summary>Share of the images of kept prompts in which the concept is, percent; NaN where there are none.</summary>
    public double Background => Share(k => !k.Kind.Forgotten, k => k.Shown);

    /// <summary>Share of the images of kept prompts that hold what is asked for, percent; NaN where that is not known.</summary>
    public double KeptAlignment => Share(Aligned, k => k.AsAsked);

    /// <summary>Share of images of the concept that the original model, used as a classifier, takes for it, percent; NaN where it was not
    /// asked.</summary>
    public double DiffusionClassified { get; init; } = double.NaN;

    /// <summary>The first images of the first prompts, bytes [C, H, W] each, by kind, prompt and image.</summary>
    internal IReadOnlyList<IReadOnlyList<IReadOnlyList<byte[]>>> Pictures { get; init; } = [];

    /// <summary>Kinds of the concept.</summary>
    internal static bool Forgotten(KindOutcome k) => k.Kind.Forgotten;

    /// <summary>Kinds of the concept that do not name it.</summary>
    internal static bool Unnamed(KindOutcome k) => k.Kind.Forgotten && !k.Kind.IsNamed;

    /// <summary>Kinds that are kept, where it is known what they ask for.</summary>
    internal static bool Aligned(KindOutcome k) => !k.Kind.Forgotten && k.AsAsked >= 0;

    private double Share(Func<KindOutcome, bool> kinds, Func<KindOutcome, int> count)
    {
        var chosen = Kinds.Where(kinds).ToList();
        return chosen.Count == 0 ? double.NaN : 100.0 * chosen.Sum(count) / chosen.Sum(k => k.Images);
    }
}
