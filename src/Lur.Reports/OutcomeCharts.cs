using System.Globalization;
using System.Text.Json;
using System.Xml.Linq;
using Lur.Runs;

namespace Lur.Reports;

/// <summary>What result.json says, drawn: accuracy of each class, confidence in the true class, trade-off, relearning.</summary>
internal static class OutcomeCharts
{
    private const int MaxClasses = 40,
        ConfidenceBins = 20;

    /// <summary>The figures.</summary>
    public static IReadOnlyList<XElement> Of(RunFolder run)
    {
        List<XElement?> figures =
        [
            PerClass(run),
            Confidence(run, "original", "before unlearning"),
            Confidence(run, "unlearned", "after unlearning"),
            TradeOff(run),
            .. RelearningCharts.Of(run),
        ];
        return [.. figures.OfType<XElement>()];
    }

    private static XElement? PerClass(RunFolder run)
    {
        var (all, forgotten) = (run.Classes, run.ForgottenClasses);
        if (!all.Any(c => double.IsFinite(c.Unlearned)))
            return null;
        var shown = Shown(all, forgotten);
        var left = 24 + (8 * Math.Clamp(shown.Max(c => c.Name.Length), 4, 16));
        var chart = new SvgChart(
            "per-class",
            new Axis("test accuracy, %", Minimum: 0, Maximum: 100),
            new Axis(""),
            76 + (24 * shown.Count),
            left
        );
        chart.Bars(
            [.. shown.Select(c => (c.Name, forgotten.Contains(c.Name)))],
            [.. shown.Select(c => (c.Original, Ink.Original))],
            [.. shown.Select(c => (c.Unlearned, forgotten.Contains(c.Name) ? Ink.Forget : Ink.Unlearned))]
        );
        var legend = new List<(Ink, string)> { (Ink.Original, "original"), (Ink.Unlearned, "unlearned") };
        if (shown.Any(c => forgotten.Contains(c.Name)))
            legend.Add((Ink.Forget, "unlearned, forgotten class"));
        return Html.Figure(
            "Test accuracy per class",
            "Only the bars of forgotten classes should shrink; a kept class that loses much was damaged, often because it "
                + "resembles a forgotten one."
                + (shown.Count < all.Count ? $" Of {all.Count} classes, the {MaxClasses} that changed most are shown." : ""),
            chart.ToElement(
                "Test accuracy per class before and after unlearning, in percent",
                string.Join(
                    " ",
                    shown
                        .Where(c => double.IsFinite(c.Unlearned))
                        .Select(c =>
                            string.Create(
                                CultureInfo.InvariantCulture,
                                $"{c.Name}{(forgotten.Contains(c.Name) ? " (forgotten)" : "")}: "
                                    + $"{Cell.Number(c.Original, 1).Text} to {c.Unlearned:0.0}."
                            )
                        )
                )
            ),
            legend
        );
    }

    /// <summary>A hundred bars say nothing: what was forgotten and what moved most stays.</summary>
    private static IReadOnlyList<(string Name, double Original, double Unlearned)> Shown(
        IReadOnlyList<(string Name, double Original, double Unlearned)> all,
        IReadOnlySet<string> forgotten
    ) =>
        all.Count <= MaxClasses
            ? all
            :
            [
                .. all.Index()
                    .OrderByDescending(c => forgotten.Contains(c.Item.Name))
                    .ThenByDescending(c => Math.Abs(c.Item.Unlearned - c.Item.Original))
                    .Take(MaxClasses)
                    .OrderBy(c => c.Index)
                    .Select(c => c.Item),
            ];

    private static XElement? Confidence(RunFolder run, string model, string when)
    {
        (Ink Ink, string Name, double[] Shares)[] sets =
        [
            .. new[]
            {
                (Ink.Retain, "retain", Values(run, "retain", model)),
                (Ink.Test, Kept(run), TestValues(run, model)),
                (Ink.Forget, "forget", Values(run, "forget", model)),
            }
                .Where(s => s.Item3.Any(double.IsFinite))
                .Select(s => (s.Item1, s.Item2, Series.Histogram(s.Item3, ConfidenceBins))),
        ];
        if (sets.Length == 0)
            return null;
        var chart = new SvgChart(
            "confidence-" + model,
            new Axis("probability of the true class", Minimum: 0, Maximum: 1),
            new Axis("share of the set, % (root scale)", Scale.Root, Minimum: 0, Maximum: 106)
        );
        double[] edges = [.. Enumerable.Range(0, ConfidenceBins + 1).Select(i => i / (double)ConfidenceBins)];
        foreach (var (ink, _, shares) in sets)
            chart.Line(ink, edges, [.. shares, shares[^1]], 2.2, steps: true);
        return Html.Figure(
            $"Confidence in the true class, {when}",
            model == "original"
                ? "How sure the original model is of each sample's true class: sets that were trained on stand further right "
                    + "than the test set, which is what a membership attack looks for."
                : "After unlearning, the forget set should stand where it stands for a model that never saw it; left of that, "
                    + "the avoidance itself gives it away.",
            chart.ToElement(
                $"Histogram of the probability of the true class {when}",
                string.Join(
                    " ",
                    sets.Select(s =>
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"{s.Name}: {s.Shares[0]:0.#} % in the lowest bin, {s.Shares[^1]:0.#} % in the highest."
                        )
                    )
                )
            ),
            [.. sets.Select(s => (s.Ink, s.Name))]
        );
    }

    private static string Kept(RunFolder run) => run.ForgottenClasses.Count > 0 ? "test, kept classes" : "test";

    private static double[] Values(RunFolder run, string set, string model) => run.Result.Numbers("samples", set, model, "confidence");

    /// <summary>A class that was forgotten whole is no example of what the model never saw, so the test set goes without it.</summary>
    private static double[] TestValues(RunFolder run, string model)
    {
        var (values, labels, classes, forgotten) = (
            Values(run, "test", model),
            run.Result.Numbers("samples", "test", "label"),
            run.Classes,
            run.ForgottenClasses
        );
        return labels.Length != values.Length
            ? values
            :
            [
                .. values.Where(
                    (_, i) => !((int)labels[i] < classes.Count && labels[i] >= 0 && forgotten.Contains(classes[(int)labels[i]].Name))
                ),
            ];
    }

    /// <summary>Where the run moved the model between forgetting and keeping, and where Retrain stands.</summary>
    private static XElement? TradeOff(RunFolder run)
    {
        var retrained = run.Verification.Find("metrics") is { ValueKind: JsonValueKind.Array } list
            ? list.EnumerateArray().ToDictionary(m => m.Text("metric"), m => m.Number("retrained", "mean"), StringComparer.Ordinal)
            : [];
        (string Name, Ink Ink, double Ua, double Ta)[] points =
        [
            .. new[] { ("original", Ink.Original), ("unlearned", Ink.Unlearned) }.Select(m =>
                (m.Item1, m.Item2, run.Result.Number(m.Item1, "ua"), run.Result.Number(m.Item1, "ta"))
            ),
            ("Retrain", Ink.Reference, retrained.GetValueOrDefault("ua", double.NaN), retrained.GetValueOrDefault("ta", double.NaN)),
        ];
        points = [.. points.Where(p => double.IsFinite(p.Ua) && double.IsFinite(p.Ta))];
        if (points.Length < 2)
            return null;
        var chart = new SvgChart(
            "trade-off",
            Axis.Percent("unlearning accuracy (UA), %", points.Select(p => p.Ua)),
            Axis.Percent("test accuracy (TA), %", points.Select(p => p.Ta))
        );
        if (points[^1].Ink == Ink.Reference)
        {
            chart.Level(Ink.Reference, points[^1].Ta);
            chart.Level(Ink.Reference, points[^1].Ua, vertical: true);
        }

        foreach (var p in points)
            chart.Points(p.Ink, [(p.Ua, p.Ta, p.Name)]);
        return Html.Figure(
            "Trade-off",
            "Further right more is forgotten, further up more is kept; "
                + (
                    points[^1].Ink == Ink.Reference
                        ? "the aim is where the dashed lines cross, which is Retrain."
                        : "how far right is right, only a retrained model says ('lur verify')."
                ),
            chart.ToElement(
                "Test accuracy over unlearning accuracy, in percent",
                string.Join(
                    " ",
                    points.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Name}: UA {p.Ua:0.00}, TA {p.Ta:0.00}."))
                )
            )
        );
    }
}
