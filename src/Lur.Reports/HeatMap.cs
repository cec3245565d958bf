using System.Globalization;
using System.Xml.Linq;
using Lur.Metrics;

namespace Lur.Reports;

/// <summary>What a map is of.</summary>
/// <param name="Id">Its name in a page.</param>
/// <param name="Title">Title.</param>
/// <param name="Reading">How to read a shade, without the full stop.</param>
/// <param name="Of">The number; the least is the best.</param>
internal sealed record MapTopic(string Id, string Title, string Reading, Func<ReproRow, SeedSummary> Of)
{
    /// <summary>The average gap of classifiers.</summary>
    public static MapTopic Gap { get; } = new("map", "Average gap, points", "the nearer to the retrained model", r => r.Gap);

    /// <summary>The Fréchet distance of models that draw.</summary>
    public static MapTopic Distance { get; } =
        new("map", "Fréchet distance of the kept classes", "the more like real images", r => r.Drawn[Runs.DrawnNumbers.Distance]);
}

/// <summary>A number over two options, a cell with its value for each pair of theirs; the best is outlined.</summary>
internal static class HeatMap
{
    private const double Width = 480,
        Right = 8,
        Top = 26,
        Bottom = 44,
        Height = 44;

    /// <summary>Shades above this one need pale numbers.</summary>
    private const int LastPale = 3;

    /// <summary>The map; null for one option, and where no number is known.</summary>
    /// <param name="grid">The rows of the sweep.</param>
    /// <param name="id">Prefix of the names, unique in a page.</param>
    /// <param name="topic">What it shows.</param>
    public static Panel? Of(SweepGrid grid, string id, MapTopic topic)
    {
        if (grid.Second is not { } second || grid.Best(topic.Of) is not { } best)
            return null;
        var (columns, rows, name) = (grid.First.Values.Count, second.Values.Count, $"{id}-{topic.Id}");
        var left = 16 + (7.5 * Math.Clamp(second.Values.Max(v => v.Length), 3, 14));
        var (width, height) = ((Width - left - Right) / columns, Top + (rows * Height) + Bottom);
        var shade = Shading(grid, topic.Of);
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
                var gap = grid.At(i, j, topic.Of);
                described.Add($"{grid.NameOf(i, j)}: {Cell.Number(gap.Mean).Text}.");
                svg.Add(CellOf(gap, shade(gap.Mean), X(i), Y(j), width));
            }
        }

        svg.Add(Outline(X(best.First), Y(best.Second), width));
        svg.Add(Labels(grid, second, left, width, height));
        svg.AddFirst(
            new XElement(
                "title",
                new XAttribute("id", name + "-title"),
                topic == MapTopic.Gap
                    ? $"Average gap for each pair of {grid.Sweep.OptionNames}, in points"
                    : $"{topic.Title} for each pair of {grid.Sweep.OptionNames}"
            ),
            new XElement(
                "desc",
                new XAttribute("id", name + "-desc"),
                Html.Clean(string.Join(" ", described) + $" The smallest is at {grid.NameOf(best.First, best.Second)}.")
            )
        );
        return new Panel(
            topic.Title,
            $"The paler, {topic.Reading}; outlined: the smallest, at {grid.NameOf(best.First, best.Second)}.",
            svg,
            HasLines: false
        );
    }

    private static XElement Outline(double x, double y, double width) =>
        Element(
            "rect",
            ("class", "best"),
            ("x", Number(x + 1)),
            ("y", Number(y + 1)),
            ("width", Number(width - 2)),
            ("height", Number(Height - 2))
        );

    /// <summary>Values and names of the options along the edges; as on an axis, the first value is lowest.</summary>
    private static IEnumerable<XElement> Labels(SweepGrid grid, SweepAxis second, double left, double width, double height)
    {
        var rows = second.Values.Count;
        for (var j = 0; j < rows; j++)
            yield return Text(
                left - 6,
                Top + ((rows - 1 - j) * Height) + (Height / 2) + 4,
                "end",
                "tick",
                Html.Shorten(second.Values[j], 14)
            );
        for (var i = 0; i < grid.First.Values.Count; i++)
        {
            var shown = Html.Shorten(grid.First.Values[i], Math.Max(3, (int)(width / 7.5)));
            yield return Text(left + (i * width) + (width / 2), height - Bottom + 17, "middle", "tick", shown);
        }

        yield return Text(2, 14, "start", "axis", second.Option);
        yield return Text(Width - Right, height - 6, "end", "axis", grid.First.Option);
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
    private static Func<double, int> Shading(SweepGrid grid, Func<ReproRow, SeedSummary> of)
    {
        double[] all =
        [
            .. grid.First.Values.SelectMany((_, i) => grid.Second!.Values.Select((_, j) => grid.At(i, j, of).Mean)).Where(double.IsFinite),
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
