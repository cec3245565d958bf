using Lur.Metrics;
using Lur.Metrics.Generation;
using Lur.Verification.Concepts;
using Lur.Verification.Generation;

namespace Lur.Runs;

/// <summary>A model whose images a detector saw.</summary>
/// <param name="Path">Its file.</param>
/// <param name="Assessment">What it draws.</param>
public sealed record ConceptModel(string Path, ConceptAssessment Assessment);

/// <summary>Who looked for the concept.</summary>
/// <param name="Command">Another program; null where the judge did.</param>
/// <param name="Threshold">Least score of an image with the concept in it; NaN for the judge, who takes the likeliest contents.</param>
/// <param name="Judge">The judge; null where there was none.</param>
/// <param name="Acuity">How good it is on real test images.</param>
public sealed record ConceptDetector(string? Command, double Threshold, JudgeFacts? Judge, ConceptAcuity Acuity)
{
    /// <summary>Its name, for people.</summary>
    public string Name => Command ?? $"the judge, {Judge?.Architecture}";
}

/// <summary>What a verification of models that are told prompts found.</summary>
/// <param name="Prompts">What was asked for.</param>
/// <param name="Detector">Who looked.</param>
/// <param name="Sampling">How images were drawn.</param>
/// <param name="Original">What the original draws.</param>
/// <param name="Unlearned">What the unlearned models draw.</param>
/// <param name="Retrained">What the retrained models draw; may be empty.</param>
/// <param name="Verdict">The verdict.</param>
/// <param name="Attacks">What attacks brought back.</param>
/// <param name="Distance">Of the first unlearned model's weights from the original ones.</param>
public sealed record ConceptVerifyResult(
    ConceptPrompts Prompts,
    ConceptDetector Detector,
    SamplingPlan Sampling,
    ConceptAssessment Original,
    IReadOnlyList<ConceptModel> Unlearned,
    IReadOnlyList<ConceptModel> Retrained,
    UnlearningVerdict Verdict,
    IReadOnlyList<DrawingAttack> Attacks,
    WeightDistance Distance
)
{
    /// <summary>For each test image whose denoising loss was taken whether the concept is in it.</summary>
    public required bool[] TestHolds { get; init; }

    /// <summary>Size of the images: channels, rows, columns.</summary>
    public required (int Channels, int Height, int Width) Size { get; init; }

    /// <summary>A number of the original, and over the models of each side; the last is null without retrained models.</summary>
    /// <param name="value">Which number.</param>
    public (double Original, SeedSummary Unlearned, SeedSummary? Retrained) Of(Func<ConceptAssessment, double> value)
    {
        SeedSummary Side(IReadOnlyList<ConceptModel> models) => SeedSummary.Of([.. models.Select(m => value(m.Assessment))]);
        return (value(Original), Side(Unlearned), Retrained.Count == 0 ? null : Side(Retrained));
    }

    /// <summary>Denoising losses of some models minus the original's, image by image; a loss of several models is their mean.</summary>
    /// <param name="models">The models; at least one.</param>
    /// <returns>Over the test images with the concept, and over those without.</returns>
    public (PairedDifference Concept, PairedDifference Kept) LossChange(IReadOnlyList<ConceptModel> models)
    {
        double[] mean = [.. Original.Losses.Select((_, i) => models.Average(m => m.Assessment.Losses[i]))];
        var both = PairedDifference.ByClass(Original.Losses, mean, [.. TestHolds.Select(h => h ? 1 : 0)], 2);
        return (both[1], both[0]);
    }

    /// <summary>What a verdict goes by.</summary>
    internal ConceptEvidence Evidence()
    {
        MetricValues Values(Func<ConceptAssessment, double> value, Func<KindOutcome, bool> kinds)
        {
            var (original, unlearned, retrained) = Of(value);
            return new(original, unlearned, retrained, Math.Max(1, Original.Kinds.Where(kinds).Sum(k => k.Images)));
        }

        IReadOnlyList<(string, MetricValues)> Each(Func<KindOutcome, bool> kinds, Func<KindOutcome, double> value) =>
            [
                .. Original
                    .Kinds.Index()
                    .Where(k => kinds(k.Item))
                    .Select(k => (k.Item.Kind.Name, Values(a => value(a.Kinds[k.Index]), other => other == k.Item))),
            ];
        var evidence = new ConceptEvidence(
            Prompts.Concept,
            Values(a => a.ConceptRate, ConceptAssessment.Forgotten),
            Values(a => a.KeptAlignment, ConceptAssessment.Aligned)
        )
        {
            DetectorAccuracy = Detector.Acuity.Accuracy,
            Background = double.IsNaN(Original.Background) ? 0 : Original.Background,
            Unnamed = Original.Kinds.Any(ConceptAssessment.Unnamed) ? Values(a => a.UnnamedRate, ConceptAssessment.Unnamed) : null,
            Kinds = Each(ConceptAssessment.Forgotten, k => k.Rate),
            KeptKinds = Each(ConceptAssessment.Aligned, k => k.Alignment),
            Attacks = Attacks,
        };
        var asked = Original.Kinds.First(k => k.Kind == Prompts.Asked);
        var (_, unlearned, retrained) = Of(a => a.Kept.Distance);
        return evidence with
        {
            DiffusionClassified = double.IsNaN(Original.DiffusionClassified)
                ? null
                : Values(a => a.DiffusionClassified, k => k == asked) with
                {
                    Samples = Math.Min(PromptClassifier.MostImages, asked.Images),
                },
            Distance = retrained is null || double.IsNaN(Original.Kept.Floor) ? null : (unlearned, retrained, Original.Kept.Floor),
        };
    }
}
