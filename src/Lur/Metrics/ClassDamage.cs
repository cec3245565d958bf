namespace Lur.Metrics;

/// <summary>What unlearning did to the accuracy of each class on the test set.</summary>
/// <param name="Change">Accuracy after minus accuracy before, points, for each class; NaN without test samples.</param>
/// <param name="WorstClass">The kept class that lost most, the lowest on ties; -1 if no kept class has test samples.</param>
/// <param name="WorstChange">Its change; NaN if there is none.</param>
/// <param name="MeanChange">Mean over the kept classes, points; NaN if there is none.</param>
public sealed record ClassDamage(double[] Change, int WorstClass, double WorstChange, double MeanChange)
{
    /// <summary>Compares predictions before and after.</summary>
    /// <param name="before">The original model on the test set.</param>
    /// <param name="after">The unlearned model on the same samples.</param>
    /// <param name="forgottenClasses">Classes forgotten whole: their loss is the aim and no damage.</param>
    /// <param name="classes">Number of classes.</param>
    /// <exception cref="ArgumentException">The two are not about the same samples in the same order.</exception>
    public static ClassDamage Compute(Predictions before, Predictions after, IReadOnlySet<int> forgottenClasses, int classes)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        if (!before.Indices.AsSpan().SequenceEqual(after.Indices))
            throw new ArgumentException("The predictions before and after are of different samples.", nameof(after));
        double[] change = [.. after.PerClassAccuracy(classes).Zip(before.PerClassAccuracy(classes), (a, b) => a - b)];
        int[] kept = [.. Sequences.Range(0, classes).Where(c => !forgottenClasses.Contains(c) && !double.IsNaN(change[c]))];
        if (kept.Length == 0)
            return new ClassDamage(change, -1, double.NaN, double.NaN);
        var worst = kept.MinBy(c => change[c]);
        return new ClassDamage(change, worst, change[worst], kept.Average(c => change[c]));
    }
}
