using System.Globalization;
using System.Xml.Linq;
using Lur.Metrics;
using Lur.Runs;
using static Lur.Reports.Html;

namespace Lur.Reports;

/// <summary>Methods side by side, drawn: what each forgets against what it keeps, and its distance to the reference.</summary>
internal static class MethodCharts
{
    /// <summary>The figures that the numbers allow.</summary>
    /// <param name="methods">The methods, the reference among them.</param>
    /// <param name="reference">One of them, or null.</param>
    public static IReadOnlyList<XElement> Of(IReadOnlyList<ComparedMethod> methods, ComparedMethod? reference)
    {
        XElement?[] figures = methods.Any(m => m.Drawn.Count > 0)
            ?
            [
                TradeOff(
                    methods,
                    reference,
                    new Kept("FD", "Fréchet distance of the kept classes", m => m.Drawn["fd"], "Balance", Less: true)
                ),
                TradeOff(methods, reference, new Kept("agreement", "kept classed as asked, %", m => m.Drawn["agreement"], "What was kept")),
            ]
            :
            [
                TradeOff(
                    methods,
                    reference,
                    new Kept("RA", "retain accuracy (RA), %", m => m.Retain, "What was kept of the training data")
                ),
                TradeOff(methods, reference, new Kept("TA", "test accuracy (TA), %", m => m.Test, "What was kept in general")),
                Gaps(methods),
            ];
        return [.. figures.OfType<XElement>()];
    }

    /// <summary>What stands against UA.</summary>
    private sealed record Kept(string Abbreviation, string Label, Func<ComparedMethod, SeedSummary> Of, string Title, bool Less = false)
    {
        /// <summary>The axis; of what is a distance, and the less the better, no share.</summary>
        public Axis Axis(IEnumerable<SeedSummary> values, (double Low, double High) focus) =>
            !Less ? Reports.Axis.Percent(Label, values, focus)
            : double.IsFinite(focus.Low) ? new Axis(Label, Minimum: Math.Max(0, focus.Low), Maximum: focus.High)
            : new Axis(Label);
    }

    private static XElement? TradeOff(IReadOnlyList<ComparedMethod> all, ComparedMethod? reference, Kept what)
    {
        var (abbreviation, label, kept, title, less) = what;
        var methods = all.Where(m => double.IsFinite(m.Unlearning.Mean) && double.IsFinite(kept(m).Mean)).ToArray();
        if (methods.Length == 0)
            return null;
        if (reference is not null && !methods.Contains(reference))
            reference = null;
        var across = Focus.Of(methods.Select(m => m.Unlearning.Mean), reference?.Unlearning.Mean ?? double.NaN);
        var up = Focus.Of(methods.Select(m => kept(m).Mean), reference is null ? double.NaN : kept(reference).Mean);
        bool IsOutside(ComparedMethod m) => Focus.IsOutside(m.Unlearning.Mean, across) || Focus.IsOutside(kept(m).Mean, up);
        var chart = new SvgChart(
            "trade-off-" + abbreviation.ToLowerInvariant(),
            Axis.Percent("unlearning accuracy (UA), %", methods.Select(m => m.Unlearning), across),
            what.Axis(methods.Select(kept), up),
            330 + (8 * Math.Clamp(methods.Length - 8, 0, 16))
        );
        if (reference is not null)
        {
            chart.Level(Ink.Reference, kept(reference).Mean);
            chart.Level(Ink.Reference, reference.Unlearning.Mean, vertical: true);
            chart.Points(Ink.Reference, [(reference.Unlearning.Mean, kept(reference).Mean, reference.Title)]);
        }

        Whiskers(chart, methods.Where(m => !IsOutside(m)), kept);
        chart.Points(
            Ink.Unlearned,
            [.. methods.Where(m => !ReferenceEquals(m, reference) && !IsOutside(m)).Select(m => (m.Unlearning.Mean, kept(m).Mean, m.Title))]
        );
        chart.Points(
            Ink.Unlearned,
            [
                .. methods
                    .Where(IsOutside)
                    .Select(m =>
                        (
                            Focus.Clamp(m.Unlearning.Mean, across),
                            Focus.Clamp(kept(m).Mean, up),
                            $"{m.Title}: {Outside(m, kept(m), abbreviation, across, up)}"
                        )
                    ),
            ],
            hollow: true
        );
        return Figure(
            title,
            Caption(methods, reference, methods.Any(IsOutside), less),
            chart.ToElement($"{label} against UA for each method", string.Join(" ", methods.Select(m => Place(m, kept(m)))))
        );
    }

    private static string Place(ComparedMethod m, SeedSummary kept) =>
        string.Create(CultureInfo.InvariantCulture, $"{m.Title}: UA {m.Unlearning.Mean:0.00}, {kept.Mean:0.00}.");

    private static void Whiskers(SvgChart chart, IEnumerable<ComparedMethod> methods, Func<ComparedMethod, SeedSummary> kept)
    {
        foreach (var m in methods.Where(m => double.IsFinite(m.Unlearning.Deviation) && double.IsFinite(kept(m).Deviation)))
        {
            var (u, k) = (m.Unlearning, kept(m));
            chart.Line(Ink.Frame, [u.Mean - u.Deviation, u.Mean + u.Deviation], [k.Mean, k.Mean], 1.5);
            chart.Line(Ink.Frame, [u.Mean, u.Mean], [k.Mean - k.Deviation, k.Mean + k.Deviation], 1.5);
        }
    }

    private static string Caption(ComparedMethod[] methods, ComparedMethod? reference, bool outside, bool less) =>
        (
            less
                ? "Further right forgets more, further down keeps more of what real images are like: the best stand at the lower right."
                    + (reference is null ? "" : " Dashed: the reference.")
            : reference is null
                ? "Further up keeps more, further right forgets more; without a retrained model nothing says how far right is right."
            : "The nearer to the crossing of the dashed lines, which is the reference, the better: left of it too little "
                + "is forgotten, below it too much is lost."
        )
        + (methods.Any(m => double.IsFinite(m.Unlearning.Deviation)) ? " Whiskers: one standard deviation over seeds." : "")
        + (outside ? " Hollow: a method that lies outside the drawing, with its number." : "");

    private static string Outside(
        ComparedMethod m,
        SeedSummary kept,
        string abbreviation,
        (double Low, double High) across,
        (double Low, double High) up
    ) =>
        string.Join(
            ", ",
            new[]
            {
                Beyond("UA", m.Unlearning.Mean, across, "\u2190", "\u2192"),
                Beyond(abbreviation, kept.Mean, up, "\u2193", "\u2191"),
            }.OfType<string>()
        );

    private static string? Beyond(string name, double value, (double Low, double High) range, string below, string above) =>
        !Focus.IsOutside(value, range)
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"{name} {value:0.0} {(value < range.Low ? below : above)}");

    private static XElement? Gaps(IReadOnlyList<ComparedMethod> all)
    {
        var methods = all.Where(m => double.IsFinite(m.Gap.UnlearningAccuracy)).ToArray();
        if (methods.Length == 0)
            return null;
        (string Name, Ink Ink, Func<AverageGap, double> Of)[] parts =
        [
            ("UA", Ink.Forget, g => g.UnlearningAccuracy),
            ("RA", Ink.Retain, g => g.RetainAccuracy),
            ("TA", Ink.Test, g => g.TestAccuracy),
            ("MIA", Ink.Reference, g => g.MembershipInference),
        ];
        parts = [.. parts.Where(p => methods.Any(m => double.IsFinite(p.Of(m.Gap))))];
        var left = 24 + (8 * Math.Clamp(methods.Max(m => m.Title.Length), 4, 18));
        var end = Focus.Of(methods.Select(m => parts.Select(p => p.Of(m.Gap)).Where(double.IsFinite).Max()), 0).High;
        var chart = new SvgChart(
            "gaps",
            new Axis("distance to the reference, points", Minimum: 0, Maximum: end),
            new Axis(""),
            76 + ((methods.Length > 8 ? 8 : 12) * (parts.Length + 1) * methods.Length),
            left
        );
        chart.Bars([.. methods.Select(m => (m.Title, false))], [.. parts.Select(p => methods.Select(m => (p.Of(m.Gap), p.Ink)).ToArray())]);
        return Figure(
            "Gap to the reference",
            "Distance of each mean to the reference's; shorter is better, and a long bar beside short ones says where a method pays."
                + (double.IsNaN(end) ? "" : " A bar that leaves the drawing has its number at the rim."),
            chart.ToElement(
                "Gap to the reference for each method, in points",
                string.Join(
                    " ",
                    methods.Select(m => $"{m.Title}: {string.Join(", ", parts.Select(p => $"{p.Name} {Cell.Number(p.Of(m.Gap)).Text}"))}.")
                )
            ),
            [.. parts.Select(p => (p.Ink, p.Name))]
        );
    }
}
