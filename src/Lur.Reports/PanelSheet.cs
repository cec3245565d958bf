using System.Globalization;
using System.Xml.Linq;

namespace Lur.Reports;

/// <summary>Drawings on one sheet that stands alone: an SVG file with its own background, colours and fonts, for pages that are
/// not ours, such as a README.</summary>
internal static class PanelSheet
{
    private const double Across = 480,
        Gap = 24,
        Margin = 20,
        Letter = 7.4;
    private const double Width = (2 * Across) + Gap + (2 * Margin);
    private static readonly XNamespace s_svg = "http://www.w3.org/2000/svg";

    /// <summary>The text of the file.</summary>
    /// <param name="title">Headline.</param>
    /// <param name="subtitle">Below it; broken into lines.</param>
    /// <param name="legend">Inks and what they stand for; may be empty.</param>
    /// <param name="panels">Drawings, laid two abreast.</param>
    public static string Render(string title, string subtitle, IReadOnlyList<(Ink Ink, string Name)> legend, IReadOnlyList<Panel> panels)
    {
        List<XElement> content = [Text(Margin, 34, "headline", title)];
        double y = 34;
        foreach (var line in Lines(subtitle, (int)((Width - (2 * Margin)) / Letter)))
            content.Add(Text(Margin, y += 20, "", line));
        y += Legend(legend, y + 24, content) + 12;
        foreach (var pair in panels.Chunk(2))
        {
            var height = 0.0;
            foreach (var (panel, column) in pair.Select((p, c) => (p, c)))
            {
                var x = Margin + (column * (Across + Gap));
                content.Add(Text(x, y + 20, "heading", panel.Title));
                if (panel.Remark.Length > 0)
                    content.Add(Text(x + 20 + (9 * panel.Title.Length), y + 20, "", panel.Remark));
                var drawing = new XElement(panel.Drawing);
                var own = Height(drawing);
                drawing.SetAttributeValue("x", Number(x));
                drawing.SetAttributeValue("y", Number(y + 28));
                drawing.SetAttributeValue("width", Number(Across));
                drawing.SetAttributeValue("height", Number(own));
                content.Add(drawing);
                height = Math.Max(height, own);
            }

            y += height + 40;
        }

        var described = string.Join(" ", panels.Select(p => $"{p.Title}: {p.Drawing.Element("desc")?.Value}"));
        var svg = new XElement(
            "svg",
            new XAttribute("viewBox", $"0 0 {Number(Width)} {Number(y)}"),
            new XAttribute("width", Number(Width)),
            new XAttribute("height", Number(y)),
            new XAttribute("role", "img"),
            new XAttribute("aria-labelledby", "sheet-title sheet-desc"),
            new XElement("title", new XAttribute("id", "sheet-title"), Html.Clean(title)),
            new XElement("desc", new XAttribute("id", "sheet-desc"), Html.Clean(described)),
            new XElement("style", PageStyle.Drawing + Style),
            new XElement(
                "rect",
                new XAttribute("class", "sheet"),
                new XAttribute("width", Number(Width)),
                new XAttribute("height", Number(y)),
                new XAttribute("rx", "8")
            ),
            content
        );
        foreach (var element in svg.DescendantsAndSelf())
            element.Name = s_svg + element.Name.LocalName;
        return svg + "\n";
    }

    private const string Style = """
        svg { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
        .sheet { fill: var(--panel); }
        svg text.headline { fill: var(--fg); font-size: 20px; font-weight: 700; }
        svg text.heading { fill: var(--fg); font-size: 15px; font-weight: 600; }

        """;

    private static double Legend(IReadOnlyList<(Ink Ink, string Name)> legend, double y, List<XElement> content)
    {
        if (legend.Count == 0)
            return 0;
        double x = Margin,
            top = y;
        foreach (var (ink, name) in legend)
        {
            var width = 34 + (Letter * name.Length);
            if (x > Margin && x + width > Width - Margin)
                (x, y) = (Margin, y + 20);
            content.Add(
                new XElement(
                    "rect",
                    new XAttribute("class", Inks.Fill(ink)),
                    new XAttribute("x", Number(x)),
                    new XAttribute("y", Number(y - 10)),
                    new XAttribute("width", "12"),
                    new XAttribute("height", "12"),
                    new XAttribute("rx", "2")
                )
            );
            content.Add(Text(x + 18, y, "note", name));
            x += width;
        }

        return 24 + y - top;
    }

    private static IEnumerable<string> Lines(string text, int letters)
    {
        var line = "";
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > letters)
            {
                yield return line;
                line = "";
            }

            line += (line.Length > 0 ? " " : "") + word;
        }

        if (line.Length > 0)
            yield return line;
    }

    private static double Height(XElement drawing) =>
        double.Parse(drawing.Attribute("viewBox")!.Value.Split(' ')[3], CultureInfo.InvariantCulture);

    private static XElement Text(double x, double y, string style, string text) =>
        new(
            "text",
            new XAttribute("x", Number(x)),
            new XAttribute("y", Number(y)),
            style.Length > 0 ? new XAttribute("class", style) : null,
            Html.Clean(text)
        );

    private static string Number(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);
}
