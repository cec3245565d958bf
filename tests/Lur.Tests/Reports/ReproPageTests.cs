using System.Xml.Linq;
using Lur.Reports;
using static Lur.Tests.Reports.ReproFixture;

namespace Lur.Tests.Reports;

public class ReproPageTests
{
    private static readonly string[] s_sweepDrawings =
    [
        "sweep-1-gap",
        "sweep-1-map",
        "sweep-1-ua",
        "sweep-1-ra",
        "sweep-1-ta",
        "sweep-1-mia",
    ];

    private static XElement Read(ReproTable table) => PageReading.Read(ReproPage.Render(table));

    private static string[][] Cells(XElement page) =>
        [
            .. page.Descendants("tbody")
                .First()
                .Elements("tr")
                .Select(r => r.Elements().Select(c => c.Nodes().First() is XText t ? t.Value : "").ToArray()),
        ];

    [Test]
    public void APageSaysWhatWasMeasuredAndHow()
    {
        var page = Read(Full(0.5));
        Assert.That(PageReading.Drawings(page), Is.EqualTo(new[] { "trade-off-ra", "trade-off-ta", "gaps" }.Concat(s_sweepDrawings)));
        Assert.That(
            page.Descendants("dd").Select(d => d.Value),
            Is.SupersetOf(
                new[]
                {
                    "animals",
                    "resnet18:w8",
                    "class:dog, random:10%",
                    "1, 2, 3",
                    "retrain",
                    "some device, 4 threads",
                    "1.2.3+abc",
                    "lur repro made-up --data animals",
                }
            )
        );
        Assert.That(page.Value, Does.Contain("Numbers of no machine.").And.Contain("Sensitivity of lur to alpha and lambda"));
        var rows = Cells(page);
        Assert.That(rows, Has.Length.EqualTo(11));
        Assert.That(
            rows[0],
            Is.EqualTo(new[] { "retrain", "31.00 ± 0.50", "98.00 ± 0.50", "87.00 ± 0.50", "32.00 ± 0.50", "-", "12.5 ± 0.5", "181.4" })
        );
        Assert.That(rows[1][0], Is.EqualTo("lur alpha=0.01 lambda=0.05"), "the smallest gap after the reference");
        Assert.That(rows[^1][0], Is.EqualTo("ft"), "the greatest gap");
    }

    [Test]
    public void ASeedAloneHasNoDeviation() =>
        Assert.That(Read(Full()).Value, Does.Not.Contain("±").And.Not.Contain("Whiskers").And.Contain("31.00"));

    [Test]
    public void TheMapHasEveryGapAndOutlinesTheLeast()
    {
        var svg = PageReading.Drawing(Read(Full()), "sweep-1-map");
        var cells = svg.Elements("rect").Where(r => r.Attribute("class")!.Value.StartsWith("h-", StringComparison.Ordinal)).ToArray();
        var numbers = svg.Elements("text")
            .Where(t => t.Attribute("class")!.Value.StartsWith("cell", StringComparison.Ordinal))
            .Select(t => t.Value)
            .ToArray();
        string[] expected =
        [
            .. Lambdas.SelectMany(
                (_, j) => Alphas.Select((_, i) => GapAt(i, j).ToString("F2", System.Globalization.CultureInfo.InvariantCulture))
            ),
        ];
        Assert.That(numbers, Is.EqualTo(expected));
        double[] across = [.. cells.Select(c => Number(c, "x")).Distinct()],
            down = [.. cells.Select(c => Number(c, "y")).Distinct()];
        Assert.That((across.Length, down.Length), Is.EqualTo((3, 3)));
        Assert.That(down, Is.Ordered.Descending, "the first value is lowest");
        var best = svg.Elements("rect").Single(r => r.Attribute("class")!.Value == "best");
        Assert.That((Number(best, "x"), Number(best, "y")), Is.EqualTo((across[1], down[1])), "alpha 0.01, lambda 0.05");
        // Shades grow with the gap.
        int Shade(int i, int j) =>
            int.Parse(cells[(j * 3) + i].Attribute("class")!.Value[2..], System.Globalization.CultureInfo.InvariantCulture);
        var order = Enumerable.Range(0, 9).OrderBy(k => GapAt(k % 3, k / 3)).Select(k => Shade(k % 3, k / 3)).ToArray();
        Assert.That(order, Is.Ordered.Ascending);
        Assert.That((order[0], order[^1]), Is.EqualTo((0, PageStyle.Shades - 1)));
        Assert.That(
            svg.Element("desc")!.Value,
            Does.Contain("alpha 0, lambda 0.2: 3.88.").And.EndWith("The smallest is at alpha 0.01, lambda 0.05.")
        );
    }

    [Test]
    public void LinesLieWhereTheGapsAreAndZeroHasAPlace()
    {
        var svg = PageReading.Drawing(Read(Full()), "sweep-1-gap");
        foreach (var (ink, j) in new[] { (Ink.First, 0), (Ink.Third, 1), (Ink.Sixth, 2) })
        {
            var corners = svg.Descendants("path")
                .Where(p => p.Attribute("class")?.Value == Inks.Stroke(ink))
                .SelectMany(PageReading.Corners)
                .ToArray();
            Assert.That(corners, Has.Length.EqualTo(3));
            Assert.That(corners[2].X - corners[1].X, Is.EqualTo(corners[1].X - corners[0].X).Within(0.01), "equal distances");
            // The axis starts at 0, so that heights are proportional to the gaps.
            var heights = corners.Select(c => 270 - 40 - c.Y).ToArray();
            for (var i = 0; i < 3; i++)
                Assert.That(heights[i] / heights[0], Is.EqualTo(GapAt(i, j) / GapAt(0, j)).Within(1e-3), $"{ink} {i}");
        }

        Assert.That(
            svg.Elements("text").Where(t => t.Attribute("text-anchor")?.Value == "middle").Select(t => t.Value),
            Is.EqualTo(Alphas)
        );
        var legend = svg.Parent!.Element("ul")!.Elements("li").Select(l => l.Value.Trim());
        Assert.That(legend, Is.EqualTo(Lambdas.Select(l => "lambda " + l)));
    }

    [Test]
    public void MetricsHaveTheReferenceAsADashedLevel()
    {
        var page = Read(Full());
        foreach (
            var (drawing, value) in new[]
            {
                ("sweep-1-ua", "31.00"),
                ("sweep-1-ra", "98.00"),
                ("sweep-1-ta", "87.00"),
                ("sweep-1-mia", "32.00"),
            }
        )
        {
            var svg = PageReading.Drawing(page, drawing);
            Assert.That(svg.Descendants().Count(e => e.Attribute("class")?.Value == "s-8 dashed"), Is.EqualTo(1), drawing);
            Assert.That(svg.Parent!.Element("figcaption")!.Value, Does.StartWith($"Dashed: the retrained model, {value} %"));
        }
    }

    [Test]
    public void WithoutAReferenceThereAreNoGaps()
    {
        var table = Table(SweepRows().Select(r => r with { Gap = Lur.Metrics.SeedSummary.Of([double.NaN]) }), AlphaLambda);
        var page = Read(table);
        Assert.That(PageReading.Drawings(page), Is.EqualTo(new[] { "trade-off-ra", "trade-off-ta" }.Concat(s_sweepDrawings[2..])));
        Assert.That(page.ToString(), Does.Not.Contain("NaN").And.Not.Contain("dashed\""));
        Assert.That(ReproPage.SensitivitySvg(table, AlphaLambda), Does.Not.Contain("NaN"));
    }

    [Test]
    public void WhatWasNotRunLeavesAHole()
    {
        // One combination is missing, another has no attack and therefore no gap.
        var rows = SweepRows()
            .Where(r => r.Label != "lur alpha=0.1 lambda=0.2")
            .Select(r =>
                r.Label != "lur alpha=0 lambda=0.01"
                    ? r
                    : r with
                    {
                        Membership = Lur.Metrics.SeedSummary.Of([double.NaN]),
                        Gap = Lur.Metrics.SeedSummary.Of([double.NaN]),
                    }
            );
        var page = Read(Table([.. rows, Row("retrain", "retrain", 31, 98, 87, 32, 0)], AlphaLambda));
        var map = PageReading.Drawing(page, "sweep-1-map");
        Assert.That(
            map.Elements("text").Where(t => t.Attribute("class")?.Value == "missing").Select(t => t.Value),
            Is.EqualTo(new[] { "-", "-" })
        );
        Assert.That(
            map.Elements("text").Count(t => t.Attribute("class")!.Value.StartsWith("cell", StringComparison.Ordinal)),
            Is.EqualTo(7)
        );
        Assert.That(page.ToString(), Does.Not.Contain("NaN"));
        Assert.That(Cells(page)[^1][0], Is.EqualTo("lur alpha=0 lambda=0.01"), "no gap, so last");
    }

    [Test]
    public void OneOptionGivesLinesAndNoMap()
    {
        var rows = SweepRows().Where(r => r.Options["lambda"] == "0.05").Append(Row("retrain", "retrain", 31, 98, 87, 32, 0));
        var page = Read(Table(rows, Sweep(("alpha", Alphas))));
        Assert.That(
            PageReading.Drawings(page).Where(d => d.StartsWith("sweep", StringComparison.Ordinal)),
            Is.EqualTo(s_sweepDrawings.Where(d => d != "sweep-1-map"))
        );
        Assert.That(page.Descendants("h2").Last().Value, Is.EqualTo("Sensitivity of lur to alpha"));
    }

    [Test]
    public void MoreThanTwoOptionsStandInASortedTable()
    {
        var sweep = Sweep(("alpha", Alphas), ("lambda", Lambdas), ("epochs", ["3"]));
        var table = Table([.. SweepRows(), Row("retrain", "retrain", 31, 98, 87, 32, 0)], sweep);
        var page = Read(table);
        Assert.That(PageReading.Drawings(page), Has.None.StartsWith("sweep"));
        var section = page.Descendants("section").Last();
        Assert.That(section.Element("p")!.Value, Does.StartWith("The sweep varies 3 options"));
        Assert.That(
            section.Descendants("tbody").Single().Elements().Select(r => r.Element("th")!.Nodes().OfType<XText>().First().Value),
            Is.EqualTo(
                Enumerable.Range(0, 9).OrderBy(k => GapAt(k / 3, k % 3)).Select(k => $"lur alpha={Alphas[k / 3]} lambda={Lambdas[k % 3]}")
            )
        );
        Assert.That(ReproPage.SensitivitySvg(table, sweep), Is.Null);
    }

    [Test]
    public void NamesAreTextWhateverTheyAre()
    {
        const string evil = "</style><script>&\"";
        var page = Read(
            Full() with
            {
                Description = evil,
                Machine = evil,
                Rows = [Row(evil, evil, 1, 2, 3, 4, 5, options: ("a", evil)), Row("retrain", "retrain", 31, 98, 87, 32, 0)],
                Sweeps = [],
            }
        );
        Assert.That(page.Descendants("dd").Select(d => d.Value), Does.Contain(evil));
        Assert.That(page.Descendants("th").Select(d => d.Value), Has.Some.EqualTo(evil + "a " + evil));
        var label = new ReproSweep(evil, [new SweepAxis(evil, [evil, "b"])], ["x"]);
        var svg = ReproPage.SensitivitySvg(Table([Row("x", evil, 1, 2, 3, 4, 5, options: (evil, evil))], label), label)!;
        Assert.That(XDocument.Parse(svg).Descendants().Select(e => e.Name.LocalName), Has.None.EqualTo("script"));
    }

    [Test]
    public void TheSameNumbersGiveTheSameBytes()
    {
        Assert.That(ReproPage.Render(Full(0.5)), Is.EqualTo(ReproPage.Render(Full(0.5))));
        Assert.That(ReproPage.SensitivitySvg(Full(), AlphaLambda), Is.EqualTo(ReproPage.SensitivitySvg(Full(), AlphaLambda)));
    }

    [Test]
    public void TheSheetStandsAlone()
    {
        var text = ReproPage.SensitivitySvg(Full(0.5), AlphaLambda)!;
        var svg = XDocument.Parse(text).Root!;
        Assert.That(
            svg.DescendantsAndSelf().Select(e => e.Name.NamespaceName).Distinct(),
            Is.EqualTo(new[] { "http://www.w3.org/2000/svg" })
        );
        Assert.That(
            text.Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal),
            Does.Not.Match(@"https?:|\bsrc=|\bhref|@import|url\((?!#)|data:|NaN")
        );
        Assert.That(svg.Descendants().Attributes("id").Select(a => a.Value), Is.Unique);
        XElement[] inner = [.. svg.Elements().Where(e => e.Name.LocalName == "svg")];
        Assert.That(inner, Has.Length.EqualTo(6));
        var sheet = svg.Elements().Single(e => e.Attribute("class")?.Value == "sheet");
        foreach (var panel in inner)
        {
            Assert.That(Number(panel, "x") + Number(panel, "width"), Is.LessThan(Number(sheet, "width")));
            Assert.That(Number(panel, "y") + Number(panel, "height"), Is.LessThan(Number(sheet, "height")));
        }

        // Every class has its rule within the file.
        var style = svg.Elements().Single(e => e.Name.LocalName == "style").Value;
        foreach (
            var name in svg.Descendants()
                .Attributes("class")
                .SelectMany(a => a.Value.Split(' '))
                .Distinct()
                .Except(["tick", "axis", "missing"])
        )
            Assert.That(style, Does.Contain("." + name + " ").Or.Contain("." + name + "."), name);
    }
}
