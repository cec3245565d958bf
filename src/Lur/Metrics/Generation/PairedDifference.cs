namespace Lur.Metrics.Generation;

/// <summary>Mean of the differences of two measurements of the same things, such as the denoising losses of two models on the same
/// images, noise and steps: what varies between the things drops out.</summary>
/// <param name="Count">Pairs.</param>
/// <param name="Mean">Mean of after - before; NaN without pairs.</param>
/// <param name="StandardError">s / n^(1/2), s with divisor n - 1; NaN for fewer than two pairs.</param>
/// <param name="Interval">Confidence interval of the mean (Student's t, n - 1 degrees of freedom); NaN for fewer than two pairs.</param>
public sealed record PairedDifference(int Count, double Mean, double StandardError, Interval Interval)
{
    /// <summary>Differences of all pairs.</summary>
    /// <param name="before">First measurement of each thing, such as the original model's.</param>
    /// <param name="after">Second measurement of the same things, in the same order.</param>
    /// <param name="confidence">Coverage of the interval, between 0 and 1.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static PairedDifference Of(ReadOnlySpan<double> before, ReadOnlySpan<double> after, double confidence = 0.95)
    {
        Check(before, after);
        var differences = new double[before.Length];
        for (var i = 0; i < differences.Length; i++)
            differences[i] = after[i] - before[i];
        return Of(differences, confidence);
    }

    /// <summary>Differences by class.</summary>
    /// <param name="before">First measurement of each thing.</param>
    /// <param name="after">Second measurement of the same things, in the same order.</param>
    /// <param name="labels">Class of each thing.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="confidence">Coverage of each interval, between 0 and 1; each is of its own class, nothing is corrected for their
    /// number.</param>
    /// <returns>One result a class.</returns>
    /// <exception cref="ArgumentException">The lengths differ, or a label is no class.</exception>
    public static PairedDifference[] ByClass(
        ReadOnlySpan<double> before,
        ReadOnlySpan<double> after,
        ReadOnlySpan<int> labels,
        int classes,
        double confidence = 0.95
    )
    {
        Check(before, after);
        if (labels.Length != before.Length)
            throw new ArgumentException($"{before.Length} pairs have {before.Length} labels, not {labels.Length}.", nameof(labels));
        var differences = new List<double>[classes];
        for (var c = 0; c < classes; c++)
            differences[c] = [];
        for (var i = 0; i < labels.Length; i++)
        {
            if ((uint)labels[i] >= (uint)classes)
                throw new ArgumentException($"Pair {i} has the label {labels[i]}, none of {classes} classes.", nameof(labels));
            differences[labels[i]].Add(after[i] - before[i]);
        }

        return [.. differences.Select(d => Of(d, confidence))];
    }

    private static PairedDifference Of(IReadOnlyCollection<double> differences, double confidence)
    {
        var summary = SeedSummary.Of(differences);
        return new PairedDifference(
            summary.Count,
            summary.Mean,
            summary.Deviation / Math.Sqrt(summary.Count),
            summary.Confidence(confidence)
        );
    }

    private static void Check(ReadOnlySpan<double> before, ReadOnlySpan<double> after)
    {
        if (before.Length != after.Length)
            throw new ArgumentException($"{before.Length} and {after.Length} measurements are no pairs.", nameof(after));
    }
}
