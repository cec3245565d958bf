namespace Lur.Metrics;

/// <summary>The three accuracies by which unlearning is judged, in percent, evaluated without augmentation.</summary>
/// <param name="UnlearningAccuracy">UA = 100 - accuracy on the forget set.</param>
/// <param name="RetainAccuracy">RA = accuracy on the retain set.</param>
/// <param name="TestAccuracy">TA = accuracy on the test set; classes that were forgotten whole are left out of it.</param>
/// <param name="ForgottenClassTestAccuracy">Accuracy on the test images of the forgotten classes; NaN if none was forgotten
/// whole.</param>
/// <param name="PerClassTestAccuracy">Accuracy on the test set per class; NaN where a class has no test image.</param>
public sealed record ForgettingMetrics(
    double UnlearningAccuracy,
    double RetainAccuracy,
    double TestAccuracy,
    double ForgottenClassTestAccuracy,
    double[] PerClassTestAccuracy
)
{
    /// <summary>Computes the metrics.</summary>
    /// <param name="forget">Predictions on the forget set.</param>
    /// <param name="retain">Predictions on the retain set.</param>
    /// <param name="test">Predictions on the test set.</param>
    /// <param name="forgottenClasses">Classes of which every training sample is in the forget set.</param>
    /// <param name="classes">Number of classes.</param>
    public static ForgettingMetrics Compute(
        Predictions forget,
        Predictions retain,
        Predictions test,
        IReadOnlySet<int> forgottenClasses,
        int classes
    ) =>
        new(
            100 - forget.Accuracy,
            retain.Accuracy,
            test.AccuracyWhere(c => !forgottenClasses.Contains(c)),
            test.AccuracyWhere(forgottenClasses.Contains),
            test.PerClassAccuracy(classes)
        );
}
