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
        var test = Make([0, 1, 2, 2], [0, 0, 2, 1]);
        var metrics = ForgettingMetrics.Compute(forget, retain, test, new HashSet<int> { 2 }, 3);
        Assert.Multiple(() =>
        {
            Assert.That(metrics.UnlearningAccuracy, Is.EqualTo(75));
            Assert.That(metrics.RetainAccuracy, Is.EqualTo(80));
            Assert.That(metrics.TestAccuracy, Is.EqualTo(50));
            Assert.That(metrics.ForgottenClassTestAccuracy, Is.EqualTo(50));
            Assert.That(metrics.PerClassTestAccuracy, Is.EqualTo(new[] { 100.0, 0.0, 50.0 }));
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
