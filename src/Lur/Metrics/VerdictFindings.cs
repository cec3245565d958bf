using System.Globalization;

namespace Lur.Metrics;

/// <summary>Looks for numbers outside their bands.</summary>
internal static class VerdictFindings
{
    // Many numbers are looked at beside the four: one of them in twenty would be outside by chance.
    private const double LeastClassGap = 5,
        LeastAttackGap = 5,
        LeastRelearningGap = 10,
        TwoSided = 0.0455;

    /// <summary>Of the four numbers.</summary>
    public static VerdictFinding? Of(MetricComparison m, bool lossOnly)
    {
        if (m.Inside is not false || (lossOnly && m.Above))
            return null;
        var under = !lossOnly && m.Below;
        return new VerdictFinding(
            FindingKind.Metric,
            m.Name,
            under ? Verdict.UnderForgotten : Verdict.OverForgotten,
            m.Values.Unlearned.Mean,
            m.Values.Retrained!.Mean,
            m.Band,
            string.Create(
                CultureInfo.InvariantCulture,
                $"the {m.Name} is {Math.Abs(m.Gap):0.0#} points {(m.Gap < 0 ? "below" : "above")} Retrain's "
                    + $"({m.Values.Unlearned.Mean:0.0#} against {m.Values.Retrained!.Mean:0.0#}, band {m.Band:0.0#})"
            )
        );
    }

    /// <summary>Of everything else, in the order: classes, attacks, relearning.</summary>
    public static IEnumerable<VerdictFinding> Of(VerdictEvidence evidence, Predicate<AttackEvidence> decides) =>
        [.. Classes(evidence), .. Forgotten(evidence), .. Attacks(evidence, decides), .. Relearning(evidence)];

    private static IEnumerable<VerdictFinding> Classes(VerdictEvidence evidence)
    {
        foreach (var (name, values) in evidence.Classes)
        {
            var (gap, band) = Gap(values, evidence.Classes.Count);
            if (gap < -Math.Max(band, LeastClassGap))
                yield return new VerdictFinding(
                    FindingKind.Class,
                    name,
                    Verdict.OverForgotten,
                    values.Unlearned.Mean,
                    values.Retrained!.Mean,
                    band,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"the class '{name}' is {-gap:0.0#} points below Retrain's in test accuracy ({values.Unlearned.Mean:0.0#} "
                            + $"against {values.Retrained!.Mean:0.0#}, band {band:0.0#})"
                    )
                );
        }
    }

    private static IEnumerable<VerdictFinding> Forgotten(VerdictEvidence evidence)
    {
        if (evidence.ForgottenClasses is not { } values)
            yield break;
        var (gap, band) = Gap(values, 1);
        if (gap > Math.Max(band, LeastClassGap))
            yield return new VerdictFinding(
                FindingKind.ForgottenClasses,
                "forgotten-class test accuracy",
                Verdict.UnderForgotten,
                values.Unlearned.Mean,
                values.Retrained!.Mean,
                band,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"of the test images of what was forgotten {values.Unlearned.Mean:0.0} % are still classified as it, against "
                        + $"{values.Retrained!.Mean:0.0} % by Retrain (band {band:0.0})"
                )
            );
    }

    private static IEnumerable<VerdictFinding> Attacks(VerdictEvidence evidence, Predicate<AttackEvidence> decides)
    {
        foreach (var attack in evidence.Attacks.Where(a => decides(a)))
        {
            var values = attack.Values;
            var (gap, band) = Gap(values, evidence.Attacks.Count);
            var loss = attack.Name == MembershipAttacks.Loss;
            if (double.IsNaN(gap) || Math.Abs(gap) <= Math.Max(band, LeastAttackGap) || (loss && gap < 0))
                continue;
            var over = loss ? attack.WorseThanRetrain : gap > 0;
            var (own, reference) = (values.Unlearned.Mean, values.Retrained!.Mean);
            yield return new VerdictFinding(
                FindingKind.Attack,
                attack.Name,
                over ? Verdict.OverForgotten : Verdict.UnderForgotten,
                own,
                reference,
                band,
                loss
                    ? string.Create(
                        CultureInfo.InvariantCulture,
                        $"an attack on the loss tells the forget set from unseen images in {own:0.0} % of the cases, against "
                            + $"{reference:0.0} % for Retrain (band {band:0.0})"
                    )
                    : string.Create(
                        CultureInfo.InvariantCulture,
                        $"an attack on the {MembershipAttacks.InWords(attack.Name)} takes {own:0.0} % of the forget set for images never "
                            + $"seen, against {reference:0.0} % for Retrain (band {band:0.0})"
                    )
            );
        }
    }

    private static IEnumerable<VerdictFinding> Relearning(VerdictEvidence evidence)
    {
        foreach (var attack in evidence.Relearning.Where(r => r.Unlearned.Count > 0 && r.Retrained.Count > 0))
        {
            var worst = Steps(attack)
                .Select(s => (s.Step, s.Own, s.Reference, Gap: Gap(new MetricValues(double.NaN, s.Own, s.Reference, attack.Samples), s.Of)))
                .Where(s => s.Gap.Gap > Math.Max(s.Gap.Band, LeastRelearningGap))
                .OrderByDescending(s => s.Gap.Gap)
                .FirstOrDefault();
            if (worst.Own is null)
                continue;
            yield return new VerdictFinding(
                FindingKind.Relearning,
                attack.Title,
                Verdict.UnderForgotten,
                worst.Own.Mean,
                worst.Reference.Mean,
                worst.Gap.Band,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"what was forgotten is dormant, not gone: trained again {attack.Title}, the model knows {worst.Own.Mean:0.0} % of the "
                        + $"forget set after {Count(worst.Step)}, Retrain {worst.Reference.Mean:0.0} % (band "
                        + $"{worst.Gap.Band:0.0}); half of "
                        + $"the original's accuracy on it is back {When(attack.UnlearnedSteps, attack)}, for Retrain "
                        + $"{When(attack.RetrainedSteps, attack)}"
                )
            );
        }
    }

    private static IEnumerable<(int Step, SeedSummary Own, SeedSummary Reference, int Of)> Steps(RelearningEvidence attack)
    {
        var steps = attack.Unlearned[0].Points.Select(p => p.Step).Intersect(attack.Retrained[0].Points.Select(p => p.Step)).ToArray();
        SeedSummary At(IReadOnlyList<RelearningCurve> curves, int step) =>
            SeedSummary.Of([.. curves.SelectMany(c => c.Points).Where(p => p.Step == step).Select(p => p.ForgetAccuracy)]);
        return steps.Select(s => (s, At(attack.Unlearned, s), At(attack.Retrained, s), steps.Length));
    }

    private static string When(int? steps, RelearningEvidence attack) =>
        steps is { } n ? $"after {Count(n)}" : $"not within {Count(attack.Unlearned[0].Points[^1].Step)}";

    private static string Count(int steps) => string.Create(CultureInfo.InvariantCulture, $"{steps:N0} step{(steps == 1 ? "" : "s")}");

    /// <summary>Gap and band of one of several numbers. The spread of a side is at least that of its samples: a deviation over two or
    /// three seeds may be small by chance, and where many are looked at one is.</summary>
    internal static (double Gap, double Band) Gap(MetricValues values, int numbers)
    {
        if (values.Retrained is not { } retrained || !double.IsFinite(values.Unlearned.Mean) || !double.IsFinite(retrained.Mean))
            return (double.NaN, double.NaN);
        double own = Spread(values.Unlearned, values.Samples),
            reference = Spread(retrained, values.Samples);
        var deviations = Statistics.NormalQuantile(1 - (TwoSided / 2 / Math.Max(1, numbers)));
        return (values.Unlearned.Mean - retrained.Mean, deviations * Math.Sqrt((own * own) + (reference * reference)));
    }

    private static double Spread(SeedSummary summary, int samples)
    {
        var binomial = UnlearningVerdict.Spread(summary with { Deviation = double.NaN }, samples);
        return double.IsNaN(summary.Deviation) ? binomial : Math.Max(binomial, summary.Deviation);
    }
}
