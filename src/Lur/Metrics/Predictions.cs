namespace Lur.Metrics;

/// <summary>What a model said about a list of samples, one entry a sample in the order evaluated.</summary>
/// <param name="Indices">Index of each sample in its data set.</param>
/// <param name="Labels">True class.</param>
/// <param name="Predicted">Class of the largest logit; the lowest class on ties.</param>
/// <param name="Confidence">Softmax probability of the true class.</param>
/// <param name="Loss">Cross-entropy, nats.</param>
public sealed record Predictions(int[] Indices, int[] Labels, int[] Predicted, float[] Confidence, float[] Loss)
{
    /// <summary>Softmax probabilities of all classes, one row a sample, row-major; null unless they were asked for. A row
    /// has <c>Probabilities.Length / Count</c> classes.</summary>
    public float[]? Probabilities { get; init; }

    /// <summary>Number of samples.</summary>
    public int Count => Labels.Length;

    /// <summary>Share of correct predictions in percent; NaN for no samples.</summary>
    public double Accuracy => AccuracyWhere(_ => true);

    /// <summary>Mean cross-entropy in nats; NaN for no samples.</summary>
    public double MeanLoss => Count == 0 ? double.NaN : Loss.Sum(x => (double)x) / Count;

    /// <summary>Accuracy in percent over the samples whose class satisfies a condition; NaN if there are none.</summary>
    public double AccuracyWhere(Func<int, bool> classFilter)
    {
        int total = 0,
            correct = 0;
        for (var i = 0; i < Count; i++)
        {
            if (!classFilter(Labels[i]))
                continue;
            total++;
            if (Predicted[i] == Labels[i])
                correct++;
        }

        return total == 0 ? double.NaN : 100.0 * correct / total;
    }

    /// <summary>Accuracy in percent per class; NaN for a class without samples.</summary>
    public double[] PerClassAccuracy(int classes) => [.. Sequences.Range(0, classes).Select(c => AccuracyWhere(l => l == c))];

    /// <summary>The samples whose class satisfies a condition: the test set without the classes that were forgotten whole,
    /// on which <see cref="ForgettingMetrics.TestAccuracy"/> and the attacks of <see cref="MembershipInference"/> are taken.</summary>
    public Predictions Where(Func<int, bool> classFilter) => Select([.. Sequences.Range(0, Count).Where(i => classFilter(Labels[i]))]);

    /// <summary>A range of the samples.</summary>
    /// <param name="start">First row.</param>
    /// <param name="count">Number of rows.</param>
    public Predictions Range(int start, int count) => Select([.. Sequences.Range(start, count)]);

    /// <summary>The samples ordered by their index in the data set.</summary>
    public Predictions InIndexOrder() => Select([.. Sequences.Range(0, Count).OrderBy(i => Indices[i])]);

    private Predictions Select(int[] rows)
    {
        T[] Take<T>(T[] values) => [.. rows.Select(r => values[r])];
        var classes = Probabilities is null || Count == 0 ? 0 : Probabilities.Length / Count;
        return new Predictions(Take(Indices), Take(Labels), Take(Predicted), Take(Confidence), Take(Loss))
        {
            Probabilities = Probabilities is null ? null : [.. rows.SelectMany(r => Probabilities[(r * classes)..((r + 1) * classes)])],
        };
    }
}
