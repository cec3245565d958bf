using System.Text.Json;
using Lur.Data;
using Lur.Metrics.Generation;

namespace Lur.Runs;

/// <summary>Denoising losses of some samples.</summary>
/// <param name="Indices">The samples.</param>
/// <param name="Labels">Class of each.</param>
/// <param name="Losses">Mean squared error of each, the mean over a few draws of time step and noise.</param>
public sealed record SampleLosses(int[] Indices, int[] Labels, double[] Losses)
{
    /// <summary>Mean; NaN without samples.</summary>
    public double Mean => Losses.Length == 0 ? double.NaN : Losses.Average();

    /// <summary>Those of some classes.</summary>
    public SampleLosses Where(Func<int, bool> classes)
    {
        int[] kept = [.. Sequences.Range(0, Labels.Length).Where(i => classes(Labels[i]))];
        return new SampleLosses([.. kept.Select(i => Indices[i])], [.. kept.Select(i => Labels[i])], [.. kept.Select(i => Losses[i])]);
    }

    /// <summary>Mean of each class; NaN for one without samples.</summary>
    /// <param name="classes">Number of classes.</param>
    public double[] PerClass(int classes) => new DenoisingTest(Labels, Losses).PerClass(classes);
}

/// <summary>Denoising losses of a model on the sets of a forgetting task. Every model is measured with the same draws.</summary>
/// <param name="Forget">On the forget set.</param>
/// <param name="Retain">On the retain set.</param>
/// <param name="Test">On the test set, all of it.</param>
/// <param name="Earlier">On what earlier requests made the model forget; null where there were none.</param>
public sealed record DenoisingAssessment(SampleLosses Forget, SampleLosses Retain, SampleLosses Test, SampleLosses? Earlier) : ModelMeasure
{
    internal override ForgetOutcome Then(ModelMeasure unlearned) => new DenoisingOutcome(this, (DenoisingAssessment)unlearned);
}

/// <summary>What forgetting did to a diffusion model.</summary>
/// <param name="Original">The original model.</param>
/// <param name="Unlearned">The unlearned model.</param>
public sealed record DenoisingOutcome(DenoisingAssessment Original, DenoisingAssessment Unlearned) : ForgetOutcome
{
    /// <summary>The sets by name, before and after.</summary>
    public IReadOnlyList<(string Name, SampleLosses Before, SampleLosses After)> Sets =>
        [
            ("forget", Original.Forget, Unlearned.Forget),
            ("retain", Original.Retain, Unlearned.Retain),
            ("test", Original.Test, Unlearned.Test),
            .. Original.Earlier is { } before
                ? [("earlier", before, Unlearned.Earlier!)]
                : Array.Empty<(string, SampleLosses, SampleLosses)>(),
        ];

    /// <summary>Change of a loss, sample by sample.</summary>
    public static PairedDifference Change(SampleLosses before, SampleLosses after) => PairedDifference.Of(before.Losses, after.Losses);

    /// <summary>Change of the test loss of each class.</summary>
    /// <param name="classes">Number of classes.</param>
    public PairedDifference[] PerClass(int classes) =>
        PairedDifference.ByClass(Original.Test.Losses, Unlearned.Test.Losses, Original.Test.Labels, classes);

    internal override void WriteScores(Utf8JsonWriter w)
    {
        foreach (var (name, model) in new[] { ("original", Original), ("unlearned", Unlearned) })
        {
            w.WriteStartObject(name);
            WriteMeans(w, model);
            w.WriteEndObject();
        }

        if (Unlearned.Earlier is { } earlier)
            OutputFolder.WriteValue(w, "earlierLoss", earlier.Mean);
    }

    internal override void WriteEarlier(Utf8JsonWriter w)
    {
        if (Original.Earlier is not { } earlier)
            return;
        w.WriteStartObject("earlierRequests");
        w.WriteNumber("images", earlier.Losses.Length);
        OutputFolder.WriteValue(w, "originalLoss", earlier.Mean);
        OutputFolder.WriteValue(w, "unlearnedLoss", Unlearned.Earlier!.Mean);
        w.WriteEndObject();
    }

    internal override void WriteMetrics(Utf8JsonWriter w, IReadOnlyList<string> classes)
    {
        foreach (var (name, model) in new[] { ("original", Original), ("unlearned", Unlearned) })
        {
            w.WriteStartObject(name);
            WriteMeans(w, model);
            OutputFolder.WritePerClass(w, "perClassTestLoss", classes, model.Test.PerClass(classes.Count));
            w.WriteEndObject();
        }

        w.WriteStartObject("changes");
        foreach (var (name, before, after) in Sets.Take(3))
            WriteChange(w, name + "Loss", Change(before, after));
        w.WriteStartObject("perClassTestLoss");
        foreach (var (name, change) in classes.Zip(PerClass(classes.Count)))
            WriteChange(w, name, change);
        w.WriteEndObject();
        w.WriteEndObject();
    }

    internal override void WriteSamples(Utf8JsonWriter w, ForgetSet set, DataSource source)
    {
        foreach (var (name, before, after) in Sets)
        {
            w.WriteStartObject(name);
            OutputFolder.WriteSamples(w, name == "test" ? source.Test : source.Train, before.Indices, before.Labels);
            if (name == "forget")
                ForgetFiles.WriteNames(w, set.Samples);
            OutputFolder.WriteNumbers(w, "originalLoss", before.Losses);
            OutputFolder.WriteNumbers(w, "unlearnedLoss", after.Losses);
            w.WriteEndObject();
        }
    }

    internal override IEnumerable<string> Warnings(ForgetAdvice advice) => advice.On(this);

    private static void WriteMeans(Utf8JsonWriter w, DenoisingAssessment model)
    {
        OutputFolder.WriteValue(w, "forgetLoss", model.Forget.Mean);
        OutputFolder.WriteValue(w, "retainLoss", model.Retain.Mean);
        OutputFolder.WriteValue(w, "testLoss", model.Test.Mean);
    }

    private static void WriteChange(Utf8JsonWriter w, string name, PairedDifference change)
    {
        w.WriteStartObject(name);
        OutputFolder.WriteValue(w, "mean", change.Mean);
        OutputFolder.WriteValue(w, "low", change.Interval.Low);
        OutputFolder.WriteValue(w, "high", change.Interval.High);
        w.WriteEndObject();
    }
}
