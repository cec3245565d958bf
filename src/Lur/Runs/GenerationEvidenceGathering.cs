using Lur.Metrics;
using Lur.Metrics.Generation;
using Lur.Verification.Generation;

namespace Lur.Runs;

/// <summary>What a verdict on models that draw goes by, from what was measured of each.</summary>
internal static class GenerationEvidenceGathering
{
    /// <summary>Gathers it.</summary>
    /// <param name="r">What was measured; its verdict is not looked at.</param>
    public static GenerationEvidence Of(GenerationVerifyResult r)
    {
        MetricValues Values(Func<GenerativeAssessment, double> value, int images)
        {
            var (original, unlearned, retrained) = r.Of(value);
            return new MetricValues(original, unlearned, retrained, Math.Max(1, images));
        }

        var each = r.Sampling.Samples;
        var evidence = new GenerationEvidence(
            Values(a => a.UnlearningAccuracy, each * r.Forgotten.Count),
            Values(a => a.KeptAgreement, each * r.Kept.Count)
        )
        {
            Classes = r.Classes.Count,
            JudgeAccuracy = r.Judge.TestAccuracy,
            Attacks = r.Attacks,
        };
        if (r.Retrained.Count == 0)
            return evidence;
        var (_, unlearned, retrained) = r.Of(a => a.Kept.Distance);
        return evidence with
        {
            KeptClasses = [.. r.Kept.Select(c => (r.Classes[c], Values(a => a.Agreement[c], each)))],
            DiffusionClassified = Values(
                a => a.DiffusionClassified,
                Math.Min(GenerationAssessor.MostReclassified, each * r.Forgotten.Count)
            ),
            Distance = retrained is null || double.IsNaN(r.Original.Kept.Floor) ? null : (unlearned, retrained, r.Original.Kept.Floor),
            Gain = Gain(r),
        };
    }

    private static LabelGain? Gain(GenerationVerifyResult r)
    {
        static PairedDifference Of(IReadOnlyList<DrawingModel> models) =>
            GenerationVerifyResult.LabelGain(models.Select(m => m.Assessment));
        var unlearned = Of(r.Unlearned);
        return unlearned.Count < 2 ? null : new(GenerationVerifyResult.LabelGain(r.Original).Mean, Of(r.Retrained).Mean, unlearned);
    }
}
