using System.Globalization;
using System.Xml.Linq;
using ScottPlot;

namespace Lur.Reports;

/// <summary>One drawing: ScottPlot places and draws, and its SVG is made to stand in a page.</summary>
/// <remarks>
/// Text is not drawn by ScottPlot: it would be set letter by letter in a font of the machine that writes the page, and be
/// missing where that machine has none. Ticks and names are SVG text in the reader's font, so the same numbers give the
/// same bytes everywhere. The drawing is narrow: it stands two abreast on a desk and is still legible on a telephone.
/// </remarks>
internal sealed partial class SvgChart
{
    private const float Width = 480,
        Right = 14,
        Top = 26,
        Bottom = 40;
    private readonly float _height,
        _left;
    private readonly string _id;
    private readonly Axis _x,
        _y;
    private readonly Plot _plot = SkiaLibrary.Use(() => new Plot());
    private readonly List<double> _xs = [],
        _ys = [];
    private readonly List<Action> _layers = [];
    private readonly List<(double X, double Y, string Text)> _notes = [];
    private readonly List<(double Place, double Value)> _cut = [];
    private IReadOnlyList<(double Place, string Text, bool Marked)>? _rows;

    /// <summary>An empty drawing.</summary>
    /// <param name="id">Unique in its page.</param>
    /// <param name="x">Horizontal axis.</param>
    /// <param name="y">Vertical axis.</param>
    /// <param name="height">Height for a width of 480.</param>
    /// <param name="left">Room for the labels of the vertical axis.</param>
    public SvgChart(string id, Axis x, Axis y, double height = 270, double left = 52) =>
        (_id, _x, _y, _height, _left) = (id, x, y, (float)height, (float)left);

    /// <summary>Adds a line; numbers that are not finite leave a gap.</summary>
    public void Line(
        Ink ink,
        IReadOnlyList<double> x,
        IReadOnlyList<double> y,
        double width = 2,
        double opacity = 1,
        bool dashed = false,
        bool steps = false
    )
    {
        double[] xs = [.. x.Select(_x.Place)],
            ys = [.. y.Select(_y.Place)];
        _xs.AddRange(x);
        _ys.AddRange(y);
        _layers.Add(() =>
        {
            var line = _plot.Add.ScatterLine(xs, ys, Inks.Of(ink, opacity, dashed));
            line.LineWidth = (float)width;
            line.ConnectStyle = steps ? ConnectStyle.StepHorizontal : ConnectStyle.Straight;
            // A line through a point between two gaps would be nothing at all.
            bool Gap(int i) => i < 0 || i >= ys.Length || !double.IsFinite(ys[i]) || !double.IsFinite(xs[i]);
            int[] alone = [.. Enumerable.Range(0, ys.Length).Where(i => !Gap(i) && Gap(i - 1) && Gap(i + 1))];
            if (alone.Length > 0)
                _plot.Add.Markers(
                    alone.Select(i => xs[i]).ToArray(),
                    alone.Select(i => ys[i]).ToArray(),
                    MarkerShape.FilledCircle,
                    (float)(2.5 * width),
                    Inks.Of(ink, opacity)
                );
        });
    }

    /// <summary>Adds the area between two lines; where one of the two is not finite there is none.</summary>
    public void Band(Ink ink, IReadOnlyList<double> x, IReadOnlyList<double> low, IReadOnlyList<double> high)
    {
        int[] whole =
        [
            .. Enumerable
                .Range(0, x.Count)
                .Where(i => double.IsFinite(_y.Place(low[i])) && double.IsFinite(_y.Place(high[i])) && double.IsFinite(_x.Place(x[i]))),
        ];
        if (whole.Length == 0)
            return;
        _xs.AddRange(whole.Select(i => x[i]));
        _ys.AddRange(whole.SelectMany(i => new[] { low[i], high[i] }));
        _layers.Add(() =>
        {
            var area = _plot.Add.FillY(
                [.. whole.Select(i => _x.Place(x[i]))],
                [.. whole.Select(i => _y.Place(low[i]))],
                [.. whole.Select(i => _y.Place(high[i]))]
            );
            (area.FillColor, area.LineWidth, area.MarkerStyle.IsVisible) = (Inks.Of(ink, 0.18), 0, false);
        });
    }

    /// <summary>Adds points, each with a name beside it.</summary>
    /// <param name="ink">Ink.</param>
    /// <param name="points">Points; an empty name is none.</param>
    /// <param name="hollow">As rings: what stands at the rim for a place outside.</param>
    public void Points(Ink ink, IReadOnlyList<(double X, double Y, string Name)> points, bool hollow = false)
    {
        double[] xs = [.. points.Select(p => _x.Place(p.X))],
            ys = [.. points.Select(p => _y.Place(p.Y))];
        _xs.AddRange(points.Select(p => p.X));
        _ys.AddRange(points.Select(p => p.Y));
        _notes.AddRange(points.Select(p => (_x.Place(p.X), _y.Place(p.Y), p.Name)));
        _layers.Add(() =>
            _plot.Add.Markers(xs, ys, hollow ? MarkerShape.OpenCircle : MarkerShape.FilledCircle, 9, Inks.Of(ink)).MarkerLineWidth = hollow
                ? 2
                : 0
        );
    }

    /// <summary>Adds a dashed line across the drawing.</summary>
    public void Level(Ink ink, double value, bool vertical = false)
    {
        (vertical ? _xs : _ys).Add(value);
        _layers.Add(() =>
        {
            ScottPlot.Plottables.AxisLine line = vertical
                ? _plot.Add.VerticalLine(_x.Place(value))
                : _plot.Add.HorizontalLine(_y.Place(value));
            (line.LineWidth, line.LineColor) = (1.5f, Inks.Of(ink, dashed: true));
        });
    }

    /// <summary>Adds lying bars, one group for each name from the top down; the groups take the place of the vertical axis.</summary>
    /// <param name="rows">Names; a marked one is printed as such.</param>
    /// <param name="bars">For each bar of a group its values and inks, in the order of the names.</param>
    public void Bars(IReadOnlyList<(string Name, bool Marked)> rows, params IReadOnlyList<(double Value, Ink Ink)[]> bars)
    {
        _rows = [.. rows.Select((r, i) => ((double)-i, r.Name, r.Marked))];
        _ys.AddRange([0.55, 0.45 - rows.Count]);
        var size = 0.78 / bars.Count;
        _layers.Add(() =>
            _plot.Add.Bars(
                (Bar[])
                    [
                        .. bars.SelectMany(
                            (bar, b) =>
                                bar.Select(
                                    (value, i) =>
                                        new Bar
                                        {
                                            Position = -i + (((bars.Count - 1) / 2.0) - b) * size,
                                            Value = double.IsFinite(value.Value) ? value.Value : 0,
                                            Size = 0.94 * size,
                                            FillColor = Inks.Of(value.Ink),
                                            LineWidth = 0,
                                            Orientation = Orientation.Horizontal,
                                        }
                                )
                        ),
                    ]
            )
        );
        _xs.AddRange(bars.SelectMany(b => b).Select(v => v.Value));
        // Of bars that leave the drawing side by side, one number has room: the greatest.
        _cut.AddRange(
            rows.Select((_, i) => (-(double)i, bars.Select(b => b[i].Value).Where(double.IsFinite).DefaultIfEmpty(double.NaN).Max()))
        );
    }

    /// <summary>Draws.</summary>
    /// <param name="title">What is shown, for those who hear the page.</param>
    /// <param name="description">What can be seen in it, for the same.</param>
    public XElement ToElement(string title, string description) =>
        SkiaLibrary.Use(() =>
        {
            var (left, right) = _x.Range(_xs);
            var (bottom, top) = _rows is null ? _y.Range(_ys) : (_ys.Min(), _ys.Max());
            var horizontal = _x.Ticks(left, right, 6);
            var vertical = _rows is null ? _y.Ticks(bottom, top, 5) : [];
            Prepare(horizontal, vertical);
            foreach (var layer in _layers)
                layer();
            _plot.Axes.SetLimits(left, right, bottom, top);
            var svg = SvgCleaning.Clean(_plot.GetSvgXml((int)Width, (int)_height), _id);
            double X(double place) => _left + ((place - left) / (right - left) * (Width - _left - Right));
            double Y(double place) => Top + ((top - place) / (top - bottom) * (_height - Top - Bottom));
            svg.Add(
                horizontal.Select(t =>
                    Text(Math.Min(X(t.Place), Width - (4 * t.Text.Length)), _height - Bottom + 17, "middle", "tick", t.Text)
                )
            );
            svg.Add(vertical.Select(t => Text(_left - 6, Y(t.Place) + 4, "end", "tick", t.Text)));
            svg.Add(
                _rows?.Select(r =>
                    Text(_left - 6, Y(r.Place) + 4, "end", r.Marked ? "tick marked" : "tick", Html.Shorten(r.Text, (int)(_left / 7.5)))
                )
            );
            svg.Add(_cut.Where(c => c.Value > right).SelectMany(c => AtTheRim(Cell.Number(c.Value, 1).Text + " \u2192", Y(c.Place))));
            svg.Add(Notes(X, Y));
            svg.Add(Text(Width - Right, _height - 6, "end", "axis", _x.Label), Text(2, 14, "start", "axis", _y.Label));
            svg.AddFirst(
                new XElement("title", new XAttribute("id", _id + "-title"), Html.Clean(title)),
                new XElement("desc", new XAttribute("id", _id + "-desc"), Html.Clean(description))
            );
            svg.Add(new XAttribute("role", "img"), new XAttribute("aria-labelledby", $"{_id}-title {_id}-desc"));
            return svg;
        });

    private void Prepare(IReadOnlyList<(double Place, string Text)> horizontal, IReadOnlyList<(double Place, string Text)> vertical)
    {
        _plot.FigureBackground.Color = _plot.DataBackground.Color = Colors.Transparent;
        _plot.Layout.Fixed(new PixelPadding(_left, Right, Bottom, Top));
        _plot.Axes.Bottom.TickGenerator = Ticks(horizontal);
        _plot.Axes.Left.TickGenerator = Ticks(vertical);
        _plot.Grid.MajorLineColor = Inks.Of(Ink.Grid);
        foreach (var axis in _plot.Axes.GetAxes())
        {
            axis.FrameLineStyle.Width = axis == _plot.Axes.Bottom ? 1 : 0;
            axis.FrameLineStyle.Color = Inks.Of(Ink.Frame);
            axis.MajorTickStyle.Color = axis.MinorTickStyle.Color = Colors.Transparent;
            axis.TickLabelStyle.IsVisible = false;
        }
    }

    private static ScottPlot.TickGenerators.NumericManual Ticks(IReadOnlyList<(double Place, string Text)> ticks) =>
        new([.. ticks.Select(t => t.Place)], [.. ticks.Select(_ => "")]);

    private static XElement Text(double x, double y, string anchor, string style, string text) =>
        new(
            "text",
            new XAttribute("x", Number(x)),
            new XAttribute("y", Number(y)),
            new XAttribute("text-anchor", anchor),
            new XAttribute("class", style),
            Html.Clean(text)
        );

    private static string Number(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);
}
