using System.Text.Json;
using Lur.Data;
using Lur.Metrics;

namespace Lur.Runs;

/// <summary>What forgetting did to a classifier.</summary>
/// <param name="Original">The original model.</param>
/// <param name="Unlearned">The unlearned model.</param>
public sealed record ClassifierOutcome(Assessment Original, Assessment Unlearned) : ForgetOutcome
{
    internal override void WriteScores(Utf8JsonWriter w)
    {
        WriteScores(w, "original", Original);
        WriteScores(w, "unlearned", Unlearned);
        if (Unlearned.Earlier is { } earlier)
            OutputFolder.WriteValue(w, "earlierAccuracy", earlier.Accuracy);
    }

    internal override void WriteEarlier(Utf8JsonWriter w)
    {
        if (Original.Earlier is not { } earlier)
            return;
        w.WriteStartObject("earlierRequests");
        w.WriteNumber("images", earlier.Count);
        OutputFolder.WriteValue(w, "originalAccuracy", earlier.Accuracy);
        OutputFolder.WriteValue(w, "unlearnedAccuracy", Unlearned.Earlier!.Accuracy);
        w.WriteEndObject();
    }

    internal override void WriteMetrics(Utf8JsonWriter w, IReadOnlyList<string> classes)
    {
        WriteMetrics(w, "original", Original, classes);
        WriteMetrics(w, "unlearned", Unlearned, classes);
    }

    internal override void WriteSamples(Utf8JsonWriter w, ForgetSet set, DataSource source)
    {
        WriteSamples(w, "forget", source.Train, Original.Forget, Unlearned.Forget, set.Samples);
        WriteSamples(w, "retain", source.Train, Original.Retain, Unlearned.Retain);
        WriteSamples(w, "test", source.Test, Original.Test, Unlearned.Test);
        if (Original.Earlier is { } before && Unlearned.Earlier is { } after)
            WriteSamples(w, "earlier", source.Train, before, after);
    }

    internal override IEnumerable<string> Warnings(ForgetAdvice advice) => advice.On(Original, Unlearned);

    private static void WriteScores(Utf8JsonWriter w, string name, Assessment assessment)
    {
        var s = assessment.Scores;
        w.WriteStartObject(name);
        OutputFolder.WriteValue(w, "ua", s.UnlearningAccuracy);
        OutputFolder.WriteValue(w, "ra", s.RetainAccuracy);
        OutputFolder.WriteValue(w, "ta", s.TestAccuracy);
        OutputFolder.WriteValue(w, "mia", s.MembershipInference);
        w.WriteEndObject();
    }

    private static void WriteMetrics(Utf8JsonWriter w, string name, Assessment assessment, IReadOnlyList<string> classes)
    {
        var m = assessment.Metrics;
        w.WriteStartObject(name);
        OutputFolder.WriteValue(w, "ua", m.UnlearningAccuracy);
        OutputFolder.WriteValue(w, "ra", m.RetainAccuracy);
        OutputFolder.WriteValue(w, "ta", m.TestAccuracy);
        OutputFolder.WriteValue(w, "mia", assessment.MembershipInference);
        OutputFolder.WriteValue(w, "forgottenClassTestAccuracy", m.ForgottenClassTestAccuracy);
        OutputFolder.WritePerClass(w, "perClassTestAccuracy", classes, m.PerClassTestAccuracy);
        w.WriteEndObject();
    }

    private static void WriteSamples(
        Utf8JsonWriter w,
        string name,
        IImageDataset data,
        Predictions before,
        Predictions after,
        IReadOnlyList<SampleRecord>? records = null
    )
    {
        w.WriteStartObject(name);
        OutputFolder.WriteSamples(w, data, before.Indices, before.Labels);
        if (records is not null)
            ForgetFiles.WriteNames(w, records);
        w.WriteStartObject("original");
        OutputFolder.WriteOutcome(w, before);
        w.WriteEndObject();
        w.WriteStartObject("unlearned");
        OutputFolder.WriteOutcome(w, after);
        w.WriteEndObject();
        w.WriteEndObject();
    }
}
