using System.Xml.Linq;
using Lur.Cli;
using Lur.Reports;
using Lur.Runs;
using Lur.Tests.Cli;
using Lur.Tests.Data;

namespace Lur.Tests.Reports;

public class ForgetPageTests
{
    private static readonly string[] s_stepCharts =
    [
        "retain-loss",
        "forget-loss",
        "forget-accuracy",
        "cosine",
        "second-order",
        "gradients",
        "look-ahead",
    ];

    private static string Render(RunFixture fixture)
    {
        using var temp = new TempFolder();
        using var run = RunFolder.Open(fixture.Write(temp));
        return ForgetPage.Render(run);
    }

    [Test]
    public void APageHasEveryDrawingItsDataAllow()
    {
        var fixture = new RunFixture { Verification = RunFixture.Verified() };
        var page = PageReading.Read(Render(fixture));
        Assert.That(
            PageReading.Drawings(page),
            Is.EqualTo(
                new[] { "per-class", "confidence-original", "confidence-unlearned", "trade-off", "relearning-0", "relearning-4" }.Concat(
                    s_stepCharts
                )
            )
        );
        foreach (
            var fact in new[]
            {
                "LUR",
                "resnet18:w8",
                "animals",
                "class:dog",
                "4 of 16 images",
                "some device",
                "1.2.3",
                "1 MiB",
                "3.25 (L2), 12.5 %",
                "97.50 %",
                "+87.50",
                "−2.75",
                "99.50 ± 0.25 %",
                "−2.00 (1.50)",
                "97.00 %",
                "1.25 points",
                "0.9876",
                "Under-forgotten: because.",
                "Confidence attack",
                "55.50 ± 2.25",
                "0.5325",
                "Loss attack",
                "yes: on the forget set the accuracy is worse than Retrain's",
                "RTE12.25",
                "98.0 %",
            }
        )
            Assert.That(page.Value, Does.Contain(fact));
        Assert.That(page.Value, Does.Contain("1 of 5 steps were skipped"));
    }

    [Test]
    public void TheRetrainedModelsCurvesAreDashed()
    {
        var svg = PageReading.Drawing(PageReading.Read(Render(new RunFixture { Verification = RunFixture.Verified() })), "relearning-0");
        var lines = svg.Descendants("path")
            .Where(p => p.Attribute("class")?.Value is "s-4" or "s-5" or "s-4 dashed" or "s-5 dashed" && PageReading.Corners(p).Length > 1)
            .Select(p => p.Attribute("class")!.Value);
        // The last curve has one value: a point and no line.
        Assert.That(lines, Is.EqualTo(new[] { "s-4", "s-5", "s-4 dashed" }));
        Assert.That(svg.Element("desc")!.Value, Does.Contain("forget set, Retrain: from 0 to 5"));
        // The band of the reference's forget accuracy: from 0 (not -0.5) to 0.5 at the start, from 3 to 7 at the end.
        var band = PageReading.Corners(svg.Descendants("path").Single(p => p.Attribute("class")?.Value == "f-4"));
        double Y(double accuracy) => 26 + ((103 - accuracy) / 106 * (270 - 26 - 40));
        Assert.That(band.Select(c => c.Y).Distinct().Order(), Is.EqualTo(new[] { Y(7), Y(3), Y(0.5), Y(0) }).Within(0.1));
    }

    [Test]
    public void APageOfLittleHasNoEmptyDrawings()
    {
        var fixture = new RunFixture();
        fixture.Log.Clear();
        foreach (var field in new[] { "samples", "seconds" })
            fixture.Result.Remove(field);
        foreach (var model in new[] { "original", "unlearned" })
        foreach (var field in new[] { "perClassTestAccuracy", "ta" })
            fixture.Result[model]!.AsObject().Remove(field);
        var page = PageReading.Read(Render(fixture));
        Assert.That(PageReading.Drawings(page), Is.Empty);
        Assert.That(page.Descendants("h2").Select(h => h.Value), Is.EqualTo(new[] { "Outcome", "The run" }));
    }

    [TestCase("")]
    [TestCase("NaN")]
    [TestCase("Infinity")]
    public void AColumnWithoutNumbersIsNotDrawn(string cell)
    {
        var fixture = new RunFixture();
        fixture.Log.RemoveRange(1, fixture.Log.Count - 1);
        fixture.Log.AddRange([$"1,1,0.5,{cell},,,,{cell},,,,0,", $"2,1,{cell},{cell},,,,{cell},,,,0,", $"3,1,0.25,{cell},,,,{cell},,,,0,"]);
        var page = PageReading.Read(Render(fixture));
        Assert.That(PageReading.Drawings(page).Intersect(s_stepCharts), Is.EqualTo(new[] { "retain-loss" }));
        foreach (var word in new[] { "NaN", "Infinity", "∞" })
            Assert.That(page.ToString().Contains(word, StringComparison.Ordinal), Is.False, word);
    }

    [Test]
    public void NamesAreTextWhateverTheyAre()
    {
        const string name = "<b>&\"x'\u0001\ud800",
            shown = "<b>&\"x'\uFFFD\uFFFD";
        var fixture = new RunFixture();
        foreach (var model in new[] { "original", "unlearned" })
        {
            var classes = fixture.Result[model]!["perClassTestAccuracy"]!.AsObject();
            var value = classes["dog"]!.GetValue<int>();
            classes.Remove("dog");
            classes["<b>&\"x'\u0001"] = value;
        }

        fixture.Config["model"] = "</style><script>alert(1)</script>";
        fixture.Config["forget"] = new System.Text.Json.Nodes.JsonArray("glob:<img onerror=x>");
        fixture.Config["options"]!["evil"] = "--></main>]]>";
        var page = PageReading.Read(Render(fixture));
        Assert.That(Html.Clean(name), Is.EqualTo(shown));
        Assert.That(PageReading.Drawing(page, "per-class").Descendants("text").Select(t => t.Value), Does.Contain("<b>&\"x'\uFFFD"));
        Assert.That(page.Descendants("dd").Select(d => d.Value), Has.Some.Contains("</style><script>alert(1)</script>"));
        Assert.That(page.Descendants("dd").Select(d => d.Value), Has.Some.Contains("glob:<img onerror=x>"));
        Assert.That(page.Descendants("td").Select(d => d.Value), Does.Contain("--></main>]]>"));
    }

    [Test]
    public void ThePageOpensWithWhatWasForgottenAndHowItCameOut()
    {
        var page = PageReading.Read(Render(new RunFixture { Verification = RunFixture.Verified() }));
        Assert.That(page.Descendants("h1").Single().Value, Is.EqualTo("dog, 4 images"));
        Assert.That(page.Descendants("title").First().Value, Is.EqualTo("dog, 4 images: forgotten by LUR"));
        string[] opening = [.. page.Descendants("header").Single().Elements("p").Select(p => p.Value)];
        Assert.That(
            opening[1],
            Is.EqualTo(
                "dog (4 images) is no longer recognised: accuracy on them 2.5 %, 90.0 % before; test accuracy of the other classes 87.3 %, "
                    + "90.0 % before; most was lost by the class 'cat', 45.5 points."
            )
        );
        Assert.That(opening[2], Does.EndWith("Under-forgotten: because."));
        // Hashes and devices are for the end.
        Assert.That(page.Descendants("h2").Select(h => h.Value).Last(), Is.EqualTo("The run"));
        Assert.That(page.Descendants("header").Single().Value, Does.Not.Contain("abc123").And.Not.Contain("some device"));
    }

    [Test]
    public void StepsToRecoverStandBesideRetrains()
    {
        var fixture = new RunFixture { Verification = RunFixture.Verified() };
        var attacks = fixture.Verification["relearning"]!.AsArray();
        (attacks[0]!["recoverySteps"], attacks[0]!["referenceRecoverySteps"]) = (10, null);
        attacks[1]!["recoverySteps"] = 10;
        var text = PageReading.Read(Render(fixture)).Value;
        Assert.That(text, Does.Contain("retain set only10not within the attack").And.Contain("4 forget samples in every batch10-"));
    }

    [Test]
    public void BarsAreAsLongAsTheirNumbers()
    {
        var svg = PageReading.Drawing(PageReading.Read(Render(new RunFixture())), "per-class");
        double Width(XElement e) => double.Parse(e.Attribute("width")!.Value, System.Globalization.CultureInfo.InvariantCulture);
        double[] Of(Ink ink) => [.. svg.Descendants("rect").Where(r => r.Attribute("class")?.Value == Inks.Fill(ink)).Select(Width)];
        var left = 24 + (8 * 4);
        var unit = (480 - left - 14) / 100.0;
        // fox has no test image: its bars have no length.
        Assert.That(
            Of(Ink.Original),
            Is.EqualTo(new[] { 91 * unit, 88 * unit, 0 }).Within(0.01).Or.EqualTo(new[] { 91 * unit, 88 * unit }).Within(0.01)
        );
        Assert.That(Of(Ink.Unlearned).Where(w => w > 0), Is.EqualTo(new[] { 45.5 * unit }).Within(0.01));
        Assert.That(Of(Ink.Forget), Is.EqualTo(new[] { 2 * unit }).Within(0.01));
        Assert.That(svg.Descendants("text").Single(t => t.Attribute("class")?.Value == "tick marked").Value, Is.EqualTo("dog"));
    }

    [Test]
    public void TheTestHistogramLeavesForgottenClassesOut()
    {
        var svg = PageReading.Drawing(PageReading.Read(Render(new RunFixture())), "confidence-unlearned");
        // Of the test images of cat (0.4), dog (0.02) and fox (0.7) the dog is left out: nothing stands in the lowest bin.
        Assert.That(svg.Element("desc")!.Value, Does.Contain("test, kept classes: 0 % in the lowest bin, 0 % in the highest."));
        Assert.That(
            svg.Element("desc")!.Value,
            Does.Contain("forget: 100 % in the lowest bin"),
            "a confidence that is missing is no sample"
        );
    }

    [Test]
    public void ALongRunMakesASmallPage()
    {
        double[] loss = [.. Enumerable.Range(0, 20_000).Select(i => 1 + Math.Sin(i * 0.7) + (i == 12_345 ? 40 : 0))];
        var text = Render(new RunFixture().LongLog(loss));
        Assert.That(text.Length, Is.LessThan(150_000));
        var svg = PageReading.Drawing(PageReading.Read(text), "retain-loss");
        Assert.That(svg.Element("desc")!.Value, Does.Contain("greatest 41"));
        var raw = svg.Descendants("path").First(p => p.Attribute("class")?.Value == "s-3");
        // The peak of a single step still reaches the top of the drawing: a margin of 5 % below it.
        Assert.That(PageReading.Corners(raw).Min(c => c.Y), Is.EqualTo(26 + ((270 - 26 - 40) * 0.05 / 1.1)).Within(1));
    }

    [Test]
    public void TheCommandWritesThePageAgainToTheByte()
    {
        using var temp = new TempFolder();
        var folder = new RunFixture().Write(temp);
        var (code, output, error) = Command.Run("report", folder);
        Assert.That((code, output.Trim(), error), Is.EqualTo((ExitCode.Done, Path.Combine(folder, "report.html"), "")));
        var first = File.ReadAllBytes(output.Trim());
        Command.Run("report", folder);
        Assert.That(File.ReadAllBytes(output.Trim()), Is.EqualTo(first));
    }

    [TestCase("result.json", null, "result.json' is missing")]
    [TestCase("result.json", "{", "result.json' is no JSON (line 1)")]
    [TestCase("result.json", "[]", "result.json' is not a JSON object")]
    [TestCase("result.json", """{"command":"train"}""", "a run of 'lur train'")]
    [TestCase("config.json", null, "config.json' is missing")]
    [TestCase("log.csv", "step,loss\n1\n", "1 cells in line 2 and 2 in its heading")]
    [TestCase("log.csv", "step,loss\n1,oops\n", "'oops' in line 2, column loss")]
    public void ADamagedFolderIsOneSentence(string file, string? content, string expected)
    {
        using var temp = new TempFolder();
        var folder = new RunFixture().Write(temp);
        if (content is null)
            File.Delete(Path.Combine(folder, file));
        else
            File.WriteAllText(Path.Combine(folder, file), content);
        var (code, output, error) = Command.Run("report", folder);
        Assert.That((code, output), Is.EqualTo((ExitCode.Failed, "")));
        Assert.That(error.Trim(), Does.StartWith("lur: ").And.Contain(expected).And.Not.Contain("\n"));
    }
}
