using System.Globalization;

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
/// <item>under-forgotten: UA or MIA is below the band;</item>
/// <item>over-forgotten: UA or MIA is above the band, or RA or TA is below it;</item>
/// <item>matches Retrain: otherwise. RA or TA above the band does no harm and is left to the table.</item>
/// </list>
/// <para>Scoring like Retrain is no proof that nothing is left: see <see cref="RelearningCurve"/> and
/// <see cref="WeightDistance"/>.</para>
/// </remarks>
/// <param name="Verdict">The verdict.</param>
/// <param name="Sentence">It in one sentence, with the number that decided.</param>
/// <param name="Metrics">UA, RA, TA, MIA.</param>
public sealed record UnlearningVerdict(Verdict Verdict, string Sentence, IReadOnlyList<MetricComparison> Metrics)
{
    private const double Deviations = 2;
    private const double CollapsePoints = 10;

    /// <summary>Judges.</summary>
    /// <param name="unlearning">UA.</param>
    /// <param name="retain">RA.</param>
    /// <param name="test">TA.</param>
    /// <param name="membership">MIA.</param>
    public static UnlearningVerdict Judge(MetricValues unlearning, MetricValues retain, MetricValues test, MetricValues membership)
    {
        MetricComparison ua = Compare("unlearning accuracy", unlearning),
            ra = Compare("retain accuracy", retain),
            ta = Compare("test accuracy", test),
            mia = Compare("membership inference", membership);
        MetricComparison[] all = [ua, ra, ta, mia];
        UnlearningVerdict Because(Verdict verdict, string word, IEnumerable<MetricComparison> decisive) =>
            new(verdict, Explain(word, decisive.MaxBy(m => Math.Abs(m.Gap) / m.Band)!), all);

        MetricComparison[] collapsed = [.. new[] { ra, ta }.Where(HasCollapsed)];
        if (collapsed.Length > 0)
            return Because(Verdict.Collapsed, "Collapsed", collapsed);
        if (all.All(m => m.Values.Retrained is null))
            return new(
                Verdict.Withheld,
                "Withheld: there is no retrained model to compare with, and without one these numbers do not tell forgetting from damage.",
                all
            );
        if (all.FirstOrDefault(m => m.Inside is null) is { } missing)
            return new(
                Verdict.Withheld,
                $"Withheld: the {missing.Name} is missing for the "
                    + $"{(HasValue(missing.Values.Unlearned) ? "retrained" : "unlearned")} model.",
                all
            );
        MetricComparison[] under = [.. new[] { ua, mia }.Where(m => m.Below)];
        if (under.Length > 0)
            return Because(Verdict.UnderForgotten, "Under-forgotten", under);
        MetricComparison[] over = [.. new[] { ua, mia }.Where(m => m.Above), .. new[] { ra, ta }.Where(m => m.Below)];
        if (over.Length > 0)
            return Because(Verdict.OverForgotten, "Over-forgotten", over);
        MetricComparison[] better = [.. new[] { ra, ta }.Where(m => m.Above)];
        var sentence =
            better.Length == 0
                ? "Matches Retrain within the band in all four numbers."
                : $"Matches Retrain within the band, but for a higher {string.Join(" and ", better.Select(m => m.Name))}.";
        return new(Verdict.MatchesRetrain, sentence, all);
    }

    private static MetricComparison Compare(string name, MetricValues values)
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

    private static double Spread(SeedSummary summary, int samples)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(samples, 1);
        var n = samples + 4.0;
        var p = ((summary.Mean / 100 * samples) + 2) / n;
        var spread = double.IsNaN(summary.Deviation) ? 100 * Math.Sqrt(p * (1 - p) / n) : summary.Deviation;
        return Math.Max(spread, 100.0 / samples);
    }

    private static bool HasCollapsed(MetricComparison m) =>
        m.Inside is not null && m.Below && -m.Gap > Math.Min(CollapsePoints, m.Values.Retrained!.Mean / 2);

    private static string Explain(string word, MetricComparison m) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{word}: the {m.Name} is {Math.Abs(m.Gap):0.0#} points {(m.Gap < 0 ? "below" : "above")} Retrain's "
                + $"({m.Values.Unlearned.Mean:0.0#} against {m.Values.Retrained!.Mean:0.0#}, band {m.Band:0.0#})."
        );
}
