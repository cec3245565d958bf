using Lur.Reports;

namespace Lur.Tests.Reports;

public class ChartTests
{
    [Test]
    public void ALineLiesWhereItsNumbersAre()
    {
        double[] x = [1, 2, 3, 4, 5],
            y = [10, 30, double.NaN, 20, 15];
        var chart = new SvgChart(
            "c",
            new Axis("step", Minimum: 1, Maximum: 5),
            new Axis("y", Minimum: 0, Maximum: 40),
            height: 200,
            left: 50
        );
        chart.Line(Ink.Retain, x, y);
        var svg = chart.ToElement("t", "d");
        var corners = svg.Descendants("path").Where(p => p.Attribute("class")?.Value == "s-3").SelectMany(PageReading.Corners).ToArray();
        // The drawing's frame: 50 to 466 across, 26 to 160 down; the gap at 3 takes no corner.
        (double X, double Y)[] expected =
        [
            .. x.Zip(y).Where(p => double.IsFinite(p.Second)).Select(p => (50 + ((p.First - 1) / 4 * 416), 160 - (p.Second / 40 * 134))),
        ];
        Assert.That(corners.Select(c => c.X), Is.EqualTo(expected.Select(c => c.X)).Within(0.01));
        Assert.That(corners.Select(c => c.Y), Is.EqualTo(expected.Select(c => c.Y)).Within(0.01));
        var ticks = svg.Elements("text")
            .Where(t => t.Attribute("text-anchor")?.Value == "middle")
            .ToDictionary(t => t.Value, t => double.Parse(t.Attribute("x")!.Value, System.Globalization.CultureInfo.InvariantCulture));
        Assert.That(ticks.Keys, Is.EqualTo(new[] { "1", "2", "3", "4", "5" }));
        Assert.That(ticks["4"], Is.EqualTo(50 + (0.75 * 416)).Within(0.06));
    }

    [TestCase(nameof(Scale.Linear), 0, 1, "0 0.2 0.4 0.6 0.8 1")]
    [TestCase(nameof(Scale.Whole), 1, 3, "1 2 3")]
    [TestCase(nameof(Scale.Whole), 1, 114, "50 100")]
    [TestCase(nameof(Scale.Linear), -10, 0, "−10 −8 −6 −4 −2 0")]
    [TestCase(nameof(Scale.Linear), 1, 114, "50 100")]
    [TestCase(nameof(Scale.Linear), 0, 0.0007, "0 2e−4 4e−4 6e−4")]
    [TestCase(nameof(Scale.Log), 1, 1000, "1 3 10 30 100 300 1000")]
    [TestCase(nameof(Scale.Log), 0.002, 0.02, "0.002 0.005 0.01 0.02")]
    [TestCase(nameof(Scale.Log), 1.5, 6, "2 3 4 5 6")]
    [TestCase(nameof(Scale.Log), 1e-9, 1e6, "1e−9 1e−6 0.001 1 1000 1e6")]
    [TestCase(nameof(Scale.LogCount), 0, 1000, "0 1 3 10 30 100 300 1000")]
    [TestCase(nameof(Scale.Root), 0, 100, "0 1 5 20 50 100")]
    public void TicksAreRoundNumbersWithinTheAxis(string scale, double low, double high, string expected)
    {
        var axis = new Axis("", Enum.Parse<Scale>(scale));
        var ticks = axis.Ticks(axis.Place(low), axis.Place(high), 5);
        Assert.That(string.Join(' ', ticks.Select(t => t.Text)), Is.EqualTo(expected));
        Assert.That(ticks.Select(t => t.Place), Is.Ordered.And.All.InRange(axis.Place(low) - 1e-9, axis.Place(high) + 1e-9));
    }

    [TestCase(new[] { 5.0, 5, 5 })]
    [TestCase(new[] { 0.0 })]
    [TestCase(new[] { double.NaN })]
    [TestCase(new[] { 1e-12, 1e-12 })]
    [TestCase(new double[0])]
    public void AConstantHasAHeight(double[] values)
    {
        var (low, high) = new Axis("").Range(values);
        Assert.That(high, Is.GreaterThan(low));
        Assert.That(values.Where(double.IsFinite), Is.All.GreaterThan(low).And.LessThan(high));
    }

    [Test]
    public void ThinningKeepsLeastAndGreatestOfEachBin()
    {
        foreach (var (count, bins) in new[] { (1000, 30), (997, 100), (61, 30), (10_000, 1) })
        {
            double[] x = [.. Enumerable.Range(0, count).Select(i => (double)i)],
                y = [.. x.Select(v => Math.Sin(v * v))];
            for (var i = count / 2; i < Math.Min(count, (count / 2) + (count / bins)); i++)
                y[i] = double.NaN;
            var (thinX, thinY) = Series.Thin(x, y, bins);
            Assert.That(thinX, Has.Length.EqualTo(thinY.Length).And.Length.LessThanOrEqualTo(2 * bins));
            Assert.That(thinX, Is.Ordered.Ascending);
            for (var k = 0; k < thinX.Length; k++)
                Assert.That(thinY[k], Is.EqualTo(y[(int)thinX[k]]), "a point of the series itself");
            for (var b = 0; b < bins; b++)
            {
                var members = Enumerable
                    .Range(0, count)
                    .Where(i => i >= (long)b * count / bins && i < (long)(b + 1) * count / bins && double.IsFinite(y[i]))
                    .Select(i => y[i])
                    .ToArray();
                if (members.Length == 0)
                    continue;
                Assert.That(thinY, Does.Contain(members.Min()));
                Assert.That(thinY, Does.Contain(members.Max()));
            }
        }
    }

    [Test]
    public void APointBetweenGapsIsSeen()
    {
        var chart = new SvgChart("c", new Axis("step", Minimum: 1, Maximum: 5), new Axis("y", Minimum: 0, Maximum: 40));
        chart.Line(Ink.Forget, [1, 2, 3, 4, 5], [10, double.NaN, 20, double.NaN, double.NaN]);
        var marks = chart.ToElement("t", "d").Descendants().Where(e => e.Attribute("class")?.Value == Inks.Fill(Ink.Forget)).ToArray();
        Assert.That(marks, Has.Length.EqualTo(2));
    }

    [Test]
    public void AShortSeriesIsLeftAlone()
    {
        double[] x = [1, 2, 3],
            y = [3, 1, 2];
        Assert.That(Series.Thin(x, y, 2), Is.EqualTo((x, y)));
    }

    [Test]
    public void SmoothingIsTheMeanOfTheNeighbours() =>
        Assert.That(Series.Smooth([1, 3, double.NaN, 8, 0], 1), Is.EqualTo(new[] { 2, 2, double.NaN, 4, 4 }));

    [Test]
    public void AHistogramCountsEachFiniteValueOnce()
    {
        var shares = Series.Histogram([0, 0.049, 0.05, 0.5, 1, 1, double.NaN, -1e-9], 20);
        Assert.That(shares.Sum(), Is.EqualTo(100).Within(1e-9));
        Assert.That((shares[0], shares[1], shares[10], shares[19]), Is.EqualTo((300 / 7.0, 100 / 7.0, 100 / 7.0, 200 / 7.0)));
        Assert.That(Series.Histogram([double.NaN], 4), Is.All.NaN);
    }

    [TestCase("short", 10, "short")]
    [TestCase("a_very_long_class_name", 9, "a_ve…name")]
    public void LongNamesAreCutInTheMiddle(string name, int length, string expected) =>
        Assert.That(Html.Shorten(name, length), Is.EqualTo(expected));

    [Test]
    public void AMissingDrawingLibraryIsRecognised()
    {
        Exception missing = new DllNotFoundException();
        Assert.That(
            SvgChart.IsMissingLibrary(new TypeInitializationException("a", new TypeInitializationException("b", missing))),
            Is.True
        );
        Assert.That(SvgChart.IsMissingLibrary(new TypeInitializationException("a", new InvalidOperationException("x", missing))), Is.False);
    }
}
