using System.Globalization;

namespace Lur.Metrics.Generation;

/// <summary>What their label helps in denoising test images of the forgotten classes: for each image the loss without a class less the
/// loss under its own, with the same noise.</summary>
/// <param name="Original">Mean of the original model.</param>
/// <param name="Retrained">Mean of the retrained models.</param>
/// <param name="Unlearned">Of the unlearned ones, with its interval over the images.</param>
public sealed record LabelGain(double Original, double Retrained, PairedDifference Unlearned);

/// <summary>What a verdict on a model that draws goes by; percent.</summary>
/// <param name="Unlearning">UA: 100 minus the share of images of forgotten labels that are classed as asked.</param>
/// <param name="Kept">Share of images of kept labels that are classed as asked.</param>
public sealed record GenerationEvidence(MetricValues Unlearning, MetricValues Kept)
{
    /// <summary>Number of classes.</summary>
    public required int Classes { get; init; }

    /// <summary>Share of real test images that the judge classes as labelled.</summary>
    public required double JudgeAccuracy { get; init; }

    /// <summary>The same as <see cref="Kept"/> for each kept class.</summary>
    public IReadOnlyList<(string Name, MetricValues Values)> KeptClasses { get; init; } = [];

    /// <summary>Share of images of forgotten labels that the original model itself classes as them; null where not measured.</summary>
    public MetricValues? DiffusionClassified { get; init; }

    /// <summary>Fréchet distance of the kept classes in the judge's features, and the floor at that count; null where not
    /// measured.</summary>
    public (SeedSummary Unlearned, SeedSummary Retrained, double Floor)? Distance { get; init; }

    /// <summary>What the forgotten labels help in denoising; null where there are no test images.</summary>
    public LabelGain? Gain { get; init; }

    /// <summary>Attacks.</summary>
    public IReadOnlyList<DrawingAttack> Attacks { get; init; } = [];
}

/// <summary>Compares an unlearned model that draws with a retrained one.</summary>
/// <remarks>
/// <para>Bands are those of <see cref="UnlearningVerdict"/>. Rules, the first that holds:</para>
/// <list type="number">
/// <item>withheld: there is no retrained model; the judge is no better on real images than twice a guess; or it does not recognise the
/// forgotten label in what the original draws, so that nothing could be seen to go;</item>
/// <item>collapsed: the share of the images of kept labels that are classed as asked is below Retrain's by more than 10 points, or by half
/// of it;</item>
/// <item>under-forgotten: UA is below the band; the original model, as a classifier, recognises more than in Retrain's images; their
/// label helps to denoise forgotten test images, beyond what it does in Retrain by a quarter or more of what it did in the original; or
/// an attack brings back more than it does from Retrain at any point: what is dormant is not forgotten;</item>
/// <item>over-forgotten: images of kept labels, all or of one class, are classed as asked less often; or their Fréchet distance is above
/// Retrain's by more than the floor and twice the spread;</item>
/// <item>matches Retrain: otherwise. What is drawn in place of the forgotten label does not matter, nor does a UA above Retrain's: a label
/// never seen is drawn as some of the others by chance. Nor does the denoising loss itself: Retrain has it high, because the row of
/// a label never seen is noise to it, and a label that now means another class has it lower and knows no more.</item>
/// </list>
/// </remarks>
public static class GenerationVerdict
{
    private const double LeastGap = 5,
        LeastAttackGap = 10,
        LeastGainShare = 0.25;

    /// <summary>Judges.</summary>
    /// <param name="e">What was found.</param>
    public static UnlearningVerdict Judge(GenerationEvidence e)
    {
        ArgumentNullException.ThrowIfNull(e);
        MetricComparison ua = UnlearningVerdict.Compare("unlearning accuracy", e.Unlearning),
            kept = UnlearningVerdict.Compare("agreement of kept classes", e.Kept);
        MetricComparison[] all = [ua, kept];
        if (WhyWithheld(e) is { } why)
            return new UnlearningVerdict(Verdict.Withheld, $"Withheld: {why}.", all);
        VerdictFinding[] under =
        [
            .. ua.Below ? [Of(ua, Verdict.UnderForgotten)] : Array.Empty<VerdictFinding>(),
            .. Reclassified(e),
            .. Gains(e),
            .. e.Attacks.SelectMany(Attacked),
        ];
        VerdictFinding[] over =
        [
            .. kept.Below ? [Of(kept, Verdict.OverForgotten)] : Array.Empty<VerdictFinding>(),
            .. Classes(e),
            .. Distances(e),
        ];
        return Conclude(kept, under, over, all);
    }

    /// <summary>The verdict of what is outside its bands: the worst of it first.</summary>
    /// <param name="kept">What is kept, which may have collapsed.</param>
    /// <param name="under">What tells that not all was forgotten.</param>
    /// <param name="over">What tells that too much was.</param>
    /// <param name="all">The numbers of the table.</param>
    /// <param name="more">A sentence behind that of the verdict; null for none.</param>
    internal static UnlearningVerdict Conclude(
        MetricComparison kept,
        VerdictFinding[] under,
        VerdictFinding[] over,
        MetricComparison[] all,
        string? more = null
    )
    {
        var verdict =
            UnlearningVerdict.HasCollapsed(kept) ? Verdict.Collapsed
            : under.Length > 0 ? Verdict.UnderForgotten
            : over.Length > 0 ? Verdict.OverForgotten
            : Verdict.MatchesRetrain;
        VerdictFinding[] findings = verdict == Verdict.UnderForgotten ? [.. under, .. over] : [.. over, .. under];
        var provisional = UnlearningVerdict.Reservation(all);
        var found = findings.Length == 0 ? "" : ": " + string.Join("; ", findings.Select(f => f.Text));
        string[] sentences = [$"{Word(verdict)}{found}.", more ?? "", provisional];
        return new UnlearningVerdict(verdict, string.Join(' ', sentences.Where(t => t.Length > 0)), all)
        {
            Findings = findings,
            Provisional = provisional,
        };
    }

    private static string? WhyWithheld(GenerationEvidence e)
    {
        if (e.Unlearning.Retrained is null)
            return "there is no retrained model to compare with, and without one these numbers do not tell forgetting from damage";
        var guess = 100.0 / e.Classes;
        if (!(e.JudgeAccuracy > 2 * guess))
            return string.Create(
                CultureInfo.InvariantCulture,
                $"the judge classes {e.JudgeAccuracy:0.0} % of real test images as labelled, and a guess {guess:0.0} %"
            );
        var recognised = 100 - e.Unlearning.Original;
        var (low, _) = Statistics.Wilson((long)Math.Round(recognised / 100 * e.Unlearning.Samples), e.Unlearning.Samples);
        return 100 * low > guess
            ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"of {e.Unlearning.Samples} images of what was to be forgotten that the original itself drew the judge recognises "
                    + $"{recognised:0.0} %, which is not clearly above a guess ({guess:0.0} %), so that nothing could be seen to go; "
                    + $"more images, or a better model, may tell"
            );
    }

    private static string Word(Verdict verdict) =>
        verdict switch
        {
            Verdict.Collapsed => "Collapsed",
            Verdict.UnderForgotten => "Under-forgotten",
            Verdict.OverForgotten => "Over-forgotten",
            _ => "Matches Retrain within the band in what it draws",
        };

    private static VerdictFinding Of(MetricComparison m, Verdict verdict) =>
        new(
            FindingKind.Metric,
            m.Name,
            verdict,
            m.Values.Unlearned.Mean,
            m.Values.Retrained!.Mean,
            m.Band,
            string.Create(
                CultureInfo.InvariantCulture,
                $"the {m.Name} is {-m.Gap:0.0#} points below Retrain's ({m.Values.Unlearned.Mean:0.0#} against "
                    + $"{m.Values.Retrained!.Mean:0.0#}, band {m.Band:0.0#})"
            )
        );

    private static IEnumerable<VerdictFinding> Classes(GenerationEvidence e)
    {
        foreach (var (name, values) in e.KeptClasses)
        {
            var (gap, band) = VerdictFindings.Gap(values, e.KeptClasses.Count);
            if (!(gap < -Math.Max(band, LeastGap)))
                continue;
            var (own, reference) = (values.Unlearned.Mean, values.Retrained!.Mean);
            var text = string.Create(
                CultureInfo.InvariantCulture,
                $"of the images of '{name}' {own:0.0} % are classed as it, against {reference:0.0} % of Retrain's (band {band:0.0})"
            );
            yield return new VerdictFinding(FindingKind.Class, name, Verdict.OverForgotten, own, reference, band, text);
        }
    }

    private static IEnumerable<VerdictFinding> Reclassified(GenerationEvidence e)
    {
        if (e.DiffusionClassified is not { } values)
            yield break;
        var (gap, band) = VerdictFindings.Gap(values, 1);
        if (!(gap > Math.Max(band, LeastAttackGap)))
            yield break;
        var (own, reference) = (values.Unlearned.Mean, values.Retrained!.Mean);
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"the original model itself recognises what was forgotten in {own:0.0} % of the images, in {reference:0.0} % of Retrain's "
                + $"(band {band:0.0})"
        );
        yield return new VerdictFinding(FindingKind.Attack, "diffusion_classifier", Verdict.UnderForgotten, own, reference, band, text);
    }

    private static IEnumerable<VerdictFinding> Gains(GenerationEvidence e)
    {
        if (e.Gain is not { } gain)
            yield break;
        // A label that misleads, as one never trained does, tells no less than one that says nothing.
        var nothing = Math.Max(0, gain.Retrained);
        var (own, known) = (gain.Unlearned.Mean - nothing, gain.Original - nothing);
        if (!(known > 0 && gain.Unlearned.Interval.Low > nothing && own >= LeastGainShare * known))
            yield break;
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"their label still helps to denoise test images of what was forgotten: their loss is {gain.Unlearned.Mean:0.0000} below that "
                + $"without a class (original {gain.Original:0.0000}, Retrain {gain.Retrained:0.0000})"
        );
        var band = (gain.Unlearned.Interval.High - gain.Unlearned.Interval.Low) / 2;
        const string name = "gain by the label";
        yield return new VerdictFinding(
            FindingKind.ForgottenClasses,
            name,
            Verdict.UnderForgotten,
            gain.Unlearned.Mean,
            gain.Retrained,
            band,
            text
        );
    }

    private static IEnumerable<VerdictFinding> Distances(GenerationEvidence e) =>
        e.Distance is var (unlearned, retrained, floor) ? Distances(unlearned, retrained, floor, "distance of kept classes") : [];

    /// <summary>A Fréchet distance that is above Retrain's by more than the floor and twice the spread.</summary>
    internal static IEnumerable<VerdictFinding> Distances(SeedSummary unlearned, SeedSummary retrained, double floor, string name)
    {
        static double Square(SeedSummary s) => double.IsNaN(s.Deviation) ? 0 : s.Deviation * s.Deviation;
        var band = Math.Max(floor, 2 * Math.Sqrt(Square(unlearned) + Square(retrained)));
        if (!(unlearned.Mean - retrained.Mean > band))
            yield break;
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"the Fréchet {name} in the judge's features is {unlearned.Mean:0.00}, Retrain's {retrained.Mean:0.00} "
                + $"(real to real {floor:0.00})"
        );
        yield return new VerdictFinding(FindingKind.Metric, name, Verdict.OverForgotten, unlearned.Mean, retrained.Mean, band, text);
    }

    /// <summary>The point at which an attack brings back furthest more than from Retrain.</summary>
    internal static IEnumerable<VerdictFinding> Attacked(DrawingAttack attack)
    {
        if (attack.Unlearned.Count == 0 || attack.Retrained.Count == 0)
            yield break;
        SeedSummary At(IReadOnlyList<double[]> models, int point) => SeedSummary.Of([.. models.Select(m => m[point])]);
        var worst = Enumerable
            .Range(0, attack.Points.Count)
            .Select(i => (Point: attack.Points[i], Own: At(attack.Unlearned, i), Reference: At(attack.Retrained, i)))
            .Select(p =>
                (
                    p.Point,
                    p.Own,
                    p.Reference,
                    Gap: VerdictFindings.Gap(new(double.NaN, p.Own, p.Reference, attack.Images), attack.Points.Count)
                )
            )
            .Where(p => p.Gap.Gap > Math.Max(p.Gap.Band, LeastAttackGap))
            .OrderByDescending(p => p.Gap.Gap)
            .FirstOrDefault();
        if (worst.Own is null)
            yield break;
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"what was forgotten is dormant, not gone: {attack.Title}, it is recognised in {worst.Own.Mean:0.0} % of the images at "
                + $"{worst.Point} {attack.Unit}, in {worst.Reference.Mean:0.0} % of Retrain's (band {worst.Gap.Band:0.0})"
        );
        yield return new VerdictFinding(
            FindingKind.Attack,
            attack.Name,
            Verdict.UnderForgotten,
            worst.Own.Mean,
            worst.Reference.Mean,
            worst.Gap.Band,
            text
        );
    }
}
