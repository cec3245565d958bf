using System.Globalization;
using System.Xml.Linq;
using Lur.Metrics;
using Lur.Runs;

namespace Lur.Reports;

/// <summary>A drawing with what stands around it.</summary>
/// <param name="Title">Title.</param>
/// <param name="Reading">How to read it, whole sentences.</param>
/// <param name="Drawing">The drawing.</param>
/// <param name="HasLines">True if the names of the sweep's lines belong to it.</param>
/// <param name="Remark">What must not be missing where there is no room for the reading; empty for nothing.</param>
internal sealed record Panel(string Title, string Reading, XElement Drawing, bool HasLines, string Remark = "");

/// <summary>How the outcome depends on one or two options: lines over the values of the first, one for each value of the second,
/// and a map of the average gap over both.</summary>
/// <remarks>The values stand at equal distances: they mostly grow by factors, and 0 has no place on a logarithmic axis.</remarks>
internal static class SensitivityChart
{
    /// <summary>Beyond this ratio of the greatest to the least gap the axis is logarithmic.</summary>
    private const double Wide = 10;

    /// <summary>The drawings that the numbers allow: gap, map, then each metric.</summary>
    /// <param name="grid">The rows of the sweep.</param>
    /// <param name="id">Prefix of the names, unique in a page.</param>
    public static IReadOnlyList<Panel> Panels(SweepGrid grid, string id)
    {
        Panel?[] panels = grid.Draws
            ?
            [
                Metric(grid, id, "UA", "unlearning accuracy (UA), %", r => r.Unlearning),
                Amount(grid, id, "FD", "Fréchet distance of the kept classes", DrawnNumbers.Distance),
                HeatMap.Of(grid, id, MapTopic.Distance),
                Metric(grid, id, "agreement", "kept classed as asked, %", r => r.Drawn[DrawnNumbers.Agreement]),
                Amount(grid, id, "precision", "precision of the kept classes", "precision"),
                Amount(grid, id, "recall", "recall of the kept classes", "recall"),
                Amount(grid, id, "forgotten-loss", "denoising loss, forgotten classes", DrawnNumbers.ForgottenLoss),
                Amount(grid, id, "kept-loss", "denoising loss, kept classes", DrawnNumbers.KeptLoss),
            ]
            :
            [
                Gap(grid, id),
                HeatMap.Of(grid, id, MapTopic.Gap),
                Metric(grid, id, "UA", "unlearning accuracy (UA), %", r => r.Unlearning),
                Metric(grid, id, "RA", "retain accuracy (RA), %", r => r.Retain),
                Metric(grid, id, "TA", "test accuracy (TA), %", r => r.Test),
                Metric(grid, id, "MIA", "membership inference (MIA), %", r => r.Membership),
            ];
        return [.. panels.OfType<Panel>()];
    }

    private static Panel? Gap(SweepGrid grid, string id)
    {
        var means = grid.Means(r => r.Gap);
        if (means.Count == 0)
            return null;
        var logarithmic = means.Min() > 0 && means.Max() > Wide * means.Min();
        var axis = logarithmic
            ? new Axis("average gap, points (log)", Scale.Log, Minimum: 0.8 * means.Min())
            : new Axis("average gap, points", Minimum: 0);
        var chart = Lines(grid, $"{id}-gap", axis, r => r.Gap, 270, out var whiskers);
        return new Panel(
            "Average gap to the reference",
            $"Mean distance to the retrained model in UA, RA, TA and MIA; lower is better, and a flat line means that "
                + $"{grid.First.Option} does not matter.{Omitted(grid)}{whiskers}",
            chart.ToElement($"Average gap over {grid.Sweep.OptionNames}", $"{Describe(grid, r => r.Gap)}"),
            HasLines: true
        );
    }

    /// <summary>A number that is no share: an axis of its own range, by powers of ten where it is wide.</summary>
    private static Panel? Amount(SweepGrid grid, string id, string name, string label, string number)
    {
        SeedSummary Of(ReproRow row) => row.Drawn[number];
        var means = grid.Means(Of);
        if (means.Count == 0)
            return null;
        var reference = grid.Reference is { } r ? Of(r).Mean : double.NaN;
        double[] all = double.IsFinite(reference) ? [.. means, reference] : [.. means];
        var wide = all.Min() > 0 && all.Max() > Wide * all.Min();
        var axis = wide ? new Axis($"{label} (log)", Scale.Log, Minimum: 0.8 * all.Min()) : new Axis(label);
        var chart = Lines(grid, $"{id}-{name.ToLowerInvariant()}", axis, Of, 230, out var whiskers);
        if (double.IsFinite(reference))
            chart.Level(Ink.Reference, reference);
        var level = double.IsFinite(reference)
            ? string.Create(CultureInfo.InvariantCulture, $"Dashed: the retrained model, {reference:0.000}.")
            : "Without a retrained model nothing says where it should lie.";
        return new Panel(
            name,
            level + whiskers,
            chart.ToElement($"{label} over {grid.Sweep.OptionNames}", Describe(grid, Of) + " " + level),
            HasLines: true
        );
    }

    private static Panel? Metric(SweepGrid grid, string id, string name, string label, Func<ReproRow, SeedSummary> of)
    {
        var means = grid.Means(of);
        if (means.Count == 0)
            return null;
        var reference = grid.Reference is { } r ? of(r).Mean : double.NaN;
        var focus = Focus.Of(means, reference);
        var shown = grid
            .Lines.SelectMany(l => grid.First.Values.Select((_, i) => grid.At(i, l.Index, of)))
            .Append(SeedSummary.Of([reference]));
        var chart = Lines(grid, $"{id}-{name.ToLowerInvariant()}", Axis.Percent(label, shown, focus), of, 230, out var whiskers);
        if (double.IsFinite(reference))
            chart.Level(Ink.Reference, reference);
        double[] outside = [.. means.Where(v => Focus.IsOutside(v, focus))];
        var level = double.IsFinite(reference)
            ? string.Create(CultureInfo.InvariantCulture, $"Dashed: the retrained model, {reference:0.00} %; nearer is better.")
            : "Without a retrained model nothing says where it should lie.";
        var beyond =
            outside.Length == 0
                ? ""
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"lines that leave the drawing go as far as {outside.MaxBy(v => Math.Abs(v - Focus.Clamp(v, focus))):0.0} %"
                );
        return new Panel(
            name,
            level + (beyond.Length > 0 ? $" The {beyond}." : "") + whiskers,
            chart.ToElement($"{label} over {grid.Sweep.OptionNames}", Describe(grid, of) + " " + level),
            HasLines: true,
            beyond
        );
    }

    private static SvgChart Lines(SweepGrid grid, string id, Axis y, Func<ReproRow, SeedSummary> of, double height, out string whiskers)
    {
        var chart = new SvgChart(id, new Axis(grid.First.Option) { Names = grid.First.Values }, y, height);
        whiskers = "";
        foreach (var ((index, ink, _), k) in grid.Lines.Select((l, k) => (l, k)))
        {
            SeedSummary[] values = [.. grid.First.Values.Select((_, i) => grid.At(i, index, of))];
            var spread = values.Any(v => double.IsFinite(v.Deviation));
            // Whiskers of one value would lie upon each other.
            var shift = spread ? 0.05 * (k - ((grid.Lines.Count - 1) / 2.0)) : 0;
            double[] x = [.. values.Select((_, i) => i + shift)];
            foreach (
                var (value, i) in values.Select((v, i) => (v, i)).Where(v => double.IsFinite(v.v.Mean) && double.IsFinite(v.v.Deviation))
            )
            {
                double low = value.Mean - value.Deviation,
                    high = value.Mean + value.Deviation;
                // What has no place on a logarithmic axis goes down to its rim.
                chart.Line(ink, [x[i], x[i]], [double.IsFinite(y.Place(low)) ? low : y.Minimum, high], 1.5, 0.5);
                whiskers = " Whiskers: one standard deviation over seeds.";
            }

            chart.Line(ink, x, [.. values.Select(v => v.Mean)]);
            chart.Points(ink, [.. x.Zip(values).Where(p => double.IsFinite(p.Second.Mean)).Select(p => (p.First, p.Second.Mean, ""))]);
        }

        return chart;
    }

    private static string Omitted(SweepGrid grid) =>
        grid.Second is { } second && second.Values.Count > grid.Lines.Count
            ? $" Of {second.Values.Count} values of {second.Option}, {grid.Lines.Count} are drawn; the map has all."
            : "";

    private static string Describe(SweepGrid grid, Func<ReproRow, SeedSummary> of)
    {
        string At(int line, int i, string value) => $"{Cell.Number(grid.At(i, line, of).Mean).Text} at {grid.First.Option} {value}";
        return string.Join(
            " ",
            grid.Lines.Select(l => $"{l.Name}: {string.Join(", ", grid.First.Values.Select((v, i) => At(l.Index, i, v)))}.")
        );
    }
}
