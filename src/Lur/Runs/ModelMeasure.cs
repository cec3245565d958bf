using System.Text.Json;
using Lur.Data;

namespace Lur.Runs;

/// <summary>What a model does on the sets of a forgetting task: classifies, or predicts noise.</summary>
public abstract record ModelMeasure
{
    /// <summary>What came of it.</summary>
    /// <param name="unlearned">The same of the unlearned model.</param>
    internal abstract ForgetOutcome Then(ModelMeasure unlearned);
}

/// <summary>The original and the unlearned model on the same sets.</summary>
public abstract record ForgetOutcome
{
    /// <summary>Writes a few numbers for the record.</summary>
    internal abstract void WriteScores(Utf8JsonWriter w);

    /// <summary>Writes how earlier requests fared; nothing where there were none.</summary>
    internal abstract void WriteEarlier(Utf8JsonWriter w);

    /// <summary>Writes the metrics of both.</summary>
    internal abstract void WriteMetrics(Utf8JsonWriter w, IReadOnlyList<string> classes);

    /// <summary>Writes what both said of each sample, into an object that is open.</summary>
    internal abstract void WriteSamples(Utf8JsonWriter w, ForgetSet set, DataSource source);

    /// <summary>What is wrong with it; empty where nothing is.</summary>
    internal abstract IEnumerable<string> Warnings(ForgetAdvice advice);
}
