using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Lur.Tests.Data;

namespace Lur.Tests.Reports;

/// <summary>The folder of a forgetting run, written by hand: what a report or a comparison reads.</summary>
internal sealed class RunFixture
{
    public const string LogHeader =
        "step,epoch,retain_loss,forget_loss,forget_accuracy,retain_gradient,forget_gradient,cosine,second_order_share,"
        + "parameter_norm,look_ahead_norm,skipped,forget_loss_at_theta";

    public JsonObject Result { get; } =
        JsonNode
            .Parse(
                """
                {
                  "schema": 1, "command": "forget", "method": "lur", "forgetImages": 4, "retainImages": 12,
                  "forgetSha256": "abc123", "dataSha256": "data1", "parentSha256": "base1", "forgottenClasses": ["dog"], "steps": 5,
                  "seconds": { "evaluate original": 1.5, "trim": 0.25, "repair": 12, "evaluate unlearned": 2 },
                  "memory": { "deviceBytes": 1048576, "hostPeakBytes": 2 },
                  "original": { "ua": 10, "ra": 98, "ta": 90, "forgottenClassTestAccuracy": 88, "perClassTestAccuracy": { "cat": 91,
                    "dog": 88, "fox": null } },
                  "unlearned": { "ua": 97.5, "ra": 96, "ta": 87.25, "forgottenClassTestAccuracy": 2,
                    "perClassTestAccuracy": { "cat": 45.5, "dog": 2, "fox": null } },
                  "samples": {
                    "forget": { "index": [0, 1], "label": [1, 1], "original": { "confidence": [0.9, 0.99] },
                      "unlearned": { "confidence": [0.01, null] } },
                    "retain": { "index": [2, 3], "label": [0, 2], "original": { "confidence": [0.95, 0.97] },
                      "unlearned": { "confidence": [0.9, 1] } },
                    "test": { "index": [0, 1, 2], "label": [0, 1, 2], "original": { "confidence": [0.5, 0.6, 0.7] },
                      "unlearned": { "confidence": [0.4, 0.02, 0.7] } }
                  }
                }
                """
            )!
            .AsObject();

    public JsonObject Config { get; } =
        JsonNode
            .Parse(
                """
                {
                  "command": "forget", "method": "lur", "version": "1.2.3", "model": "base/model.safetensors",
                    "architecture": "resnet18:w8",
                  "data": "animals", "dataFormat": "folder", "device": "some device", "forget": ["class:dog"], "seed": 7,
                    "options": { "lambda": 0.05, "hvp": "exact" }
                }
                """
            )!
            .AsObject();

    /// <summary>verify.json; null for none.</summary>
    public JsonObject? Verification { get; set; }

    /// <summary>What 'lur verify' leaves.</summary>
    public static JsonObject Verified() =>
        JsonNode
            .Parse(
                """
                {
                  "schema": 1, "verdict": "UnderForgotten", "sentence": "Under-forgotten: because.", "averageGap": 1.25, "tow": 0.9876,
                    "references": ["r"], "weightDistance": { "distance": 3.25, "relative": 0.125 },
                  "metrics": [
                    { "metric": "ua", "original": 10, "unlearned": { "mean": 97.5, "deviation": null, "seeds": 1 },
                      "retrained": { "mean": 99.5, "deviation": 0.25, "seeds": 3 }, "gap": -2, "band": 1.5 },
                    { "metric": "ra", "original": 98, "unlearned": { "mean": 96, "deviation": null, "seeds": 1 },
                      "retrained": { "mean": 97, "deviation": null, "seeds": 1 }, "gap": -1, "band": 3 }
                  ],
                  "overForgetting": { "belowRetrain": true, "lossAboveRetrain": false, "belowChance": true, "lossAboveChance": true },
                  "attacks": [
                    { "attack": "confidence", "efficacy": { "original": 12.5,
                      "unlearned": { "mean": 60, "deviation": null, "seeds": 1 },
                      "retrained": { "mean": 55.5, "deviation": 2.25, "seeds": 3 } },
                      "accuracy": { "original": 0.625, "unlearned": { "mean": 0.5325, "deviation": null, "seeds": 1 } } },
                    { "attack": "loss", "accuracy": { "original": null, "unlearned": { "mean": 0.5, "deviation": null, "seeds": 1 } } }
                  ],
                  "relearning": [
                    {
                      "shots": 0,
                      "points": [{ "step": 0, "forgetAccuracy": 2, "testAccuracy": 87 },
                        { "step": 10, "forgetAccuracy": 60, "testAccuracy": 88 }],
                      "reference": [{ "step": 0, "forgetAccuracy": 0, "forgetDeviation": 0.5, "testAccuracy": 88 },
                        { "step": 10, "forgetAccuracy": 5, "forgetDeviation": 2, "testAccuracy": null }]
                    },
                    { "shots": 4, "points": [{ "step": 0, "forgetAccuracy": 3, "testAccuracy": 86 },
                      { "step": 10, "forgetAccuracy": 70, "testAccuracy": 85 }] }
                  ]
                }
                """
            )!
            .AsObject();

    public List<string> Log { get; } =
    [
        LogHeader,
        "1,1,2.5,-1,80,1.5,2,0.5,0.02,100,0.01,0,",
        "2,1,1.5,-2,60,1.25,2.5,0.25,0.03,100,0.01,0,",
        "3,1,1,-3,40,1,3,-0.25,0.01,100,0.01,0,",
        "4,2,,,,,,,,100,,1,",
        "5,2,0.5,-4,20,0.75,3.5,0,0.02,100,0.02,0,",
    ];

    /// <summary>Sets the metrics of the unlearned model.</summary>
    public RunFixture Scores(double ua, double ra, double ta, double? mia = null)
    {
        var unlearned = Result["unlearned"]!;
        (unlearned["ua"], unlearned["ra"], unlearned["ta"]) = (ua, ra, ta);
        if (mia is not null)
            unlearned["mia"] = mia;
        return this;
    }

    public RunFixture Method(string method, int seed = 7)
    {
        Result["method"] = method;
        Config["method"] = method;
        Config["seed"] = seed;
        return this;
    }

    /// <summary>Replaces the log by one of many steps; the retain loss is given, the other columns are empty.</summary>
    public RunFixture LongLog(IReadOnlyList<double> retainLoss)
    {
        Log.RemoveRange(1, Log.Count - 1);
        for (var i = 0; i < retainLoss.Count; i++)
            Log.Add(string.Create(CultureInfo.InvariantCulture, $"{i + 1},1,{retainLoss[i]:R},,,,,,,,,0,"));
        return this;
    }

    /// <summary>Writes the files and returns the folder.</summary>
    public string Write(TempFolder temp, string name = "run")
    {
        var log = new StringBuilder();
        foreach (var line in Log)
            log.Append(line).Append('\n');
        temp.Write(name + "/result.json", Result.ToJsonString());
        temp.Write(name + "/config.json", Config.ToJsonString());
        if (Verification is not null)
            temp.Write(name + "/verify.json", Verification.ToJsonString());
        if (Log.Count > 0)
            temp.Write(name + "/log.csv", log.ToString());
        return temp[name];
    }
}
