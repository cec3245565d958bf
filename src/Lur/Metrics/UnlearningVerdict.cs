namespace Lur.Metrics;

/// <summary>The verdict on an unlearned model.</summary>
public enum Verdict
{
    /// <summary>There is no retrained model to compare with, or a number is missing.</summary>
    Withheld,

    /// <summary>The forget set is still closer to being known than it is for Retrain.</summary>
    UnderForgotten,

    /// <summary>As Retrain, within the band.</summary>
    MatchesRetrain,

    /// <summary>More was lost than Retrain loses.</summary>
    OverForgotten,

    /// <summary>Retain or test accuracy is far below Retrain's.</summary>
    Collapsed,
}

/// <summary>One number of the table, in percent, for three models.</summary>
/// <param name="Original">Of the model before unlearning; NaN if unknown. No rule uses it, reports show it.</param>
/// <param name="Unlearned">Of the unlearned model, over seeds; one seed has no deviation.</param>
/// <param name="Retrained">Of the retrained model, over seeds, or null.</param>
/// <param name="Samples">Samples the number is a share of: it sets the band where a deviation is absent.</param>
public sealed record MetricValues(double Original, SeedSummary Unlearned, SeedSummary? Retrained, int Samples);

/// <summary>One number compared with Retrain's.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Values">What was compared.</param>
/// <param name="Gap">Mean of the unlearned model minus mean of Retrain, points; NaN without either.</param>
/// <param name="Band">Gaps up to this size are within the spread of runs; NaN without a gap.</param>
public sealed record MetricComparison(string Name, MetricValues Values, double Gap, double Band)
{
    /// <summary>True if the gap is within the band, null if there is no gap.</summary>
    public bool? Inside => double.IsNaN(Gap) ? null : Math.Abs(Gap) <= Band;

    internal bool Below => Gap < -Band;

    internal bool Above => Gap > Band;
}

/// <summary>Compares an unlearned model with a retrained one, and says in one word and one sentence how it came out.</summary>
/// <remarks>
/// <para>Band of a number: 2 sqrt(s_u^2 + s_r^2), s the sample standard deviation over seeds of the unlearned and of the
/// retrained model: two standard deviations of the difference of single runs. Where a side has one seed only, s is the
/// binomial standard error 100 sqrt(p (1 - p) / (n + 4)) with p = (x + 2) / (n + 4) (Agresti and Coull 1998: it does not
/// vanish at 0 and 100 %); it leaves out what retraining itself varies, so the band is then too narrow rather than too wide.
/// s is at least one sample, 100 / n.</para>
/// <para>Rules, the first that holds:</para>
/// <list type="number">
/// <item>collapsed: RA or TA is below Retrain's by more than the band and by more than 10 points, or by more than half of
/// Retrain's where that is less than 20 %;</item>
/// <item>withheld: one of the four numbers is missing for one of the two models;</item>
/// <item>under-forgotten: UA or MIA is below the band; the test images of classes forgotten whole are recognised; a membership attack
/// knows more of the forget set than of Retrain's; or training again brings the forget set back further than it brings Retrain to it
/// at any step: what is dormant is not forgotten;</item>
/// <item>over-forgotten: UA or MIA is above the band, or RA or TA is below it; a kept class is far below Retrain's; or a membership
/// attack finds the forget set stranger than Retrain's;</item>
/// <item>matches Retrain: otherwise. RA or TA above the band does no harm and is left to the table.</item>
/// </list>
/// <para>The numbers beside the four are many, so their bands are wider: the two standard deviations become those that keep the
/// chance of one false alarm among all of a kind at that of a single number (Bonferroni), the spread is at least the binomial one, and a
/// gap has to be more than 5 points (classes, attacks) or 10 (relearning).</para>
/// <para>MIA decides nothing where its attack guesses (<see cref="AttackPower.IsGuessing"/>), or where its value moves between the
/// references by more than the binomial band and by more than 5 points while the gap is not twice that. The same holds for the
/// further attacks.</para>
/// <para>Scoring like Retrain is no proof that nothing is left: see <see cref="RelearningCurve"/> and
/// <see cref="WeightDistance"/>.</para>
/// </remarks>
/// <param name="Verdict">The verdict.</param>
/// <param name="Sentence">It in one sentence, with the number that decided.</param>
/// <param name="Metrics">UA, RA, TA, MIA.</param>
public sealed record UnlearningVerdict(Verdict Verdict, string Sentence, IReadOnlyList<MetricComparison> Metrics)
{
    /// <summary>References from which on a verdict is more than provisional.</summary>
    public const int EnoughReferences = 3;

    private const double Deviations = 2;
    private const double CollapsePoints = 10;

    /// <summary>Every number outside its band: those that decided first, what is furthest outside before what is less so.</summary>
    public IReadOnlyList<VerdictFinding> Findings { get; internal init; } = [];

    /// <summary>Attacks that can decide nothing here.</summary>
    public IReadOnlyList<UndecidedAttack> Undecided { get; internal init; } = [];

    /// <summary>Why the verdict is provisional, one sentence; empty with enough references.</summary>
    public string Provisional { get; internal init; } = "";

    /// <summary>Judges.</summary>
    /// <param name="unlearning">UA.</param>
    /// <param name="retain">RA.</param>
    /// <param name="test">TA.</param>
    /// <param name="membership">MIA.</param>
    /// <param name="evidence">What there is beside the four numbers; null for nothing.</param>
    public static UnlearningVerdict Judge(
        MetricValues unlearning,
        MetricValues retain,
        MetricValues test,
        MetricValues membership,
        VerdictEvidence? evidence = null
    )
    {
        MetricComparison ua = Compare("unlearning accuracy", unlearning),
            ra = Compare("retain accuracy", retain),
            ta = Compare("test accuracy", test),
            mia = Compare("membership inference", membership);
        MetricComparison[] all = [ua, ra, ta, mia];
        if (all.All(m => m.Values.Retrained is null))
            return new(
                Verdict.Withheld,
                "Withheld: there is no retrained model to compare with, and without one these numbers do not tell forgetting from damage.",
                all
            );
        evidence ??= VerdictEvidence.None;
        var undecided = UndecidedAttack.In(mia, evidence);
        var decides = undecided.All(u => u.Name != UndecidedAttack.Membership);
        VerdictFinding[] four =
        [
            .. new[] { VerdictFindings.Of(ua, false), VerdictFindings.Of(ra, true), VerdictFindings.Of(ta, true) }.OfType<VerdictFinding>(),
            .. decides && VerdictFindings.Of(mia, false) is { } m ? new[] { m } : [],
        ];
        VerdictFinding[] findings =
        [
            .. four.OrderByDescending(f => f.Weight),
            .. VerdictFindings.Of(evidence, a => undecided.All(u => u.Name != a.Name)),
        ];
        var verdict = Rule(all, HasCollapsed(ra) || HasCollapsed(ta), findings);
        // What decided comes first.
        var decisive = verdict == Verdict.UnderForgotten ? Verdict.UnderForgotten : Verdict.OverForgotten;
        findings = [.. findings.Where(f => f.Verdict == decisive), .. findings.Where(f => f.Verdict != decisive)];
        var provisional = verdict == Verdict.Withheld ? "" : Reservation(all);
        string[] sentences =
        [
            Conclusion(verdict, all, findings, decides),
            verdict == Verdict.Withheld ? "" : UndecidedAttack.Sentence(undecided),
            provisional,
        ];
        return new(verdict, string.Join(' ', sentences.Where(s => s.Length > 0)), all)
        {
            Findings = findings,
            Undecided = undecided,
            Provisional = provisional,
        };
    }

    /// <summary>Standard deviation of one side, points.</summary>
    internal static double Spread(SeedSummary summary, int samples)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(samples, 1);
        var n = samples + 4.0;
        var p = ((summary.Mean / 100 * samples) + 2) / n;
        var spread = double.IsNaN(summary.Deviation) ? 100 * Math.Sqrt(p * (1 - p) / n) : summary.Deviation;
        return Math.Max(spread, 100.0 / samples);
    }

    private static Verdict Rule(MetricComparison[] all, bool collapsed, VerdictFinding[] findings) =>
        collapsed ? Verdict.Collapsed
        : all.Any(m => m.Inside is null) ? Verdict.Withheld
        : findings.Any(f => f.Verdict == Verdict.UnderForgotten) ? Verdict.UnderForgotten
        : findings.Length > 0 ? Verdict.OverForgotten
        : Verdict.MatchesRetrain;

    private static string Conclusion(Verdict verdict, MetricComparison[] all, VerdictFinding[] findings, bool membershipDecides)
    {
        switch (verdict)
        {
            case Verdict.Withheld:
                var missing = all.First(m => m.Inside is null);
                return $"Withheld: the {missing.Name} is missing for the "
                    + $"{(HasValue(missing.Values.Unlearned) ? "retrained" : "unlearned")} model.";
            case Verdict.MatchesRetrain:
                var better = all.Skip(1).Take(2).Where(m => m.Above).Select(m => m.Name).ToArray();
                return better.Length > 0 ? $"Matches Retrain within the band, but for a higher {string.Join(" and ", better)}."
                    : membershipDecides ? "Matches Retrain within the band in all four numbers."
                    : "Matches Retrain within the band in unlearning, retain and test accuracy.";
            default:
                var word =
                    verdict == Verdict.Collapsed ? "Collapsed"
                    : verdict == Verdict.UnderForgotten ? "Under-forgotten"
                    : "Over-forgotten";
                return $"{word}: {string.Join("; ", Texts(findings))}.";
        }
    }

    /// <summary>The findings in words; of many classes the three that lost most.</summary>
    private static IEnumerable<string> Texts(VerdictFinding[] findings)
    {
        const int shown = 3;
        VerdictFinding[] classes = [.. findings.Where(f => f.Kind == FindingKind.Class).OrderBy(f => f.Gap)];
        var named = false;
        foreach (var finding in findings)
        {
            if (finding.Kind != FindingKind.Class)
                yield return finding.Text;
            else if (!named)
            {
                named = true;
                foreach (var text in classes.Take(shown).Select(f => f.Text))
                    yield return text;
                if (classes.Length > shown)
                    yield return $"{classes.Length - shown} more {(classes.Length == shown + 1 ? "class is" : "classes are")} "
                        + $"below Retrain's";
            }
        }
    }

    internal static string Reservation(MetricComparison[] all)
    {
        var references = all.Max(m => m.Values.Retrained?.Count ?? 0);
        return references >= EnoughReferences
            ? ""
            : $"Provisional: it rests on {(references == 1 ? "one retrained model" : "two retrained models")}, and retraining with another "
                + $"seed can turn it; {EnoughReferences} or more settle it.";
    }

    internal static MetricComparison Compare(string name, MetricValues values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (!HasValue(values.Unlearned) || values.Retrained is not { } retrained || !HasValue(retrained))
            return new MetricComparison(name, values, double.NaN, double.NaN);
        double own = Spread(values.Unlearned, values.Samples),
            reference = Spread(retrained, values.Samples);
        return new MetricComparison(
            name,
            values,
            values.Unlearned.Mean - retrained.Mean,
            Deviations * Math.Sqrt((own * own) + (reference * reference))
        );
    }

    private static bool HasValue(SeedSummary summary) => double.IsFinite(summary.Mean);

    internal static bool HasCollapsed(MetricComparison m) =>
        m.Inside is not null && m.Below && -m.Gap > Math.Min(CollapsePoints, m.Values.Retrained!.Mean / 2);
}
