using System.Text.Json;
using Lur.Checkpoints;
using Lur.Verification.Concepts;

namespace Lur.Runs;

/// <summary>verify.json of models that are told prompts ("concept" in docs/verify.schema.json), and the images that a page shows.</summary>
public static class ConceptVerifyFiles
{
    /// <summary>The word in verify.json that tells the kind.</summary>
    public const string Kind = "concept";

    /// <summary>Names of the metrics, in the order of the verdict's.</summary>
    public static IReadOnlyList<string> MetricNames { get; } = ["concept", "unnamed", "alignment"];

    /// <summary>Writes both files: images are bytes [prompts shown, n, C, H, W] as "original", "unlearned" and, with a reference,
    /// "retrained" in <see cref="GenerationVerifyFiles.ImagesName"/>.</summary>
    /// <param name="folder">Folder of the first run.</param>
    /// <param name="r">What was found.</param>
    /// <param name="model">Hash of the first run's model; empty where the run did not record it.</param>
    internal static void Write(string folder, ConceptVerifyResult r, string model)
    {
        WriteImages(Path.Combine(folder, GenerationVerifyFiles.ImagesName), r);
        OutputFolder.WriteJson(
            Path.Combine(folder, VerifyFiles.FileName),
            w =>
            {
                w.WriteNumber("schema", 1);
                w.WriteString("kind", Kind);
                if (model.Length > 0)
                    w.WriteString("modelSha256", model);
                w.WriteString("verdict", r.Verdict.Verdict.ToString());
                w.WriteString("sentence", r.Verdict.Sentence);
                VerifyFiles.WriteFindings(w, r.Verdict);
                w.WriteString("concept", r.Prompts.Concept);
                WriteDetector(w, r.Detector);
                DrawnJson.WriteSampling(w, r.Sampling);
                WriteMetrics(w, r);
                OutputFolder.WriteTexts(w, "references", r.Retrained.Select(m => m.Path));
                w.WriteStartArray("kinds");
                for (var k = 0; k < r.Original.Kinds.Count; k++)
                    WriteKind(w, r, k);
                w.WriteEndArray();
                WriteKept(w, r);
                WriteNumbers(w, "diffusionClassified", r, a => a.DiffusionClassified);
                WriteLosses(w, r);
                DrawnJson.WriteAttacks(w, r.Attacks);
                w.WriteStartObject("weightDistance");
                OutputFolder.WriteValue(w, "distance", r.Distance.Distance);
                OutputFolder.WriteValue(w, "relative", r.Distance.Relative);
                w.WriteEndObject();
            }
        );
    }

    /// <summary>What goes on record.</summary>
    internal static void WriteRecord(Utf8JsonWriter w, ConceptVerifyResult r)
    {
        w.WriteString("verdict", r.Verdict.Verdict.ToString());
        w.WriteString("sentence", r.Verdict.Sentence);
        w.WriteString("detector", r.Detector.Name);
        OutputFolder.WriteTexts(w, "references", r.Retrained.Select(m => m.Path));
    }

    private static void WriteImages(string path, ConceptVerifyResult r)
    {
        var writer = new SafeTensorsWriter();
        var (c, h, width) = r.Size;
        void Add(string name, ConceptAssessment a)
        {
            IReadOnlyList<byte[]>[] prompts = [.. a.Pictures.SelectMany(kind => kind)];
            writer.Add<byte>(
                name,
                [prompts.Length, prompts[0].Count, c, h, width],
                [.. prompts.SelectMany(p => p).SelectMany(image => image)]
            );
        }

        Add("original", r.Original);
        Add("unlearned", r.Unlearned[0].Assessment);
        if (r.Retrained.Count > 0)
            Add("retrained", r.Retrained[0].Assessment);
        writer.Save(path);
    }

    private static void WriteDetector(Utf8JsonWriter w, ConceptDetector d)
    {
        w.WriteStartObject("detector");
        if (d.Command is { } command)
        {
            w.WriteString("command", command);
            OutputFolder.WriteValue(w, "threshold", d.Threshold);
        }

        w.WriteNumber("images", d.Acuity.Images);
        OutputFolder.WriteValue(w, "hits", d.Acuity.Hits);
        OutputFolder.WriteValue(w, "falseAlarms", d.Acuity.FalseAlarms);
        OutputFolder.WriteValue(w, "contents", d.Acuity.Contents);
        w.WriteEndObject();
        if (d.Judge is { } judge)
            DrawnJson.WriteJudge(w, judge);
    }

    private static void WriteMetrics(Utf8JsonWriter w, ConceptVerifyResult r)
    {
        w.WriteStartArray("metrics");
        foreach (var (name, m) in MetricNames.Zip(r.Verdict.Metrics))
        {
            w.WriteStartObject();
            w.WriteString("metric", name);
            VerifyFiles.WriteModels(w, m.Values.Original, m.Values.Unlearned, m.Values.Retrained);
            OutputFolder.WriteValue(w, "gap", m.Gap);
            OutputFolder.WriteValue(w, "band", m.Band);
            w.WriteEndObject();
        }

        w.WriteEndArray();
    }

    private static void WriteKind(Utf8JsonWriter w, ConceptVerifyResult r, int k)
    {
        var kind = r.Original.Kinds[k].Kind;
        w.WriteStartObject();
        w.WriteString("kind", kind.Name);
        w.WriteBoolean("forgotten", kind.Forgotten);
        w.WriteBoolean("named", kind.IsNamed);
        OutputFolder.WriteTexts(w, "prompts", kind.Prompts);
        w.WriteNumber("shown", Math.Min(ConceptAssessor.MostPrompts, kind.Prompts.Count));
        WriteNumbers(w, "rate", r, a => a.Kinds[k].Rate);
        WriteNumbers(w, "alignment", r, a => a.Kinds[k].Alignment);
        WriteNumbers(w, "score", r, a => a.Kinds[k].MeanScore);
        WriteNumbers(w, "scoreDistance", r, a => a.Kinds[k].ScoreDistance);
        WriteOutcome(w, "original", r.Original.Kinds[k]);
        WriteOutcome(w, "unlearned", r.Unlearned[0].Assessment.Kinds[k]);
        if (r.Retrained.Count > 0)
            WriteOutcome(w, "retrained", r.Retrained[0].Assessment.Kinds[k]);
        w.WriteEndObject();
    }

    private static void WriteOutcome(Utf8JsonWriter w, string name, KindOutcome k)
    {
        w.WriteStartObject(name);
        w.WriteNumber("images", k.Images);
        w.WriteNumber("withConcept", k.Shown);
        DrawnJson.WriteInterval(w, "rateInterval", k.RateInterval);
        if (k.AsAsked >= 0)
        {
            w.WriteNumber("asAsked", k.AsAsked);
            DrawnJson.WriteInterval(w, "alignmentInterval", k.AlignmentInterval);
        }

        w.WriteEndObject();
    }

    private static void WriteKept(Utf8JsonWriter w, ConceptVerifyResult r)
    {
        w.WriteStartObject("keptFeatures");
        w.WriteNumber("images", r.Original.Kept.Count);
        OutputFolder.WriteValue(w, "floor", r.Original.Kept.Floor);
        WriteNumbers(w, "distance", r, a => a.Kept.Distance);
        WriteNumbers(w, "kernelDistance", r, a => a.Kept.KernelDistance);
        WriteNumbers(w, "precision", r, a => a.Kept.Precision);
        WriteNumbers(w, "recall", r, a => a.Kept.Recall);
        w.WriteEndObject();
    }

    private static void WriteLosses(Utf8JsonWriter w, ConceptVerifyResult r)
    {
        void Side(string name, IReadOnlyList<ConceptModel> models)
        {
            var (concept, kept) = r.LossChange(models);
            w.WriteStartObject(name);
            DrawnJson.WriteDifference(w, "concept", concept);
            DrawnJson.WriteDifference(w, "kept", kept);
            w.WriteEndObject();
        }

        w.WriteStartObject("lossChange");
        Side("unlearned", r.Unlearned);
        if (r.Retrained.Count > 0)
            Side("retrained", r.Retrained);
        w.WriteEndObject();
    }

    private static void WriteNumbers(Utf8JsonWriter w, string name, ConceptVerifyResult r, Func<ConceptAssessment, double> value)
    {
        var (original, unlearned, retrained) = r.Of(value);
        w.WriteStartObject(name);
        VerifyFiles.WriteModels(w, original, unlearned, retrained);
        w.WriteEndObject();
    }
}
