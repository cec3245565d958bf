using System.Text.Json;
using Lur.Cli;
using Lur.Tests.Cli;
using Lur.Tests.Data;

namespace Lur.Tests.Reports;

public class DrawnCompareTests
{
    private static Ended Compare(params string[] args) => Command.Run(["compare", .. args]);

    /// <summary>Two seeds of LUR, one run that forgets little, one that breaks what it keeps, a retrained model.</summary>
    private static string[] Folders(TempFolder temp) =>
        [
            new DrawnFixture("lur", 1, 96, 1.25).Losses(0.75, 0.25).Write(temp, "lur1"),
            new DrawnFixture("lur", 2, 100, 1.75).Losses(0.5, 0.375).Write(temp, "lur2"),
            new DrawnFixture("esd", 1, 40, 1.125).Write(temp, "esd"),
            new DrawnFixture("ga", 1, 97, 30, 20).Write(temp, "ga"),
            new DrawnFixture("retrain", 1, 95, 1, 92).Losses(0.5, 0.25).Write(temp, "retrain"),
        ];

    [Test]
    public void NumbersAreThoseOfTheVerificationsAndGapsThoseOfTheLosses()
    {
        using var temp = new TempFolder();
        var (code, output, error) = Compare([.. Folders(temp), "--json"]);
        Assert.That((code, error), Is.EqualTo((ExitCode.Done, "")));
        using var document = JsonDocument.Parse(output);
        var rows = document.RootElement.EnumerateArray().ToDictionary(r => r.GetProperty("name").GetString()!);
        // Ranks by UA 1 (98), 4, 2 and by distance 3 (1.5), 2, 4, Retrain 3 and 1: LUR's mean 2, ESD's and GA's 3, in the order given.
        Assert.That(rows.Keys, Is.EqualTo(new[] { "retrain", "lur", "esd", "ga" }));
        double Number(string method, string column) => rows[method].GetProperty(column).GetDouble();
        foreach (
            var (column, value) in new[]
            {
                ("seeds", 2),
                ("ua", 98.0),
                ("uaStd", 4 / Math.Sqrt(2)),
                ("fd", 1.5),
                ("fdStd", 0.5 / Math.Sqrt(2)),
                ("floor", 0.5),
                ("agreement", 90),
                ("entropy", 0.75),
                ("precision", 0.625),
                ("recall", 0.375),
                // Two images of the star: s and s - 1/16; over both seeds (0.75 + 0.5) / 2 - 1/32.
                ("forgottenLoss", 0.59375),
                ("keptLoss", 0.3125),
                ("forgottenLossGap", 0.125),
                ("keptLossGap", 0.0625),
                ("seconds", 12.25),
            }
        )
            Assert.That(Number("lur", column), Is.EqualTo(value).Within(1e-6), column);
        Assert.That(rows["retrain"].GetProperty("forgottenLossGap").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(
            rows.Select(r => (r.Key, r.Value.GetProperty("verdict").GetString())),
            Is.EqualTo(new[] { ("retrain", "Reference"), ("lur", "MatchesRetrain"), ("esd", "UnderForgotten"), ("ga", "Collapsed") })
        );
    }

    [Test]
    public void TheTableAndThePageSayTheSame()
    {
        using var temp = new TempFolder();
        string csv = temp["out.csv"],
            html = temp["out.html"];
        var (code, output, error) = Compare([.. Folders(temp), "--csv", csv, "--html", html]);
        Assert.That((code, error), Is.EqualTo((ExitCode.Done, "")));
        Assert.That(
            output,
            Does.Contain("98.0 +- 2.8").And.Contain("1.50 +- 0.35").And.Contain("Under-forgotten").And.Contain("the reference")
        );
        Assert.That(
            File.ReadAllLines(csv),
            Has.Length.EqualTo(5).And.Some.StartsWith("lur,LUR,2,98,2.828427,0.75,0,90,0,1.5,0.353553,0.5,0")
        );
        var page = PageReading.Read(File.ReadAllText(html));
        Assert.That(PageReading.Drawings(page), Is.EqualTo(new[] { "trade-off-fd", "trade-off-agreement" }));
        Assert.That(page.Descendants("td").Select(d => d.Value), Does.Contain("98.0 ± 2.8"));
        Assert.That(
            PageReading.Drawing(page, "trade-off-fd").Descendants("text").Select(t => t.Value),
            Is.SupersetOf(new[] { "LUR", "ESD", "Retrain" })
        );
        Assert.That(page.Value, Does.Contain("FD, Fréchet distance of the kept classes"), "the columns are explained");
    }

    [Test]
    public void WithoutARetrainedModelThereIsNoGapAndNoVerdict()
    {
        using var temp = new TempFolder();
        var (_, output, _) = Compare([.. Folders(temp)[..4], "--json"]);
        using var document = JsonDocument.Parse(output);
        foreach (var row in document.RootElement.EnumerateArray())
        {
            Assert.That(row.GetProperty("keptLossGap").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(row.GetProperty("verdict").GetString(), Is.Empty);
        }
    }

    [Test]
    public void ClassifiersAndModelsThatDrawAreNotMixed()
    {
        using var temp = new TempFolder();
        var (a, b) = (new RunFixture().Method("ft").Write(temp, "a"), new DrawnFixture("lur", 1, 96, 1).Write(temp, "b"));
        foreach (var order in new[] { new[] { a, b }, [b, a] })
            Refused($"lur: '{a}' holds a classifier and '{b}' a model that draws, so they have no number in common; ", order);
    }

    [Test]
    public void WhatWasNotVerifiedAlikeIsRefused()
    {
        using var temp = new TempFolder();
        var first = new DrawnFixture("lur", 1, 96, 1).Write(temp, "a");
        Refused(
            $"lur: '{temp["b"]}' was not verified, so nobody knows",
            first,
            new DrawnFixture("esd", 1, 96, 1).Write(temp, "b", verified: false)
        );
        DrawnFixture Other(string part, string field, int value)
        {
            var other = new DrawnFixture("esd", 1, 96, 1);
            other.Verification[part]![field] = value;
            return other;
        }

        Refused($"lur: '{first}' and '{temp["c"]}' were verified by different judges", first, Other("judge", "sha256", 2).Write(temp, "c"));
        foreach (var field in new[] { "images", "steps", "guidance", "seed" })
            Refused(
                $"lur: '{first}' and '{temp[field]}' were verified with other {field}, ",
                first,
                Other("sampling", field, 77).Write(temp, field)
            );
        var together = new DrawnFixture("esd", 1, 96, 1);
        together.Verification["metrics"]![0]!["unlearned"]!["seeds"] = 3;
        Refused($"lur: '{temp["t"]}' was verified together with others", first, together.Write(temp, "t"));
        var data = new DrawnFixture("esd", 1, 96, 1);
        data.Result["forgetSha256"] = "other";
        Refused($"lur: '{first}' and '{temp["d"]}' forgot different samples", first, data.Write(temp, "d"));
    }

    private static void Refused(string sentence, params string[] folders)
    {
        var (code, output, error) = Compare(folders);
        Assert.That((code, output), Is.EqualTo((ExitCode.Failed, "")), error);
        Assert.That(error.Trim(), Does.StartWith(sentence).And.Not.Contain("\n"));
    }
}
