using System.Xml.Linq;

namespace Lur.Reports;

/// <summary>Names and numbers in a drawing.</summary>
internal sealed partial class SvgChart
{
    /// <summary>Names beside their points, as near as there is room; a line leads from a point to a name that is not beside it.</summary>
    private IEnumerable<XElement> Notes(Func<double, double> toX, Func<double, double> toY)
    {
        (double X, double Y, string Text)[] notes =
        [
            .. _notes
                .Where(n => double.IsFinite(n.X) && double.IsFinite(n.Y))
                .Select(n => (toX(n.X), toY(n.Y), n.Text))
                .OrderBy(n => n.Item2),
        ];
        var placed = new List<(double Left, double Right, double Y)>();
        var (leads, texts) = (new List<XElement>(), new List<XElement>());
        foreach (var (x, y, text) in notes.Where(n => n.Text.Length > 0))
        {
            var width = 7 * text.Length;
            bool IsFree((double Left, double Right, double Y) b) =>
                b.Left >= _left
                && b.Right <= Width
                && b.Y is >= Top + 8
                && b.Y <= _height - Bottom - 2
                && !placed.Any(p => Math.Abs(p.Y - b.Y) < 13 && p.Left < b.Right && b.Left < p.Right)
                && !notes.Any(n => n.X > b.Left - 3 && n.X < b.Right + 3 && n.Y > b.Y - 12 && n.Y < b.Y + 4);
            var places = Enumerable
                .Range(0, 60)
                .Select(k => (k + 1) / 2 * (k % 2 == 0 ? -6.5 : 6.5))
                .SelectMany(shift => new[] { x + 8, x - 8 - width }.Select(left => (Left: left, Right: left + width, Y: y + 4 + shift)));
            // A crowd without room: the name may cover another rather than be lost.
            var place = places
                .Where(IsFree)
                .DefaultIfEmpty((x + 8 + width > Width ? x - 8 - width : x + 8, x + 8 + width > Width ? x - 8 : x + 8 + width, y + 4))
                .First();
            placed.Add(place);
            var before = place.Item1 < x;
            if (Math.Abs(place.Item3 - y - 4) > 10)
            {
                leads.Add(
                    new XElement(
                        "path",
                        new XAttribute("class", Inks.Stroke(Ink.Frame)),
                        new XAttribute("fill", "none"),
                        new XAttribute(
                            "d",
                            $"M{Number(x)} {Number(y)}L{Number(before ? place.Item2 + 1 : place.Item1 - 1)} {Number(place.Item3 - 4)}"
                        )
                    )
                );
            }

            texts.Add(Text(before ? place.Item2 : place.Item1, place.Item3, before ? "end" : "start", "note", text));
        }

        return [.. leads, .. texts];
    }

    /// <summary>The number of a bar that leaves the drawing; it lies on the bar.</summary>
    private static IEnumerable<XElement> AtTheRim(string text, double y)
    {
        var width = (7.5 * text.Length) + 4;
        yield return new XElement(
            "rect",
            new XAttribute("class", "backing"),
            new XAttribute("x", Number(Width - Right - width)),
            new XAttribute("y", Number(y - 8)),
            new XAttribute("width", Number(width)),
            new XAttribute("height", "16")
        );
        yield return Text(Width - Right - 2, y + 4, "end", "note", text);
    }
}
