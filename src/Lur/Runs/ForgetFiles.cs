using System.Globalization;
using System.Text.Json;
using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Verification;

namespace Lur.Runs;

/// <summary>config.json and result.json of a forgetting run; docs/result.schema.json describes them.</summary>
internal static class ForgetFiles
{
    /// <summary>Writes the model, and what else is in its pipeline.</summary>
    public static void SaveModel(ForgetSettings settings, ForgetParts parts, OutputFolder output, string parent)
    {
        parts.Model.History = EarlierRequests.History(parts.Split, parts.Set);
        ModelFile.Save(parts.Model, output.Staged(OutputFolder.ModelName), Metadata(settings, parts.Set, parent));
        if (PromptFolder.Beside(settings.Model) is not null)
            PromptFolder.Copy(settings.Model, output.StagedFolder(PromptFolder.Name));
    }

    /// <summary>Writes the fields of config.json: every option, resolved.</summary>
    public static void WriteConfig(
        Utf8JsonWriter w,
        ForgetSettings settings,
        BoundMethod method,
        DataSource source,
        ComputeDevice device,
        Model model,
        IReadOnlyList<string> cached
    )
    {
        w.WriteString("command", "forget");
        w.WriteString("method", method.Definition.Name);
        w.WriteString("version", OutputFolder.Version);
        w.WriteString("model", settings.Model);
        w.WriteString("architecture", model.Architecture);
        w.WriteString("augmentation", model.Augmentation.Name);
        w.WriteString("data", settings.Data);
        if (settings.DataOptions.ImageSize is { } size)
            w.WriteNumber("imageSize", size);
        w.WriteString("directory", Environment.CurrentDirectory);
        if (settings.Split is not null)
            w.WriteString("split", Path.GetFullPath(settings.Split));
        w.WriteString("dataFormat", source.Format);
        w.WriteString("device", device.Properties.Name);
        w.WriteStartArray("forget");
        foreach (var specification in settings.Forget)
            w.WriteStringValue(specification);
        w.WriteEndArray();
        if (settings.LeaveOut.Count > 0)
            OutputFolder.WriteTexts(w, "leaveOut", settings.LeaveOut);
        if (model.Latents is not null || source.Train is HeldSamples)
            settings.Latents.For(settings.Data, settings.Forget, method.Anchor).Write(w, cached);
        w.WriteBoolean("alsoCopies", settings.AlsoCopies);
        w.WriteString("precision", settings.Precision.Name());
        w.WriteNumber("seed", settings.Seed);
        w.WriteStartObject("options");
        foreach (var (option, text) in method.Options.Texts())
        {
            w.WritePropertyName(option.Name);
            OptionJson.Write(w, option.Kind, text);
        }

        w.WriteEndObject();
    }

    /// <summary>What the file of the unlearned model says of the run.</summary>
    public static Dictionary<string, string> Metadata(ForgetSettings settings, ForgetSet set, string parent) =>
        new(StringComparer.Ordinal)
        {
            ["lur.method"] = settings.Method.Definition.Name,
            ["lur.seed"] = settings.Seed.ToString(CultureInfo.InvariantCulture),
            ["lur.parent-sha256"] = parent,
            ["lur.forget-sha256"] = set.Sha256(),
            ["lur.precision"] = settings.Precision.Name(),
            ["lur.version"] = OutputFolder.Version,
        };

    /// <summary>Puts on record what was done and measured.</summary>
    public static void Record(AuditLog audit, ForgetResult r)
    {
        audit.Add(
            "done",
            w =>
            {
                w.WriteString("method", r.Method.Name);
                w.WriteNumber("steps", r.Steps);
                w.WriteString("modelSha256", r.ModelSha256);
            }
        );
        audit.Add("measured", r.Outcome.WriteScores);
    }

    /// <summary>Writes the fields of result.json.</summary>
    /// <param name="w">Writer.</param>
    /// <param name="r">What the run came to.</param>
    /// <param name="source">Data set.</param>
    /// <param name="finished">When.</param>
    /// <param name="audit">Hash of the last line of audit.jsonl.</param>
    /// <param name="list">The forget.txt that is published with it.</param>
    public static void WriteResult(Utf8JsonWriter w, ForgetResult r, DataSource source, string finished, string audit, string list)
    {
        w.WriteNumber("schema", 1);
        w.WriteString("command", "forget");
        w.WriteString("finished", finished);
        w.WriteString("modelSha256", r.ModelSha256);
        w.WriteString("auditSha256", audit);
        w.WriteString("forgetListSha256", ReferenceCache.HashOf(list));
        WriteSets(w, r);
        WriteCost(w, r);
        r.Outcome.WriteMetrics(w, r.Classes);
        w.WriteStartObject("samples");
        r.Outcome.WriteSamples(w, r.Set, source);
        w.WriteEndObject();
    }

    private static void WriteSets(Utf8JsonWriter w, ForgetResult r)
    {
        w.WriteString("method", r.Method.Name);
        w.WriteNumber("forgetImages", r.Set.Forget.Length);
        w.WriteNumber("retainImages", r.Set.Retain.Length);
        r.Outcome.WriteEarlier(w);
        w.WriteString("forgetSha256", r.Set.Sha256());
        w.WriteString("dataSha256", r.DataSha256);
        w.WriteString("parentSha256", r.ParentSha256);
        w.WriteStartArray("forgottenClasses");
        foreach (var c in r.Set.WholeClasses)
            w.WriteStringValue(r.Classes[c]);
        w.WriteEndArray();
        w.WriteStartArray("requestedClasses");
        foreach (var c in r.Set.RequestedClasses)
            w.WriteStringValue(r.Classes[c]);
        w.WriteEndArray();
        WriteCopies(w, r.Copies);
    }

    private static void WriteCost(Utf8JsonWriter w, ForgetResult r)
    {
        w.WriteNumber("steps", r.Steps);
        w.WriteString("precision", r.Precision.Name());
        w.WriteStartObject("seconds");
        foreach (var (stage, seconds) in r.Stages)
            OutputFolder.WriteValue(w, stage, Math.Round(seconds, 3));
        w.WriteEndObject();
        w.WriteStartObject("memory");
        w.WriteNumber("deviceBytes", r.DeviceBytes);
        w.WriteNumber("hostPeakBytes", r.HostPeakBytes);
        w.WriteEndObject();
        w.WriteStartObject("preparations");
        foreach (var (stage, report) in r.Preparations)
        {
            w.WriteStartObject(stage);
            foreach (var (name, value) in report.Facts)
                OutputFolder.WriteValue(w, name, value);
            w.WriteEndObject();
        }

        w.WriteEndObject();
        w.WriteStartObject("measurements");
        foreach (var (name, value, _) in r.Measurements)
            OutputFolder.WriteValue(w, name, Math.Round(value, 4));
        w.WriteEndObject();
    }

    private static void WriteCopies(Utf8JsonWriter w, SampleCopies copies)
    {
        w.WriteStartObject("copies");
        w.WriteNumber("retain", copies.Retain.Count);
        w.WriteNumber("validation", copies.Validation.Count);
        w.WriteNumber("test", copies.Test.Count);
        w.WriteNumber("alsoForgotten", copies.AlsoForgotten.Count);
        w.WriteStartArray("pairs");
        foreach (var copy in copies.All)
        {
            w.WriteStartObject();
            w.WriteString("sample", copy.Sample.Name);
            w.WriteString("copy", copy.Copy.Name);
            w.WriteString("part", copy.Part);
            w.WriteString("same", copy.SameBytes ? "bytes" : "pixels");
            w.WriteEndObject();
        }

        w.WriteEndArray();
        w.WriteEndObject();
    }

    /// <summary>Writes names and hashes of samples, into an object that is open.</summary>
    public static void WriteNames(Utf8JsonWriter w, IReadOnlyList<SampleRecord> records)
    {
        OutputFolder.WriteTexts(w, "name", records.Select(r => r.Id.Name));
        OutputFolder.WriteTexts(w, "sha256", records.Select(r => r.Sha256));
    }
}
