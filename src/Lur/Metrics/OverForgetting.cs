namespace Lur.Metrics;

/// <summary>Whether a forget set is treated worse than samples never seen: a model that avoids the right answer gives away
/// that it knows it.</summary>
/// <param name="BelowRetrain">Accuracy below Retrain's by more than chance explains; null without Retrain.</param>
/// <param name="BelowChance">Accuracy below that of guessing, 1 / classes, by more than chance explains.</param>
/// <param name="LossAboveRetrain">Mean loss above Retrain's; null without Retrain.</param>
/// <param name="LossAboveChance">Mean loss above that of a uniform guess, log(classes).</param>
public sealed record OverForgetting(bool? BelowRetrain, bool BelowChance, bool? LossAboveRetrain, bool LossAboveChance)
{
    /// <summary>Compares the forget set's predictions with those of Retrain and with guessing.</summary>
    /// <param name="forget">The unlearned model on the forget set.</param>
    /// <param name="retrain">The retrained model on the same samples, or null.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="confidence">Two accuracies, or an accuracy and a guess, differ where the Wilson intervals of this coverage
    /// (or interval and guess) are apart.</param>
    /// <remarks>Where whole classes are forgotten, Retrain itself is right on none of them: "below chance" is then what is
    /// wanted, and only the comparison with Retrain tells. No samples: nothing is found. A loss that is NaN counts as above.</remarks>
    public static OverForgetting Check(Predictions forget, Predictions? retrain, int classes, double confidence = 0.95)
    {
        ArgumentNullException.ThrowIfNull(forget);
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        var own = Accuracy(forget, confidence);
        bool Above(double bound) => forget.Count > 0 && !(forget.MeanLoss <= bound);
        return new OverForgetting(
            retrain is null ? null : own.High < Accuracy(retrain, confidence).Low,
            own.High < 1.0 / classes,
            retrain is null ? null : Above(retrain.MeanLoss),
            Above(Math.Log(classes))
        );
    }

    private static Interval Accuracy(Predictions set, double confidence) =>
        Statistics.Wilson(set.Predicted.Zip(set.Labels, (p, y) => p == y).Count(right => right), set.Count, confidence);
}
