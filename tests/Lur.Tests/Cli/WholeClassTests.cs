using System.Text.Json;
using Lur.Device;
using Lur.Metrics;
using Lur.Models;
using Lur.Tests.Data;
using Lur.Tests.Device;

namespace Lur.Tests.Cli;

/// <summary>What a run that forgets a whole class reports, computed once more from the samples that it lists.</summary>
public class WholeClassTests
{
    private const int Forgotten = 3;
    private const string Data = "synthetic:train=160,test=120,seed=5";

    [Test]
    public void TheForgottenClassIsLeftOutOfTheTestSetOfAccuracyAndAttack()
    {
        using var temp = new TempFolder();
        Command.Done("train", "--data", Data, "--model", "resnet[1,1]:w4", "--epochs", "4", "--batch", "16", "-o", temp["base"]);
        PreferForgotten(temp["base/model.safetensors"]);
        // One step is enough: the metrics are what is looked at.
        string[] loop = ["--epochs", "1", "--epoch-mode", "min", "--batch", "16", "--trim", "0", "--lr", "1e-4"];
        Command.Done([
            "forget",
            temp["base/model.safetensors"],
            "--data",
            Data,
            "--forget",
            $"class:{Forgotten}",
            .. loop,
            "-o",
            temp["f"],
        ]);
        using var result = JsonDocument.Parse(File.ReadAllText(temp["f/result.json"]));
        Assert.Multiple(() =>
        {
            foreach (var model in new[] { "original", "unlearned" })
                AssertMetrics(result.RootElement, model);
        });
    }

    /// <summary>Makes a model that is surer of the forgotten class than of any other, so that it matters where that class counts.</summary>
    private static void PreferForgotten(string path)
    {
        using var model = ModelFile.Load(path, TestDevices.Default, Precision.Float32);
        var weights = model.Parameters.ToArray();
        weights[model.Parameters.Layout["fc.bias"].Offset + Forgotten] += 0.7;
        model.Parameters.Set(weights);
        ModelFile.Save(model, path);
    }

    private static void AssertMetrics(JsonElement root, string model)
    {
        Predictions Read(string set) => ReadSamples(root.GetProperty("samples").GetProperty(set), model);
        var (forget, retain, test) = (Read("forget"), Read("retain"), Read("test"));
        var kept = test.Where(c => c != Forgotten);
        var reported = root.GetProperty(model);
        void Is(string name, double expected, string what) =>
            Assert.That(reported.GetProperty(name).GetDouble(), NUnit.Framework.Is.EqualTo(expected).Within(1e-9), $"{model}: {what}");
        double Share(Predictions p) => 100.0 * p.Labels.Zip(p.Predicted, (l, q) => l == q ? 1 : 0).Sum() / p.Count;
        Is("ua", 100 - Share(forget), "share of the forget set that is wrong");
        Is("ra", Share(retain), "share of the retain set that is right");
        Is("ta", Share(kept), "share of the other classes' test images that is right");
        Is("forgottenClassTestAccuracy", Share(test.Where(c => c == Forgotten)), "share of the forgotten class's test images");
        var attack = MembershipInference.ForgetEfficacy(retain, kept, forget).Value;
        Is("mia", attack, "attack trained against the other classes' test images");

        // Else the test could not see what it is about.
        Assert.That(Share(kept), NUnit.Framework.Is.Not.EqualTo(Share(test)).Within(0.1));
        Assert.That(attack, NUnit.Framework.Is.Not.EqualTo(MembershipInference.ForgetEfficacy(retain, test, forget).Value).Within(0.1));
    }

    private static Predictions ReadSamples(JsonElement set, string model)
    {
        int[] Integers(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetInt32())];
        float[] Floats(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetSingle())];
        var outcome = set.GetProperty(model);
        return new Predictions(
            Integers(set.GetProperty("index")),
            Integers(set.GetProperty("label")),
            Integers(outcome.GetProperty("predicted")),
            Floats(outcome.GetProperty("confidence")),
            Floats(outcome.GetProperty("loss"))
        );
    }
}
