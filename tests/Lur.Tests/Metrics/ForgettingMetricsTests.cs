using Lur.Metrics;

namespace Lur.Tests.Metrics;

public class ForgettingMetricsTests
{
    private static Predictions Make(int[] labels, int[] predicted) =>
        new([.. Enumerable.Range(0, labels.Length)], labels, predicted, new float[labels.Length], new float[labels.Length]);

    [Test]
    public void ForgottenClassLeavesTheTestSet()
    {
        var forget = Make([2, 2, 2, 2], [2, 0, 0, 1]);
        var retain = Make([0, 1, 0, 1, 1], [0, 1, 0, 1, 0]);
        // Right: 1 of 2 in class 0, 1 of 1 in class 1, 1 of 5 in class 2; 3 of 8 in all.
        var test = Make([0, 0, 1, 2, 2, 2, 2, 2], [0, 1, 1, 2, 0, 0, 1, 1]);
        var metrics = ForgettingMetrics.Compute(forget, retain, test, new HashSet<int> { 2 }, 3);
        Assert.Multiple(() =>
        {
            Assert.That(metrics.UnlearningAccuracy, Is.EqualTo(75));
            Assert.That(metrics.RetainAccuracy, Is.EqualTo(80));
            Assert.That(metrics.TestAccuracy, Is.EqualTo(100 * 2 / 3.0).Within(1e-12));
            Assert.That(metrics.ForgottenClassTestAccuracy, Is.EqualTo(20));
            Assert.That(metrics.PerClassTestAccuracy, Is.EqualTo(new[] { 50.0, 100.0, 20.0 }));
        });
    }

    [Test]
    public void NothingForgottenWholeKeepsTheTestSet()
    {
        var test = Make([0, 1], [0, 0]);
        var metrics = ForgettingMetrics.Compute(Make([0], [0]), Make([1], [1]), test, new HashSet<int>(), 2);
        Assert.That(metrics.TestAccuracy, Is.EqualTo(50));
        Assert.That(metrics.ForgottenClassTestAccuracy, Is.NaN);
    }
}
