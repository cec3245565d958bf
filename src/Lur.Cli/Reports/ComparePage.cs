using System.Globalization;
using System.Xml.Linq;
using Lur.Metrics;
using static Lur.Cli.Reports.Html;

namespace Lur.Cli.Reports;

/// <summary>A comparison as a page of its own.</summary>
internal static class ComparePage
{
    /// <summary>The text of the page.</summary>
    public static string Render(Comparison comparison)
    {
        var title = $"Forgetting {comparison.Forget}: {comparison.Methods.Count} methods";
        var reference = comparison.Reference;
        (string Name, string Text)[] facts =
        [
            ("Data", comparison.Data), ("Forget set", comparison.Forget), ("Original model", comparison.Model),
            ("Reference", reference is null ? "none: gaps, tug of war and verdicts need a retrained model" : $"{reference.Title}, {reference.Unlearning.Count} seed{(reference.Unlearning.Count == 1 ? "" : "s")}"),
        ];
        XElement?[] figures =
        [
            TradeOff(comparison, "ra", "retain accuracy (RA), %", m => m.Retain, "What was kept of the training data"),
            TradeOff(comparison, "ta", "test accuracy (TA), %", m => m.Test, "What was kept in general"),
            Gaps(comparison),
        ];
        return Page(title,
            E("header", E("h1", title), E("dl", Class("facts"), facts.Select(f => E("div", E("dt", f.Name), E("dd", f.Text))))),
            E("section", E("h2", "Methods"),
                Table(ComparisonTable.Shown(comparison, "\u00B1", verdicts: false), "Mean and standard deviation over seeds; the gap is the mean distance to the reference in UA, RA, TA and MIA, in points.",
                    reference is null ? null : [.. comparison.Methods.Select(m => ComparisonTable.VerdictOf(comparison, m))]),
                E("div", Class("figures"), figures.OfType<XElement>())),
            E("details", E("summary", "What the columns mean"),
                E("dl", Class("facts"), ComparisonTable.Shown(comparison).Columns.Select(c => Glossary.Find(c.Key)).OfType<GlossaryEntry>().Select(e => E("div", E("dt", e.Title), E("dd", e.What + " " + e.Reading))))));
    }

    private static XElement? TradeOff(Comparison comparison, string id, string label, Func<ComparedMethod, SeedSummary> kept, string title)
    {
        var methods = comparison.Methods.Where(m => double.IsFinite(m.Unlearning.Mean) && double.IsFinite(kept(m).Mean)).ToArray();
        if (methods.Length == 0) return null;
        var chart = new SvgChart("trade-off-" + id, Axis.Percent("unlearning accuracy (UA), %", methods.SelectMany(m => Ends(m.Unlearning))), Axis.Percent(label, methods.SelectMany(m => Ends(kept(m)))), 330);
        if (comparison.Reference is { } reference && methods.Contains(reference))
        {
            chart.Level(Ink.Reference, kept(reference).Mean);
            chart.Level(Ink.Reference, reference.Unlearning.Mean, vertical: true);
            chart.Points(Ink.Reference, [(reference.Unlearning.Mean, kept(reference).Mean, reference.Title)]);
        }

        foreach (var m in methods.Where(m => double.IsFinite(m.Unlearning.Deviation) && double.IsFinite(kept(m).Deviation)))
        {
            var (u, k) = (m.Unlearning, kept(m));
            chart.Line(Ink.Frame, [u.Mean - u.Deviation, u.Mean + u.Deviation], [k.Mean, k.Mean], 1.5);
            chart.Line(Ink.Frame, [u.Mean, u.Mean], [k.Mean - k.Deviation, k.Mean + k.Deviation], 1.5);
        }

        chart.Points(Ink.Unlearned, [.. methods.Where(m => !ReferenceEquals(m, comparison.Reference)).Select(m => (m.Unlearning.Mean, kept(m).Mean, m.Title))]);
        return Figure(title,
            (comparison.Reference is null ? "Further up keeps more, further right forgets more; without a retrained model nothing says how far right is right."
                : "The nearer to the crossing of the dashed lines, which is the reference, the better: left of it too little is forgotten, below it too much is lost.") +
            (methods.Any(m => double.IsFinite(m.Unlearning.Deviation)) ? " Whiskers: one standard deviation over seeds." : ""),
            chart.ToElement($"{label} against UA for each method", string.Join(" ", methods.Select(m => string.Create(CultureInfo.InvariantCulture, $"{m.Title}: UA {m.Unlearning.Mean:0.00}, {kept(m).Mean:0.00}.")))));
    }

    private static double[] Ends(SeedSummary s) => double.IsFinite(s.Deviation) ? [s.Mean - s.Deviation, s.Mean + s.Deviation] : [s.Mean];

    private static XElement? Gaps(Comparison comparison)
    {
        var methods = comparison.Methods.Where(m => double.IsFinite(m.Gap.UnlearningAccuracy)).ToArray();
        if (methods.Length == 0) return null;
        (string Name, Ink Ink, Func<AverageGap, double> Of)[] parts =
        [
            ("UA", Ink.Forget, g => g.UnlearningAccuracy), ("RA", Ink.Retain, g => g.RetainAccuracy), ("TA", Ink.Test, g => g.TestAccuracy), ("MIA", Ink.Reference, g => g.MembershipInference),
        ];
        parts = [.. parts.Where(p => methods.Any(m => double.IsFinite(p.Of(m.Gap))))];
        var left = 24 + (8 * Math.Clamp(methods.Max(m => m.Title.Length), 4, 18));
        var chart = new SvgChart("gaps", new Axis("distance to the reference, points", Minimum: 0), new Axis(""), 76 + (12 * (parts.Length + 1) * methods.Length), left);
        chart.Bars([.. methods.Select(m => (m.Title, false))], [.. parts.Select(p => methods.Select(m => (p.Of(m.Gap), p.Ink)).ToArray())]);
        return Figure("Gap to the reference", "Distance of each number to the reference's; shorter is better, and a long bar beside short ones says where a method pays.",
            chart.ToElement("Gap to the reference for each method, in points", string.Join(" ", methods.Select(m =>
                $"{m.Title}: {string.Join(", ", parts.Select(p => $"{p.Name} {Cell.Number(p.Of(m.Gap)).Text}"))}."))), [.. parts.Select(p => (p.Ink, p.Name))]);
    }
}
