using System.Text.Json;
using Lur.Metrics;
using Lur.Metrics.Generation;
using Lur.Verification.Generation;

namespace Lur.Runs;

/// <summary>What the verify.json of every model that draws has.</summary>
internal static class DrawnJson
{
    /// <summary>A judge.</summary>
    public static void WriteJudge(Utf8JsonWriter w, JudgeFacts judge)
    {
        w.WriteStartObject("judge");
        w.WriteString("path", judge.Path);
        w.WriteString("sha256", judge.Sha256);
        w.WriteString("model", judge.Architecture);
        OutputFolder.WriteValue(w, "testAccuracy", judge.TestAccuracy);
        w.WriteNumber("noise", judge.Noise);
        OutputFolder.WriteValue(w, "noisyTestAccuracy", judge.NoisyAccuracy);
        w.WriteEndObject();
    }

    /// <summary>How images were drawn.</summary>
    public static void WriteSampling(Utf8JsonWriter w, SamplingPlan plan)
    {
        w.WriteStartObject("sampling");
        w.WriteString("sampler", "ddim");
        w.WriteNumber("images", plan.Samples);
        w.WriteNumber("steps", plan.Steps);
        w.WriteNumber("guidance", plan.Guidance);
        w.WriteNumber("seed", plan.Seed);
        w.WriteEndObject();
    }

    /// <summary>Mean and interval of paired differences.</summary>
    public static void WriteDifference(Utf8JsonWriter w, string name, PairedDifference d)
    {
        w.WriteStartObject(name);
        w.WriteNumber("images", d.Count);
        OutputFolder.WriteValue(w, "mean", d.Mean);
        WriteInterval(w, "interval", d.Interval);
        w.WriteEndObject();
    }

    /// <summary>What attacks brought back; nothing where there were none.</summary>
    public static void WriteAttacks(Utf8JsonWriter w, IReadOnlyList<DrawingAttack> attacks)
    {
        if (attacks.Count == 0)
            return;
        w.WriteStartArray("attacks");
        foreach (var attack in attacks)
        {
            w.WriteStartObject();
            w.WriteString("attack", attack.Name);
            w.WriteString("unit", attack.Unit);
            w.WriteNumber("images", attack.Images);
            WriteCurve(w, "unlearned", attack.Points, attack.Unlearned);
            if (attack.Retrained.Count > 0)
                WriteCurve(w, "retrained", attack.Points, attack.Retrained);
            w.WriteEndObject();
        }

        w.WriteEndArray();
    }

    private static void WriteCurve(Utf8JsonWriter w, string name, IReadOnlyList<int> points, IReadOnlyList<double[]> models)
    {
        w.WriteStartArray(name);
        for (var i = 0; i < points.Count; i++)
        {
            var s = SeedSummary.Of([.. models.Select(m => m[i])]);
            w.WriteStartObject();
            w.WriteNumber("at", points[i]);
            OutputFolder.WriteValue(w, "recognised", s.Mean);
            OutputFolder.WriteValue(w, "deviation", s.Deviation);
            w.WriteEndObject();
        }

        w.WriteEndArray();
    }

    /// <summary>An interval.</summary>
    public static void WriteInterval(Utf8JsonWriter w, string name, Interval interval)
    {
        w.WriteStartObject(name);
        OutputFolder.WriteValue(w, "low", interval.Low);
        OutputFolder.WriteValue(w, "high", interval.High);
        w.WriteEndObject();
    }
}
