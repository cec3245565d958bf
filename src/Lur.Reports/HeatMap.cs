using System.Globalization;
using System.Xml.Linq;
using Lur.Metrics;

namespace Lur.Reports;

/// <summary>The average gap over two options, a cell with its number for each pair of values; the best is outlined.</summary>
internal static class HeatMap
{
    private const double Width = 480,
        Right = 8,
        Top = 26,
        Bottom = 44,
        Height = 44;

    /// <summary>Shades above this one need pale numbers.</summary>
    private const int LastPale = 3;

    /// <summary>The map; null for one option, and where no gap is known.</summary>
    /// <param name="grid">The rows of the sweep.</param>
    /// <param name="id">Prefix of the names, unique in a page.</param>
    public static Panel? Of(SweepGrid grid, string id)
    {
        if (grid.Second is not { } second || grid.Best is not { } best)
            return null;
        var (columns, rows, name) = (grid.First.Values.Count, second.Values.Count, $"{id}-map");
        var left = 16 + (7.5 * Math.Clamp(second.Values.Max(v => v.Length), 3, 14));
        var (width, height) = ((Width - left - Right) / columns, Top + (rows * Height) + Bottom);
        var shade = Shading(grid);
        var svg = Element(
            "svg",
            ("viewBox", $"0 0 {Number(Width)} {Number(height)}"),
            ("role", "img"),
            ("aria-labelledby", $"{name}-title {name}-desc")
        );
        var described = new List<string>();
        // As on an axis, the first value is lowest.
        double X(int i) => left + (i * width);
        double Y(int j) => Top + ((rows - 1 - j) * Height);
        for (var j = 0; j < rows; j++)
        {
            for (var i = 0; i < columns; i++)
            {
                var gap = grid.At(i, j, r => r.Gap);
                described.Add($"{grid.NameOf(i, j)}: {Cell.Number(gap.Mean).Text}.");
                svg.Add(CellOf(gap, shade(gap.Mean), X(i), Y(j), width));
            }
        }

        svg.Add(
            Element(
                "rect",
                ("class", "best"),
                ("x", Number(X(best.First) + 1)),
                ("y", Number(Y(best.Second) + 1)),
                ("width", Number(width - 2)),
                ("height", Number(Height - 2))
            )
        );
        svg.Add(second.Values.Select((v, j) => Text(left - 6, Y(j) + (Height / 2) + 4, "end", "tick", Html.Shorten(v, 14))));
        svg.Add(
            grid.First.Values.Select(
                (v, i) => Text(X(i) + (width / 2), height - Bottom + 17, "middle", "tick", Html.Shorten(v, Math.Max(3, (int)(width / 7.5))))
            )
        );
        svg.Add(Text(2, 14, "start", "axis", second.Option), Text(Width - Right, height - 6, "end", "axis", grid.First.Option));
        svg.AddFirst(
            new XElement(
                "title",
                new XAttribute("id", name + "-title"),
                $"Average gap for each pair of {grid.Sweep.OptionNames}, in points"
            ),
            new XElement(
                "desc",
                new XAttribute("id", name + "-desc"),
                Html.Clean(string.Join(" ", described) + $" The smallest is at {grid.NameOf(best.First, best.Second)}.")
            )
        );
        return new Panel(
            "Average gap, points",
            $"The paler, the nearer to the retrained model; outlined: the smallest, at {grid.NameOf(best.First, best.Second)}.",
            svg,
            HasLines: false
        );
    }

    private static IEnumerable<XElement> CellOf(SeedSummary gap, int shade, double x, double y, double width)
    {
        var known = double.IsFinite(gap.Mean);
        yield return Element(
            "rect",
            ("class", known ? $"h-{shade}" : Inks.Fill(Ink.Grid)),
            ("x", Number(x + 1)),
            ("y", Number(y + 1)),
            ("width", Number(width - 2)),
            ("height", Number(Height - 2))
        );
        var style =
            !known ? "missing"
            : shade > LastPale ? "cell pale"
            : "cell";
        var spread = known && double.IsFinite(gap.Deviation) && width > 56;
        yield return Text(
            x + (width / 2),
            y + (Height / 2) + (spread ? -1 : 4),
            "middle",
            style,
            Cell.Number(gap.Mean, width > 44 ? 2 : 1).Text
        );
        if (spread)
            yield return Text(
                x + (width / 2),
                y + (Height / 2) + 14,
                "middle",
                style + " small",
                $"\u00B1 {Cell.Number(gap.Deviation).Text}"
            );
    }

    /// <summary>Shades by equal steps of the gap, or of its logarithm where the greatest is many times the least.</summary>
    private static Func<double, int> Shading(SweepGrid grid)
    {
        double[] all =
        [
            .. grid
                .First.Values.SelectMany((_, i) => grid.Second!.Values.Select((_, j) => grid.At(i, j, r => r.Gap).Mean))
                .Where(double.IsFinite),
        ];
        var (least, greatest) = (all.Min(), all.Max());
        Func<double, double> scale = least > 0 && greatest > 5 * least ? Math.Log : v => v;
        return gap =>
            greatest <= least || !double.IsFinite(gap)
                ? 0
                : Math.Min(PageStyle.Shades - 1, (int)(PageStyle.Shades * (scale(gap) - scale(least)) / (scale(greatest) - scale(least))));
    }

    private static XElement Text(double x, double y, string anchor, string style, string text) =>
        new(
            "text",
            new XAttribute("x", Number(x)),
            new XAttribute("y", Number(y)),
            new XAttribute("text-anchor", anchor),
            new XAttribute("class", style),
            Html.Clean(text)
        );

    private static XElement Element(string name, params (string Name, string Value)[] attributes) =>
        new(name, attributes.Select(a => new XAttribute(a.Name, a.Value)));

    private static string Number(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);
}
