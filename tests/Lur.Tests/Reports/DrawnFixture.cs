using System.Text.Json.Nodes;
using Lur.Tests.Data;

namespace Lur.Tests.Reports;

/// <summary>The folder of a verified run on a model that draws disc, star and ring, and was to forget the star; made by hand.</summary>
internal sealed class DrawnFixture
{
    private static readonly string[] s_classes = ["disc", "star", "ring"];
    private readonly RunFixture _run = new();

    public DrawnFixture(string method, int seed, double ua, double fd, double agreement = 90)
    {
        _run.Method(method, seed);
        _run.Log.Clear();
        _run.Config["options"] = new JsonObject { ["steps"] = 3 };
        foreach (var part in new[] { "original", "unlearned" })
            _run.Result[part] = new JsonObject
            {
                ["forgetLoss"] = 0.1,
                ["retainLoss"] = 0.2,
                ["testLoss"] = 0.3,
            };
        _run.Result["changes"] = new JsonObject();
        _run.Result["forgottenClasses"] = new JsonArray("star");
        _run.Result["requestedClasses"] = new JsonArray("star");
        Losses(star: 0.5, others: 0.25);
        Verification = new JsonObject
        {
            ["schema"] = 1,
            ["kind"] = "generation",
            ["verdict"] = "Withheld",
            ["judge"] = new JsonObject
            {
                ["sha256"] = "j",
                ["model"] = "resnet",
                ["testAccuracy"] = 95,
            },
            ["sampling"] = new JsonObject
            {
                ["images"] = 100,
                ["steps"] = 20,
                ["guidance"] = 2,
                ["seed"] = 1,
            },
            ["metrics"] = new JsonArray(Metric("ua", 5, ua), Metric("agreement", 95, agreement)),
            ["forgotten"] = new JsonArray(
                new JsonObject
                {
                    ["class"] = "star",
                    ["unlearned"] = new JsonObject { ["entropy"] = 0.75 },
                }
            ),
            ["classes"] = new JsonArray([
                .. s_classes.Select(c => new JsonObject
                {
                    ["class"] = c,
                    ["kept"] = c != "star",
                    ["agreement"] = Numbers(95, c == "star" ? 100 - ua : agreement),
                }),
            ]),
            ["keptFeatures"] = new JsonObject
            {
                ["images"] = 200,
                ["floor"] = 0.5,
                ["distance"] = Numbers(1, fd),
                ["precision"] = Numbers(0.75, 0.625),
                ["recall"] = Numbers(0.5, 0.375),
            },
        };
    }

    public JsonObject Verification { get; }

    public JsonObject Result => _run.Result;

    public JsonObject Config => _run.Config;

    /// <summary>Denoising losses of two test images of each class: around the given ones, further apart than nothing.</summary>
    public DrawnFixture Losses(double star, double others)
    {
        JsonArray Of(double s, double o) => new(o, s, o, o, s - 0.0625, o);
        _run.Result["samples"] = new JsonObject
        {
            ["test"] = new JsonObject
            {
                ["index"] = new JsonArray(0, 1, 2, 3, 4, 5),
                ["label"] = new JsonArray(0, 1, 2, 0, 1, 2),
                ["originalLoss"] = Of(0.25, 0.25),
                ["unlearnedLoss"] = Of(star, others),
            },
        };
        return this;
    }

    public string Write(TempFolder temp, string name, bool verified = true)
    {
        _run.Verification = verified ? Verification : null;
        return _run.Write(temp, name);
    }

    private static JsonObject Metric(string name, double original, double unlearned)
    {
        var metric = Numbers(original, unlearned);
        metric["metric"] = name;
        return metric;
    }

    private static JsonObject Numbers(double original, double unlearned) =>
        new()
        {
            ["original"] = original,
            ["unlearned"] = new JsonObject
            {
                ["mean"] = unlearned,
                ["deviation"] = null,
                ["seeds"] = 1,
            },
        };
}
