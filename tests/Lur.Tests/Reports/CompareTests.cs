using System.Text.Json;
using Lur.Cli;
using Lur.Reports;
using Lur.Tests.Cli;
using Lur.Tests.Data;

namespace Lur.Tests.Reports;

public class CompareTests
{
    private static Ended Compare(params string[] args) => Command.Run(["compare", .. args]);

    /// <summary>Two seeds of LUR, one run of FT, a retrained model.</summary>
    private static string[] Folders(TempFolder temp, double? retrainMia = 13) =>
        [
            new RunFixture().Method("lur", 1).Scores(90, 96, 88, 20).Write(temp, "lur1"),
            new RunFixture().Method("lur", 2).Scores(94, 98, 90, 22).Write(temp, "lur2"),
            new RunFixture().Method("ft", 1).Scores(10, 99, 91, 3).Write(temp, "ft"),
            new RunFixture().Method("retrain", 1).Scores(95, 99, 92, retrainMia).Write(temp, "retrain"),
        ];

    [Test]
    public void SeedsBecomeOneRowAndGapsAreThoseOfTheMeans()
    {
        using var temp = new TempFolder();
        var (code, output, error) = Compare([.. Folders(temp), "--json"]);
        Assert.That((code, error), Is.EqualTo((ExitCode.Done, "")));
        using var document = JsonDocument.Parse(output);
        var rows = document.RootElement.EnumerateArray().ToDictionary(r => r.GetProperty("name").GetString()!);
        Assert.That(rows.Keys, Is.EqualTo(new[] { "retrain", "lur", "ft" }), "the reference, then by gap");
        double Number(string method, string column) => rows[method].GetProperty(column).GetDouble();
        // Means 92, 97, 89, 21; two values at distance d have the deviation d / sqrt 2.
        foreach (
            var (column, value) in new[]
            {
                ("seeds", 2),
                ("ua", 92.0),
                ("uaStd", 4 / Math.Sqrt(2)),
                ("ra", 97),
                ("raStd", 2 / Math.Sqrt(2)),
                ("ta", 89),
                ("mia", 21),
                ("gapUa", 3),
                ("gapRa", 2),
                ("gapTa", 3),
                ("gapMia", 8),
                ("gap", 4),
                ("tow", 0.97 * 0.98 * 0.97),
                ("seconds", 12.25),
                ("preparation", 0.25),
                ("memory", 1048576),
            }
        )
            Assert.That(Number("lur", column), Is.EqualTo(value).Within(1e-6), column);
        Assert.That(rows["ft"].GetProperty("uaStd").ValueKind, Is.EqualTo(JsonValueKind.Null), "one seed has no deviation");
        Assert.That(rows["ft"].GetProperty("verdict").GetString(), Is.EqualTo("UnderForgotten"));
        Assert.That(rows["retrain"].GetProperty("gap").ValueKind, Is.EqualTo(JsonValueKind.Null));
    }

    [Test]
    public void TheTableIsAlignedAndNamesTheReference()
    {
        using var temp = new TempFolder();
        var (_, output, _) = Compare(Folders(temp));
        var lines = output.TrimEnd().Split(Environment.NewLine);
        Assert.That(lines, Has.Length.EqualTo(4));
        Assert.That(lines[1], Does.StartWith("Retrain").And.Contain("the reference"));
        Assert.That(lines[2], Does.StartWith("LUR").And.Contain("92.00 +- 2.83 %").And.Contain("12.2 +- 0.0 s").And.Contain("1 MiB"));
        Assert.That(lines[3], Does.StartWith("FT").And.Contain("10.00 %").And.Contain("Under-forgotten"));
    }

    [Test]
    public void WithoutARetrainedModelThereIsNoGap()
    {
        using var temp = new TempFolder();
        var (code, output, error) = Compare([.. Folders(temp)[..3], "--json"]);
        Assert.That((code, error), Is.EqualTo((ExitCode.Done, "")));
        using var document = JsonDocument.Parse(output);
        foreach (var row in document.RootElement.EnumerateArray())
        {
            foreach (var column in new[] { "gap", "tow" })
                Assert.That(row.GetProperty(column).ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(row.GetProperty("verdict").GetString(), Is.Empty);
        }

        Assert.That(Compare(Folders(temp)[..3]).Error, Does.Contain("--method retrain"));
    }

    [Test]
    public void AnotherRunCanBeTheReference()
    {
        using var temp = new TempFolder();
        var folders = Folders(temp);
        var (_, output, _) = Compare(folders[0], folders[1], "--reference", folders[2], "--json");
        using var document = JsonDocument.Parse(output);
        Assert.That(document.RootElement[0].GetProperty("verdict").GetString(), Is.EqualTo("Reference"));
        Assert.That(document.RootElement[1].GetProperty("gapUa").GetDouble(), Is.EqualTo(82));
    }

    [Test]
    public void AMissingAttackLeavesTheGapOpen()
    {
        using var temp = new TempFolder();
        var (_, output, _) = Compare([.. Folders(temp, retrainMia: null), "--json"]);
        using var document = JsonDocument.Parse(output);
        var lur = document.RootElement.EnumerateArray().Single(r => r.GetProperty("name").GetString() == "lur");
        Assert.That(lur.GetProperty("gap").ValueKind, Is.EqualTo(JsonValueKind.Null), "a mean of three is no mean of four");
        Assert.That(lur.GetProperty("gapUa").GetDouble(), Is.EqualTo(3));
        Assert.That(lur.GetProperty("verdict").GetString(), Is.EqualTo("Withheld"));
    }

    [Test]
    public void RunsOfOneMethodWithOtherOptionsAreRowsThatSayInWhat()
    {
        using var temp = new TempFolder();
        var other = new RunFixture().Method("lur", 1);
        other.Config["options"]!["hvp"] = "none";
        var (_, output, _) = Compare(new RunFixture().Method("lur", 1).Write(temp, "a"), other.Write(temp, "b"));
        Assert.That(output, Does.Contain("LUR (hvp exact)").And.Contain("LUR (hvp none)"));
    }

    [TestCase("dataSha256", "were made on different data")]
    [TestCase("forgetSha256", "forgot different samples")]
    [TestCase("parentSha256", "started from different models")]
    public void WhatATableWouldMixIsRefused(string field, string sentence)
    {
        using var temp = new TempFolder();
        var other = new RunFixture().Method("ft");
        other.Result[field] = "something else";
        var (a, b) = (new RunFixture().Write(temp, "a"), other.Write(temp, "b"));
        var (code, output, error) = Compare(a, b);
        Assert.That((code, output), Is.EqualTo((ExitCode.Failed, "")));
        Assert.That(
            error.Trim(),
            Does.StartWith($"lur: '{a}' and '{b}' {sentence}, so their numbers cannot be compared; ").And.Not.Contain("\n")
        );
    }

    [Test]
    public void OlderRunsAreComparedByWhatWasGiven()
    {
        using var temp = new TempFolder();
        var (a, b) = (new RunFixture(), new RunFixture().Method("ft"));
        foreach (var run in new[] { a, b })
        foreach (var field in new[] { "dataSha256", "parentSha256" })
            run.Result.Remove(field);
        var first = a.Write(temp, "a");
        Assert.That(Compare(first, b.Write(temp, "b")).Code, Is.EqualTo(ExitCode.Done));
        b.Config["data"] = "plants";
        Assert.That(Compare(first, b.Write(temp, "c")).Error, Does.Contain("different data"));
    }

    [Test]
    public void TheSameRunTwiceIsNoDeviation()
    {
        using var temp = new TempFolder();
        var (a, b) = (new RunFixture().Write(temp, "a"), new RunFixture().Write(temp, "b"));
        Assert.That(Compare(a, b).Error, Does.Contain("same options and seed (7)"));
        Assert.That(Compare(a, a + "/").Code, Is.EqualTo(ExitCode.Done), "one folder under two names is one run");
    }

    [Test]
    public void TheFilesSayTheSame()
    {
        using var temp = new TempFolder();
        string csv = temp["out.csv"],
            html = temp["out.html"];
        var evil = new RunFixture().Method("<i>\",x", 1).Scores(50, 60, 70, 5).Write(temp, "evil");
        var (code, _, error) = Compare([.. Folders(temp), evil, "--csv", csv, "--html", html]);
        Assert.That((code, error), Is.EqualTo((ExitCode.Done, "")));
        var lines = File.ReadAllLines(csv);
        Assert.That(lines[0], Does.StartWith("name,method,seeds,ua,ua_std,ra,ra_std"));
        Assert.That(
            lines,
            Has.Length.EqualTo(5)
                .And.Some.StartsWith("lur,LUR,2,92,2.828427,97,1.414214")
                .And.Some.StartsWith("\"<i>\"\",x\",\"<i>\"\",x\",1,50,,60")
        );
        var page = PageReading.Read(File.ReadAllText(html));
        Assert.That(PageReading.Drawings(page), Is.EqualTo(new[] { "trade-off-ra", "trade-off-ta", "gaps" }));
        Assert.That(page.Descendants("td").Select(d => d.Value), Does.Contain("92.00 ± 2.83 %"));
        Assert.That(
            PageReading.Drawing(page, "trade-off-ta").Descendants("text").Select(t => t.Value),
            Is.SupersetOf(new[] { "LUR", "FT", "Retrain", "<i>\",x" })
        );
    }

    [Test]
    public void NamesBesidePointsDoNotCoverEachOther()
    {
        var chart = new SvgChart("c", new Axis("x", Minimum: 0, Maximum: 10), new Axis("y", Minimum: 0, Maximum: 10));
        chart.Points(Ink.Retain, [(1, 5, "first"), (1.1, 5.01, "second"), (1.2, 4.99, "third"), (9.9, 5, "at the rim")]);
        var notes = chart
            .ToElement("t", "d")
            .Elements("text")
            .Where(t => t.Attribute("class")?.Value == "note")
            .Select(t =>
                (
                    Text: t.Value,
                    X: double.Parse(t.Attribute("x")!.Value, System.Globalization.CultureInfo.InvariantCulture),
                    Y: double.Parse(t.Attribute("y")!.Value, System.Globalization.CultureInfo.InvariantCulture),
                    Anchor: t.Attribute("text-anchor")!.Value
                )
            )
            .ToArray();
        // Names are about 7 wide a letter: two lie beside each other, or one above the other.
        var boxes = notes
            .Select(n =>
                (n.Y, Left: n.Anchor == "end" ? n.X - (7 * n.Text.Length) : n.X, Right: n.Anchor == "end" ? n.X : n.X + (7 * n.Text.Length))
            )
            .ToArray();
        foreach (var (a, b) in boxes.SelectMany((a, i) => boxes.Take(i).Select(b => (a, b))))
            Assert.That(Math.Abs(a.Y - b.Y) >= 12.8 || a.Right <= b.Left + 0.2 || b.Right <= a.Left + 0.2, $"{a} on {b}");
        Assert.That(notes.Single(n => n.Text == "at the rim").Anchor, Is.EqualTo("end"));
    }
}
