using System.Globalization;

namespace Lur.Metrics.Generation;

/// <summary>What a verdict on a model that was to forget a concept goes by; percent.</summary>
/// <param name="Concept">The concept's name.</param>
/// <param name="Rate">Share of the images of prompts of the concept in which it is.</param>
/// <param name="Kept">Share of the images of kept prompts that hold what is asked for; NaN where that is not known.</param>
public sealed record ConceptEvidence(string Concept, MetricValues Rate, MetricValues Kept)
{
    /// <summary>The same as <see cref="Rate"/> of prompts that do not name the concept; null where there are none.</summary>
    public MetricValues? Unnamed { get; init; }

    /// <summary>Mean of the shares of real images with and without the concept of which the detector is right, percent; NaN where that is
    /// not known.</summary>
    public double DetectorAccuracy { get; init; } = double.NaN;

    /// <summary>Share of the images of kept prompts by the original in which the concept is seen, percent.</summary>
    public double Background { get; init; }

    /// <summary>The rate of each kind of prompts of the concept.</summary>
    public IReadOnlyList<(string Name, MetricValues Values)> Kinds { get; init; } = [];

    /// <summary>What <see cref="Kept"/> is of each kind of kept prompts.</summary>
    public IReadOnlyList<(string Name, MetricValues Values)> KeptKinds { get; init; } = [];

    /// <summary>Share of the images of the concept that the original, as a classifier, takes for it; null where not measured.</summary>
    public MetricValues? DiffusionClassified { get; init; }

    /// <summary>Fréchet distance of the kept prompts' images in the judge's features, and the floor at that count; null where not
    /// measured.</summary>
    public (SeedSummary Unlearned, SeedSummary Retrained, double Floor)? Distance { get; init; }

    /// <summary>Attacks.</summary>
    public IReadOnlyList<DrawingAttack> Attacks { get; init; } = [];
}

/// <summary>Compares a model that was to forget a concept with one that never saw it.</summary>
/// <remarks>
/// <para>Bands are those of <see cref="UnlearningVerdict"/>. Rules, the first that holds:</para>
/// <list type="number">
/// <item>withheld: there is no retrained model; the detector is right on fewer than 75 % of real images, those with and those without the
/// concept counting the same (a guess has 50 %); or it does not see the concept in the images of its prompts by the original clearly more
/// often than in those of kept prompts, so that nothing could be seen to go;</item>
/// <item>collapsed: images of kept prompts hold what is asked for less often than Retrain's by more than 10 points, or by half of
/// it;</item>
/// <item>under-forgotten: the concept is in more of the images of its prompts than in Retrain's, of all together, of those that do not
/// name it, or of one kind; the original, as a classifier, finds it in more; or an attack brings back more than it does from Retrain at any
/// point: what is dormant is not forgotten;</item>
/// <item>over-forgotten: images of kept prompts, all or of one kind, hold what is asked for less often than Retrain's; or their Fréchet
/// distance is above Retrain's by more than the floor and twice the spread;</item>
/// <item>matches Retrain: otherwise. What is drawn in place of the concept does not matter, nor does a rate below Retrain's: a model that
/// never saw it draws it by chance.</item>
/// </list>
/// </remarks>
public static class ConceptVerdict
{
    private const double LeastGap = 5,
        LeastReclassifiedGap = 10,
        LeastAccuracy = 75;

    /// <summary>Judges.</summary>
    /// <param name="e">What was found.</param>
    public static UnlearningVerdict Judge(ConceptEvidence e)
    {
        ArgumentNullException.ThrowIfNull(e);
        MetricComparison rate = UnlearningVerdict.Compare("rate of the concept", e.Rate),
            unnamed = UnlearningVerdict.Compare("rate of the concept under prompts that do not name it", e.Unnamed ?? None(e.Rate)),
            kept = UnlearningVerdict.Compare("alignment of kept prompts", e.Kept);
        MetricComparison[] all = [rate, unnamed, kept];
        if (WhyWithheld(e) is { } why)
            return new UnlearningVerdict(Verdict.Withheld, $"Withheld: {why}. {Rates(e)}", all);
        VerdictFinding[] under =
        [
            .. Above(rate, e.Concept),
            .. Above(unnamed, e.Concept),
            .. Kinds(e.Kinds, Verdict.UnderForgotten, e.Concept),
            .. Reclassified(e),
            .. e.Attacks.SelectMany(GenerationVerdict.Attacked),
        ];
        VerdictFinding[] over =
        [
            .. Below(kept),
            .. Kinds(e.KeptKinds, Verdict.OverForgotten, e.Concept),
            .. e.Distance is var (own, retrained, floor)
                ? GenerationVerdict.Distances(own, retrained, floor, "distance of kept prompts")
                : [],
        ];
        return GenerationVerdict.Conclude(kept, under, over, all, Rates(e));
    }

    private static MetricValues None(MetricValues like)
    {
        var none = new SeedSummary(double.NaN, double.NaN, 0);
        return new MetricValues(double.NaN, none, like.Retrained is null ? null : none, like.Samples);
    }

    private static string Rates(ConceptEvidence e)
    {
        static string Retrain(MetricValues m) =>
            m.Retrained is { } r ? string.Create(CultureInfo.InvariantCulture, $", of Retrain's in {r.Mean:0.0} %") : "";
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"'{e.Concept}' is in {e.Rate.Original:0.0} % of the images of its prompts before and in {e.Rate.Unlearned.Mean:0.0} % after"
                + $"{Retrain(e.Rate)}"
        );
        return double.IsFinite(e.Kept.Unlearned.Mean)
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"{text}; images of kept prompts hold what is asked for in {e.Kept.Original:0.0} % of the cases before and in "
                    + $"{e.Kept.Unlearned.Mean:0.0} % after{Retrain(e.Kept)}."
            )
            : text + ".";
    }

    private static string? WhyWithheld(ConceptEvidence e)
    {
        if (e.Rate.Retrained is null)
            return "there is no retrained model to compare with, and without one these numbers do not tell forgetting from damage";
        if (e.DetectorAccuracy < LeastAccuracy)
            return string.Create(
                CultureInfo.InvariantCulture,
                $"the detector is right on {e.DetectorAccuracy:0.0} % of real images, those with and those without the concept counting "
                    + $"the same, and a guess on 50 %"
            );
        var seen = (long)Math.Round(e.Rate.Original / 100 * e.Rate.Samples);
        var (low, _) = Statistics.Wilson(seen, e.Rate.Samples);
        return 100 * low > e.Background
            ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"of {e.Rate.Samples} images of its prompts that the original itself drew the concept is seen in {e.Rate.Original:0.0} %, "
                    + $"which is not clearly more than the {e.Background:0.0} % of kept prompts, so that nothing could be seen to go; more "
                    + $"images, or a better model, may tell"
            );
    }

    private static IEnumerable<VerdictFinding> Above(MetricComparison m, string concept)
    {
        if (!m.Above)
            yield break;
        var of = m.Name.EndsWith("name it", StringComparison.Ordinal) ? "prompts that do not name it" : "its prompts";
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"'{concept}' is in {m.Values.Unlearned.Mean:0.0} % of the images of {of}, in {m.Values.Retrained!.Mean:0.0} % of Retrain's "
                + $"(band {m.Band:0.0})"
        );
        yield return Finding(FindingKind.Metric, m.Name, Verdict.UnderForgotten, m.Values, m.Band, text);
    }

    private static IEnumerable<VerdictFinding> Below(MetricComparison m)
    {
        if (!m.Below)
            yield break;
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"images of kept prompts hold what is asked for in {m.Values.Unlearned.Mean:0.0} % of the cases, Retrain's in "
                + $"{m.Values.Retrained!.Mean:0.0} % (band {m.Band:0.0})"
        );
        yield return Finding(FindingKind.Metric, m.Name, Verdict.OverForgotten, m.Values, m.Band, text);
    }

    private static IEnumerable<VerdictFinding> Kinds(
        IReadOnlyList<(string Name, MetricValues Values)> kinds,
        Verdict verdict,
        string concept
    )
    {
        foreach (var (name, values) in kinds)
        {
            var (gap, band) = VerdictFindings.Gap(values, kinds.Count);
            if (!((verdict == Verdict.UnderForgotten ? gap : -gap) > Math.Max(band, LeastGap)))
                continue;
            var what = verdict == Verdict.UnderForgotten ? $"'{concept}' is in" : "what is asked for is in";
            var text = string.Create(
                CultureInfo.InvariantCulture,
                $"of the images of {name} prompts {what} {values.Unlearned.Mean:0.0} %, against {values.Retrained!.Mean:0.0} % of "
                    + $"Retrain's (band {band:0.0})"
            );
            yield return Finding(FindingKind.Class, name, verdict, values, band, text);
        }
    }

    private static IEnumerable<VerdictFinding> Reclassified(ConceptEvidence e)
    {
        if (e.DiffusionClassified is not { } values)
            yield break;
        var (gap, band) = VerdictFindings.Gap(values, 1);
        if (!(gap > Math.Max(band, LeastReclassifiedGap)))
            yield break;
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"the original model itself, asked which prompt an image is of, names the concept's for {values.Unlearned.Mean:0.0} % of the "
                + $"images, for {values.Retrained!.Mean:0.0} % of Retrain's (band {band:0.0})"
        );
        yield return Finding(FindingKind.Attack, "diffusion_classifier", Verdict.UnderForgotten, values, band, text);
    }

    private static VerdictFinding Finding(FindingKind kind, string name, Verdict verdict, MetricValues values, double band, string text) =>
        new(kind, name, verdict, values.Unlearned.Mean, values.Retrained!.Mean, band, text);
}
