using System.Xml.Linq;
using Lur.Reports;

namespace Lur.Tests.Reports;

public class FocusTests
{
    [Test]
    public void OneThatIsFarOffDoesNotSpreadTheAxis()
    {
        var range = Focus.Of([98, 99, 97.5, 98.5, 10, double.NaN], 99);
        Assert.That((range.Low, range.High), Is.EqualTo((97, 99.5)));
        Assert.That(Focus.IsOutside(10, range) && !Focus.IsOutside(97.5, range));
        Assert.That(Focus.Clamp(10, range), Is.EqualTo(97.05).Within(1e-9));
        Assert.That(Focus.Clamp(98, range), Is.EqualTo(98));
    }

    [TestCase(new[] { 98.0, 99, 97, 96, 95.5, 94.5 }, 99, TestName = "within five points")]
    [TestCase(new[] { 90.0, 80, 70, 60, 50, 40 }, 99, TestName = "all spread out")]
    [TestCase(new[] { 98.0, 99, 10 }, 99, TestName = "too few to say what is usual")]
    [TestCase(new double[0], double.NaN, TestName = "none")]
    public void OthersKeepTheWholeRange(double[] values, double centre)
    {
        var range = Focus.Of(values, centre);
        Assert.That((range.Low, range.High), Is.EqualTo((double.NaN, double.NaN)));
        Assert.That(values.Any(v => Focus.IsOutside(v, range)), Is.False);
        Assert.That(Focus.Clamp(7, range), Is.EqualTo(7));
    }

    [Test]
    public void WhatTheDrawingLeavesOutIsNamedAtTheRim()
    {
        var rows = Enumerable
            .Range(0, 6)
            .Select(i => ReproFixture.Row($"m{i}", "ft", 30 + i, 98 - (0.25 * i), 90, 30, 1))
            .Append(ReproFixture.Row("ga", "ga", 33, 12.25, 11, 30, 40))
            .Append(ReproFixture.Row("retrain", "retrain", 32, 98, 90, 30, 0));
        var page = PageReading.Read(ReproPage.Render(ReproFixture.Table(rows)));
        var svg = PageReading.Drawing(page, "trade-off-ra");
        Assert.That(svg.Elements("text").Select(t => t.Value), Does.Contain("ga: RA 12.3 ↓").Or.Contain("ga: RA 12.2 ↓"));
        // The ticks are those of the crowd.
        Assert.That(
            svg.Elements("text").Where(t => t.Attribute("class")?.Value == "tick").Select(t => t.Value),
            Does.Not.Contain("20").And.Contain("97")
        );
        var bars = PageReading.Drawing(page, "gaps");
        Assert.That(bars.Elements("text").Select(t => t.Value), Does.Contain("85.8 →").Or.Contain("85.7 →"));
        Assert.That(
            bars.Elements("rect").Count(r => r.Attribute("class")?.Value == "backing"),
            Is.EqualTo(1),
            "the others are drawn to their ends"
        );
        Assert.That(bars.Parent!.Element("figcaption")!.Value, Does.Contain("number at the rim"));
    }

    [Test]
    public void NamesOfACrowdLieWithinTheDrawingAndApart()
    {
        var rows = Enumerable
            .Range(0, 17)
            .Select(i => ReproFixture.Row($"boundary-shrink-{i}", "x", 30 + (0.2 * (i % 4)), 97 + (0.1 * (i % 5)), 90, 30, i))
            .ToArray();
        var svg = PageReading.Drawing(PageReading.Read(ReproPage.Render(ReproFixture.Table(rows))), "trade-off-ra");
        var height = double.Parse(svg.Attribute("viewBox")!.Value.Split(' ')[3], System.Globalization.CultureInfo.InvariantCulture);
        XElement[] notes = [.. svg.Elements("text").Where(t => t.Attribute("class")?.Value == "note")];
        Assert.That(notes, Has.Length.EqualTo(17));
        var boxes = notes
            .Select(n =>
                (
                    Left: ReproFixture.Number(n, "x") - (n.Attribute("text-anchor")!.Value == "end" ? 7 * n.Value.Length : 0),
                    Length: 7 * n.Value.Length,
                    Y: ReproFixture.Number(n, "y")
                )
            )
            .ToArray();
        Assert.That(
            boxes,
            Is.All.Matches<(double Left, int Length, double Y)>(b =>
                b.Left >= 51 && b.Left + b.Length <= 481 && b.Y > 26 && b.Y < height - 40
            )
        );
        for (var a = 0; a < boxes.Length; a++)
        {
            for (var b = 0; b < a; b++)
                Assert.That(
                    Math.Abs(boxes[a].Y - boxes[b].Y) >= 12.8
                        || boxes[a].Left + boxes[a].Length <= boxes[b].Left + 0.2
                        || boxes[b].Left + boxes[b].Length <= boxes[a].Left + 0.2,
                    $"{notes[a].Value} on {notes[b].Value}"
                );
        }
    }

    [Test]
    public void ALineThatLeavesTheDrawingSaysHowFarItGoes()
    {
        var rows = ReproFixture
            .SweepRows()
            .Select((r, i) => i == 8 ? r with { Retain = new(12, double.NaN, 1) } : r)
            .Append(ReproFixture.Row("retrain", "retrain", 31, 98, 87, 32, 0));
        var table = ReproFixture.Table(rows, ReproFixture.AlphaLambda);
        Assert.That(
            PageReading.Drawing(PageReading.Read(ReproPage.Render(table)), "sweep-1-ra").Parent!.Element("figcaption")!.Value,
            Does.Contain("go as far as 12.0 %.")
        );
        Assert.That(
            ReproPage.SensitivitySvg(table, ReproFixture.AlphaLambda),
            Does.Contain(">lines that leave the drawing go as far as 12.0 %<")
        );
    }

    [Test]
    public void GapsOfSeveralMagnitudesHaveALogarithmicAxis()
    {
        // Whiskers down to 0 and below have no place on it and go to the rim.
        var rows = ReproFixture.SweepRows(2).Select((r, i) => i == 0 ? r with { Gap = new(60, 2, 3) } : r);
        var svg = PageReading.Drawing(
            PageReading.Read(ReproPage.Render(ReproFixture.Table(rows, ReproFixture.AlphaLambda))),
            "sweep-1-gap"
        );
        Assert.That(
            svg.Elements("text").Select(t => t.Value),
            Does.Contain("average gap, points (log)").And.Contain("5").And.Contain("50")
        );
        var lowest = svg.Descendants("path")
            .Where(p => p.Attribute("class")?.Value == Inks.Stroke(Ink.Third))
            .SelectMany(PageReading.Corners)
            .Max(c => c.Y);
        Assert.That(lowest, Is.EqualTo(270 - 40).Within(0.1));
    }
}
