using System.Text.Json;
using Lur.Metrics;

namespace Lur.Runs;

/// <summary>verify.json; docs/verify.schema.json describes it.</summary>
public static class VerifyFiles
{
    /// <summary>Name of the file in the folder of the first run.</summary>
    public const string FileName = "verify.json";

    /// <summary>Writes the file.</summary>
    /// <param name="folder">Folder of the first run.</param>
    /// <param name="o">What was found.</param>
    /// <param name="model">Hash of the first run's model; empty where the run did not record it.</param>
    internal static void Write(string folder, VerifyResult o, string model) =>
        OutputFolder.WriteJson(
            Path.Combine(folder, FileName),
            w =>
            {
                w.WriteNumber("schema", 1);
                if (model.Length > 0)
                    w.WriteString("modelSha256", model);
                w.WriteString("verdict", o.Verdict.Verdict.ToString());
                w.WriteString("sentence", o.Verdict.Sentence);
                WriteFindings(w, o.Verdict);
                w.WriteStartArray("metrics");
                foreach (var (name, m) in VerifyResult.MetricNames.Zip(o.Verdict.Metrics))
                {
                    w.WriteStartObject();
                    w.WriteString("metric", name.ToLowerInvariant());
                    WriteModels(w, m.Values.Original, m.Values.Unlearned, m.Values.Retrained);
                    OutputFolder.WriteValue(w, "gap", m.Gap);
                    OutputFolder.WriteValue(w, "band", m.Band);
                    w.WriteEndObject();
                }

                w.WriteEndArray();
                if (o.Retrained.Count > 0)
                {
                    OutputFolder.WriteValue(w, "averageGap", o.Gap);
                    OutputFolder.WriteValue(w, "tow", o.TugOfWar);
                    OutputFolder.WriteTexts(w, "references", o.Retrained.Select(m => m.Path));
                }

                WriteEarlier(w, o);
                WriteAttacks(w, o);
                w.WriteStartObject("overForgetting");
                if (o.Over.BelowRetrain is { } below)
                    w.WriteBoolean("belowRetrain", below);
                if (o.Over.LossAboveRetrain is { } above)
                    w.WriteBoolean("lossAboveRetrain", above);
                w.WriteBoolean("belowChance", o.Over.BelowChance);
                w.WriteBoolean("lossAboveChance", o.Over.LossAboveChance);
                w.WriteEndObject();
                w.WriteStartObject("weightDistance");
                OutputFolder.WriteValue(w, "distance", o.Distance.Distance);
                OutputFolder.WriteValue(w, "relative", o.Distance.Relative);
                w.WriteEndObject();
                OutputFolder.WritePerClass(w, "perClassChange", o.Classes, o.Damage.Change);
                if (o.Relearning.Count > 0)
                    WriteRelearning(w, o);
            }
        );

    /// <summary>What goes on record.</summary>
    internal static void WriteRecord(Utf8JsonWriter w, VerifyResult o)
    {
        w.WriteString("verdict", o.Verdict.Verdict.ToString());
        w.WriteString("sentence", o.Verdict.Sentence);
        OutputFolder.WriteTexts(w, "references", o.Retrained.Select(m => m.Path));
    }

    private static void WriteEarlier(Utf8JsonWriter w, VerifyResult o)
    {
        if (o.Original.Earlier is not { } earlier)
            return;
        w.WriteStartObject("earlierRequests");
        w.WriteNumber("images", earlier.Count);
        WriteModels(
            w,
            earlier.Accuracy,
            VerifyResult.EarlierAccuracy(o.Unlearned),
            o.Retrained.Count == 0 ? null : VerifyResult.EarlierAccuracy(o.Retrained)
        );
        w.WriteEndObject();
    }

    private static void WriteAttacks(Utf8JsonWriter w, VerifyResult o)
    {
        if (o.Original.Attacks.Count == 0)
            return;
        w.WriteStartArray("attacks");
        for (var i = 0; i < o.Original.Attacks.Count; i++)
        {
            w.WriteStartObject();
            w.WriteString("attack", o.Original.Attacks[i].Name);
            foreach (
                var (name, value) in new (string, Func<AttackResult, double>)[]
                {
                    ("efficacy", r => r.Efficacy),
                    ("accuracy", r => r.Accuracy),
                }
            )
            {
                var (original, unlearned, retrained) = o.Attack(i, value);
                if (double.IsNaN(original) && double.IsNaN(unlearned.Mean) && double.IsNaN(retrained?.Mean ?? double.NaN))
                    continue;
                w.WriteStartObject(name);
                WriteModels(w, original, unlearned, retrained);
                w.WriteEndObject();
            }

            w.WriteEndObject();
        }

        w.WriteEndArray();
    }

    /// <summary>What is outside its band, what could not decide, and why the verdict is provisional.</summary>
    internal static void WriteFindings(Utf8JsonWriter w, UnlearningVerdict verdict)
    {
        w.WriteStartArray("findings");
        foreach (var f in verdict.Findings)
        {
            w.WriteStartObject();
            w.WriteString("kind", JsonNamingPolicy.CamelCase.ConvertName(f.Kind.ToString()));
            w.WriteString("name", f.Name);
            w.WriteString("speaksFor", f.Verdict.ToString());
            OutputFolder.WriteValue(w, "unlearned", f.Unlearned);
            OutputFolder.WriteValue(w, "retrained", f.Retrained);
            OutputFolder.WriteValue(w, "gap", f.Gap);
            OutputFolder.WriteValue(w, "band", f.Band);
            w.WriteString("text", f.Text);
            w.WriteEndObject();
        }

        w.WriteEndArray();
        w.WriteStartArray("undecided");
        foreach (var u in verdict.Undecided)
        {
            w.WriteStartObject();
            w.WriteString("attack", u.Name);
            w.WriteString("reason", u.Reason);
            w.WriteEndObject();
        }

        w.WriteEndArray();
        if (verdict.Provisional.Length > 0)
            w.WriteString("provisional", verdict.Provisional);
    }

    private static void WriteRelearning(Utf8JsonWriter w, VerifyResult o)
    {
        w.WriteStartArray("relearning");
        foreach (var attack in o.Relearning)
        {
            w.WriteStartObject();
            w.WriteNumber("shots", attack.Shots);
            WriteCurve(w, "points", attack.Unlearned);
            if (attack.Retrained.Count > 0)
                WriteCurve(w, "reference", attack.Retrained);
            WriteSteps(w, "recoverySteps", o.StepsToRecover(attack.Unlearned));
            if (attack.Retrained.Count > 0)
                WriteSteps(w, "referenceRecoverySteps", o.StepsToRecover(attack.Retrained));
            w.WriteEndObject();
        }

        w.WriteEndArray();
    }

    private static void WriteCurve(Utf8JsonWriter w, string name, IReadOnlyList<RelearningCurve> curves)
    {
        w.WriteStartArray(name);
        foreach (var (step, forget, test) in RelearningOutcome.Summaries(curves))
        {
            w.WriteStartObject();
            w.WriteNumber("step", step);
            OutputFolder.WriteValue(w, "forgetAccuracy", forget.Mean);
            OutputFolder.WriteValue(w, "forgetDeviation", forget.Deviation);
            OutputFolder.WriteValue(w, "testAccuracy", test.Mean);
            OutputFolder.WriteValue(w, "testDeviation", test.Deviation);
            w.WriteEndObject();
        }

        w.WriteEndArray();
    }

    private static void WriteSteps(Utf8JsonWriter w, string name, int? steps)
    {
        if (steps is { } n)
            w.WriteNumber(name, n);
        else
            w.WriteNull(name);
    }

    internal static void WriteModels(Utf8JsonWriter w, double original, SeedSummary unlearned, SeedSummary? retrained)
    {
        OutputFolder.WriteValue(w, "original", original);
        WriteSummary(w, "unlearned", unlearned);
        if (retrained is not null)
            WriteSummary(w, "retrained", retrained);
    }

    private static void WriteSummary(Utf8JsonWriter w, string name, SeedSummary s)
    {
        w.WriteStartObject(name);
        OutputFolder.WriteValue(w, "mean", s.Mean);
        OutputFolder.WriteValue(w, "deviation", s.Deviation);
        w.WriteNumber("seeds", s.Count);
        w.WriteEndObject();
    }
}
