using System.Text.Json;
using Lur.Checkpoints;
using Lur.Metrics.Generation;
using Lur.Verification.Generation;

namespace Lur.Runs;

/// <summary>verify.json of models that draw ("generation" in docs/verify.schema.json), and the images that a page shows.</summary>
public static class GenerationVerifyFiles
{
    /// <summary>File of the first images of each class: bytes [classes, n, C, H, W] as "original", "unlearned" and, with a reference,
    /// "retrained".</summary>
    public const string ImagesName = "verify-images.safetensors";

    /// <summary>The word in verify.json that tells the kind.</summary>
    public const string Kind = "generation";

    /// <summary>Names of the metrics, in the order of the verdict's.</summary>
    public static IReadOnlyList<string> MetricNames { get; } = ["ua", "agreement"];

    /// <summary>Writes both files.</summary>
    /// <param name="folder">Folder of the first run.</param>
    /// <param name="r">What was found.</param>
    /// <param name="model">Hash of the first run's model; empty where the run did not record it.</param>
    internal static void Write(string folder, GenerationVerifyResult r, string model)
    {
        WriteImages(Path.Combine(folder, ImagesName), r);
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
                WriteHow(w, r);
                WriteMetrics(w, r);
                OutputFolder.WriteTexts(w, "references", r.Retrained.Select(m => m.Path));
                WriteForgotten(w, r);
                WriteClasses(w, r);
                WriteQuality(w, "keptFeatures", r, a => a.Kept);
                WriteInception(w, r);
                WriteNumbers(w, "diffusionClassified", r, a => a.DiffusionClassified);
                WriteGains(w, r);
                DrawnJson.WriteAttacks(w, r.Attacks);
                w.WriteStartObject("weightDistance");
                OutputFolder.WriteValue(w, "distance", r.Distance.Distance);
                OutputFolder.WriteValue(w, "relative", r.Distance.Relative);
                w.WriteEndObject();
            }
        );
    }

    /// <summary>What goes on record.</summary>
    internal static void WriteRecord(Utf8JsonWriter w, GenerationVerifyResult r)
    {
        w.WriteString("verdict", r.Verdict.Verdict.ToString());
        w.WriteString("sentence", r.Verdict.Sentence);
        w.WriteString("judgeSha256", r.Judge.Sha256);
        OutputFolder.WriteTexts(w, "references", r.Retrained.Select(m => m.Path));
    }

    private static void WriteImages(string path, GenerationVerifyResult r)
    {
        var writer = new SafeTensorsWriter();
        var (c, h, width) = r.Size;
        void Add(string name, GenerativeAssessment a) => writer.Add<byte>(name, [r.Classes.Count, a.ShownOfEach, c, h, width], a.Shown);
        Add("original", r.Original);
        Add("unlearned", r.Unlearned[0].Assessment);
        if (r.Retrained.Count > 0)
            Add("retrained", r.Retrained[0].Assessment);
        writer.Save(path);
    }

    private static void WriteHow(Utf8JsonWriter w, GenerationVerifyResult r)
    {
        DrawnJson.WriteJudge(w, r.Judge);
        DrawnJson.WriteSampling(w, r.Sampling);
    }

    private static void WriteMetrics(Utf8JsonWriter w, GenerationVerifyResult r)
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

    private static void WriteNumbers(Utf8JsonWriter w, string name, GenerationVerifyResult r, Func<GenerativeAssessment, double> value)
    {
        var (original, unlearned, retrained) = r.Of(value);
        w.WriteStartObject(name);
        VerifyFiles.WriteModels(w, original, unlearned, retrained);
        w.WriteEndObject();
    }

    private static void WriteForgotten(Utf8JsonWriter w, GenerationVerifyResult r)
    {
        w.WriteStartArray("forgotten");
        for (var f = 0; f < r.Forgotten.Count; f++)
        {
            w.WriteStartObject();
            w.WriteString("class", r.Classes[r.Forgotten[f]]);
            WriteLabel(w, "original", r.Original.Forgotten[f]);
            WriteLabel(w, "unlearned", r.Unlearned[0].Assessment.Forgotten[f]);
            if (r.Retrained.Count > 0)
                WriteLabel(w, "retrained", r.Retrained[0].Assessment.Forgotten[f]);
            w.WriteEndObject();
        }

        w.WriteEndArray();
    }

    private static void WriteLabel(Utf8JsonWriter w, string name, ForgottenLabelOutcome f)
    {
        w.WriteStartObject(name);
        w.WriteNumber("images", f.Images);
        w.WriteNumber("recognised", f.Recognised);
        OutputFolder.WriteValue(w, "ua", f.UnlearningAccuracy);
        DrawnJson.WriteInterval(w, "uaInterval", f.UnlearningAccuracyInterval);
        OutputFolder.WriteValue(w, "entropy", f.MeanEntropy);
        DrawnJson.WriteInterval(w, "entropyInterval", f.EntropyInterval);
        OutputFolder.WriteValue(w, "probability", f.MeanProbability);
        DrawnJson.WriteInterval(w, "probabilityInterval", f.ProbabilityInterval);
        w.WriteEndObject();
    }

    private static void WriteClasses(Utf8JsonWriter w, GenerationVerifyResult r)
    {
        var own = r.LossChange(r.Unlearned);
        var retrained = r.Retrained.Count == 0 ? null : r.LossChange(r.Retrained);
        w.WriteStartArray("classes");
        for (var c = 0; c < r.Classes.Count; c++)
        {
            var label = c;
            w.WriteStartObject();
            w.WriteString("class", r.Classes[c]);
            w.WriteBoolean("kept", r.Kept.Contains(c));
            WriteNumbers(w, "agreement", r, a => a.Agreement[label]);
            WriteNumbers(w, "scoreDistance", r, a => a.ScoreDistances[label]);
            WriteQuality(w, "features", r, a => a.PerClass[label]);
            WriteSeen(w, "originalSeen", r.Original.Judged, label);
            WriteSeen(w, "unlearnedSeen", r.Unlearned[0].Assessment.Judged, label);
            if (r.Retrained.Count > 0)
                WriteSeen(w, "retrainedSeen", r.Retrained[0].Assessment.Judged, label);
            DrawnJson.WriteDifference(w, "lossChange", own[c]);
            if (retrained is not null)
                DrawnJson.WriteDifference(w, "retrainedLossChange", retrained[c]);
            w.WriteEndObject();
        }

        w.WriteEndArray();
    }

    private static void WriteGains(Utf8JsonWriter w, GenerationVerifyResult r)
    {
        if (r.Original.LabelGains.Length == 0)
            return;
        static PairedDifference Of(IReadOnlyList<DrawingModel> models) =>
            GenerationVerifyResult.LabelGain(models.Select(m => m.Assessment));
        w.WriteStartObject("labelGain");
        DrawnJson.WriteDifference(w, "original", GenerationVerifyResult.LabelGain(r.Original));
        DrawnJson.WriteDifference(w, "unlearned", Of(r.Unlearned));
        if (r.Retrained.Count > 0)
            DrawnJson.WriteDifference(w, "retrained", Of(r.Retrained));
        w.WriteEndObject();
    }

    private static void WriteSeen(Utf8JsonWriter w, string name, JudgedImages judged, int label)
    {
        w.WritePropertyName(name);
        w.WriteRawValue("[" + string.Join(',', Sequences.Range(0, judged.ClassCount).Select(seen => judged[label, seen])) + "]");
    }

    private static void WriteQuality(Utf8JsonWriter w, string name, GenerationVerifyResult r, Func<GenerativeAssessment, FeatureQuality> of)
    {
        w.WriteStartObject(name);
        w.WriteNumber("images", of(r.Original).Count);
        OutputFolder.WriteValue(w, "floor", of(r.Original).Floor);
        WriteNumbers(w, "distance", r, a => of(a).Distance);
        WriteNumbers(w, "kernelDistance", r, a => of(a).KernelDistance);
        WriteNumbers(w, "precision", r, a => of(a).Precision);
        WriteNumbers(w, "recall", r, a => of(a).Recall);
        w.WriteEndObject();
    }

    private static void WriteInception(Utf8JsonWriter w, GenerationVerifyResult r)
    {
        if (r.Inception is not { } inception)
            return;
        w.WriteStartObject("inception");
        w.WriteString("path", inception.Path);
        w.WriteString("sha256", inception.Sha256);
        if (inception.Statistics is { } statistics)
            w.WriteString("statistics", statistics);
        w.WriteNumber("images", inception.Images);
        if (inception.Reservation is { } reservation)
            w.WriteString("reservation", reservation);
        OutputFolder.WriteValue(w, "fidFloor", inception.Floor.Distance);
        WriteNumbers(w, "fid", r, a => a.Inception!.Distance);
        OutputFolder.WriteValue(w, "kidFloor", inception.Floor.Kernel.Mean);
        WriteNumbers(w, "kid", r, a => a.Inception!.Kernel.Mean);
        WriteNumbers(w, "kidSpread", r, a => a.Inception!.Kernel.Deviation);
        w.WriteNumber("subsets", inception.Floor.Kernel.Subsets);
        w.WriteNumber("subsetImages", inception.Floor.Kernel.SubsetSize);
        w.WriteEndObject();
    }
}
