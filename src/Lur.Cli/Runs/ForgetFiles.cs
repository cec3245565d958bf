using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Lur.Data;
using Lur.Device;
using Lur.Metrics;
using Lur.Models;
using Lur.Unlearning;

namespace Lur.Cli.Runs;

/// <summary>What a finished forgetting run knows.</summary>
/// <param name="MethodName">Name of the method on the command line.</param>
/// <param name="ParentSha256">Hash of the original model's file.</param>
/// <param name="Source">Data set.</param>
/// <param name="Split">What the original model was trained on.</param>
/// <param name="Set">What was forgotten and retained.</param>
/// <param name="Method">The method after its last step.</param>
/// <param name="DeviceBytes">Peak of the device's memory while the method ran, model included, evaluations not.</param>
/// <param name="Stages">Time of each stage.</param>
/// <param name="Preparations">What the preparations reported.</param>
/// <param name="Before">The original model.</param>
/// <param name="After">The unlearned model.</param>
internal sealed record ForgetOutcome(
    string MethodName,
    string ParentSha256,
    DataSource Source,
    DataSplit Split,
    ForgetSet Set,
    UnlearningMethod Method,
    long DeviceBytes,
    IReadOnlyList<(string Stage, double Seconds)> Stages,
    IReadOnlyList<(string Stage, PreparationReport Report)> Preparations,
    Assessment Before,
    Assessment After
);

/// <summary>config.json and result.json of a forgetting run; docs/result.schema.json describes them.</summary>
internal static class ForgetFiles
{
    /// <summary>Writes the fields of config.json: every option, resolved.</summary>
    public static void WriteConfig(
        Utf8JsonWriter w,
        ForgetSettings settings,
        OptionValues values,
        DataSource source,
        ComputeDevice device,
        Model model
    )
    {
        w.WriteString("command", "forget");
        w.WriteString("method", settings.Method.Name);
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
        w.WriteNumber("seed", settings.Seed);
        w.WriteStartObject("options");
        foreach (var (option, text) in values.All)
        {
            switch (option.Kind)
            {
                case OptionKind.Number or OptionKind.Integer:
                    w.WritePropertyName(option.Name);
                    w.WriteRawValue(double.Parse(text, CultureInfo.InvariantCulture).ToString("R", CultureInfo.InvariantCulture));
                    break;
                case OptionKind.Flag:
                    w.WriteBoolean(option.Name, text == "true");
                    break;
                default:
                    w.WriteString(option.Name, text);
                    break;
            }
        }

        w.WriteEndObject();
    }

    /// <summary>Writes the fields of result.json.</summary>
    public static void WriteResult(Utf8JsonWriter w, ForgetOutcome r)
    {
        w.WriteNumber("schema", 1);
        w.WriteString("command", "forget");
        w.WriteString("method", r.MethodName);
        w.WriteNumber("forgetImages", r.Set.Forget.Length);
        w.WriteNumber("retainImages", r.Set.Retain.Length);
        w.WriteString("forgetSha256", r.Set.Sha256());
        w.WriteString("dataSha256", r.Split.Fingerprint);
        w.WriteString("parentSha256", r.ParentSha256);
        w.WriteStartArray("forgottenClasses");
        foreach (var c in r.Set.WholeClasses)
            w.WriteStringValue(r.Source.Train.ClassNames[c]);
        w.WriteEndArray();
        w.WriteNumber("steps", r.Method.Steps);
        w.WriteStartObject("seconds");
        foreach (var (stage, seconds) in r.Stages)
            OutputFolder.WriteValue(w, stage, Math.Round(seconds, 3));
        w.WriteEndObject();
        w.WriteStartObject("memory");
        w.WriteNumber("deviceBytes", r.DeviceBytes);
        w.WriteNumber("hostPeakBytes", Process.GetCurrentProcess().PeakWorkingSet64);
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
        foreach (var (name, value, _) in r.Method.Measurements)
            OutputFolder.WriteValue(w, name, Math.Round(value, 4));
        w.WriteEndObject();
        WriteMetrics(w, "original", r.Before, r.Source);
        WriteMetrics(w, "unlearned", r.After, r.Source);
        w.WriteStartObject("samples");
        WriteSamples(w, "forget", r.Before.Forget, r.After.Forget);
        WriteSamples(w, "retain", r.Before.Retain, r.After.Retain);
        WriteSamples(w, "test", r.Before.Test, r.After.Test);
        w.WriteEndObject();
    }

    private static void WriteMetrics(Utf8JsonWriter w, string name, Assessment assessment, DataSource source)
    {
        var m = assessment.Metrics;
        w.WriteStartObject(name);
        OutputFolder.WriteValue(w, "ua", m.UnlearningAccuracy);
        OutputFolder.WriteValue(w, "ra", m.RetainAccuracy);
        OutputFolder.WriteValue(w, "ta", m.TestAccuracy);
        OutputFolder.WriteValue(w, "mia", assessment.MembershipInference);
        OutputFolder.WriteValue(w, "forgottenClassTestAccuracy", m.ForgottenClassTestAccuracy);
        OutputFolder.WritePerClass(w, "perClassTestAccuracy", source.Train.ClassNames, m.PerClassTestAccuracy);
        w.WriteEndObject();
    }

    private static void WriteSamples(Utf8JsonWriter w, string name, Predictions before, Predictions after)
    {
        w.WriteStartObject(name);
        OutputFolder.WriteSamples(w, before);
        w.WriteStartObject("original");
        OutputFolder.WriteOutcome(w, before);
        w.WriteEndObject();
        w.WriteStartObject("unlearned");
        OutputFolder.WriteOutcome(w, after);
        w.WriteEndObject();
        w.WriteEndObject();
    }
}
