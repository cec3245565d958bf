using System.Text.Json;
using Lur.Tests.Architecture;
using Lur.Tests.Data;
using Lur.Tests.Reports;

namespace Lur.Tests.Cli;

/// <summary>What runs leave for programs and for people: files of the published schema, a page, a comparison.</summary>
public class ResultFileTests
{
    private const string Data = "synthetic:train=120,test=60,seed=5";

    private static readonly string[] s_definitions =
    [
        "trainResult",
        "forgetResult",
        "denoisingResult",
        "denoisingTrainResult",
        "trainConfig",
        "diffusionTrainConfig",
        "forgetConfig",
    ];

    private static JsonDocument Schema() => JsonDocument.Parse(Repository.Read("docs/result.schema.json"));

    [Test]
    public void RunsLeaveFilesOfTheSchemaAndAPageAndCompare()
    {
        using var temp = new TempFolder();
        var schema = JsonSchema.Open("result.schema.json");
        Assert.That(
            Command.Run("train", "--data", Data, "--model", "resnet[1,1]:w4", "--epochs", "1", "--batch", "24", "-o", temp["base"]).Code,
            Is.Zero
        );
        Conforms(schema, temp["base"], "train");
        foreach (var method in new[] { "lur", "retrain" })
        {
            var (code, _, error) = Command.Run(
                "forget",
                temp["base/model.safetensors"],
                "--data",
                Data,
                "--forget",
                "class:3",
                "--method",
                method,
                "--epochs",
                "1",
                "--batch",
                "24",
                "-o",
                temp[method]
            );
            Assert.That(code, Is.Zero, error);
            Conforms(schema, temp[method], "forget");
            var page = PageReading.Read(File.ReadAllText(temp[method + "/report.html"]));
            Assert.That(
                PageReading.Drawings(page),
                Does.Contain("retain-loss").And.Contain("per-class").And.Contain("confidence-unlearned")
            );
            Assert.That(PageReading.Drawings(page).Contains("second-order"), Is.EqualTo(method == "lur"));
            foreach (var metric in new[] { "UA", "RA", "TA", "FTA", "MIA" })
                Assert.That(page.Descendants("th").Any(h => h.Value.StartsWith(metric, StringComparison.Ordinal)), Is.True, metric);
        }

        var (done, table, _) = Command.Run("compare", temp["lur"], temp["retrain"], "--html", temp["c.html"]);
        Assert.That(done, Is.Zero);
        Assert.That(table, Does.Contain("the reference").And.Contain("LUR"));
        PageReading.Read(File.ReadAllText(temp["c.html"]));
    }

    private static void Conforms(JsonSchema schema, string folder, string command)
    {
        foreach (var file in new[] { "result", "config" })
        {
            var text = File.ReadAllText(Path.Combine(folder, file + ".json"));
            schema.RequireExactly(
                text,
                command + char.ToUpperInvariant(file[0]) + file[1..],
                ["memory", "directory", "imageSize", "split", "precision"]
            );
            using var document = JsonDocument.Parse(text);
            Assert.That(schema.Check(document.RootElement, ""), Is.Empty, "exactly one of them");
        }
    }

    [TestCase("""{"type":"integer"}""", "1.5")]
    [TestCase("""{"type":["number","null"],"maximum":100}""", "101")]
    [TestCase("""{"type":"number","minimum":0}""", "-1")]
    [TestCase("""{"enum":["a","b"]}""", "\"c\"")]
    [TestCase("""{"pattern":"^[0-9a-f]{4}$"}""", "\"12x4\"")]
    [TestCase("""{"items":{"type":"string"},"minItems":1}""", "[1]")]
    [TestCase("""{"items":{"type":"string"},"minItems":1}""", "[]")]
    [TestCase("""{"additionalProperties":{"type":"number"}}""", """{"a":"b"}""")]
    [TestCase("""{"oneOf":[{"type":"number"},{"type":"integer"}]}""", "1")]
    public void TheCheckerRefuses(string schema, string value)
    {
        using JsonDocument s = JsonDocument.Parse(schema),
            v = JsonDocument.Parse(value);
        Assert.That(new JsonSchema(s.RootElement).Check(v.RootElement, ""), Has.Count.EqualTo(1));
    }

    [Test]
    public void AKeywordThatIsNotCheckedIsAnError()
    {
        using JsonDocument s = JsonDocument.Parse("""{"contains":{}}"""),
            v = JsonDocument.Parse("[]");
        Assert.Throws<NotSupportedException>(() => new JsonSchema(s.RootElement).Check(v.RootElement, ""));
    }

    [Test]
    public void TheSchemaKnowsItsFiles()
    {
        using var schema = Schema();
        Assert.That(
            schema.RootElement.GetProperty("oneOf").EnumerateArray().Select(r => r.GetProperty("$ref").GetString()),
            Is.EqualTo(s_definitions.Select(d => "#/$defs/" + d))
        );
    }
}
