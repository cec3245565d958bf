using Lur.Metrics.Generation;
using Lur.Tests.Device;
using Lur.Tests.Golden;

namespace Lur.Tests.Metrics;

/// <summary>Mean and covariance of features.</summary>
public class GenerationStatisticsTests
{
    internal static readonly string[] Cases = ["one", "small", "prime", "wide", "singular", "half_singular"];

    [TestCaseSource(nameof(Cases))]
    public void NumpyHasTheSameCovariance(string name)
    {
        var fixture = Fixture.Open("generation");
        var statistics = FeatureStatistics.Of<double>(fixture.Doubles($"{name}/x"), fixture.Shape($"{name}/x")[1]);
        // Sums of 300 numbers at most, in another order.
        Errors.AssertClose(statistics.Mean, fixture.Doubles($"{name}/mean"), 1e-14, "mean");
        Errors.AssertClose(statistics.Covariance, fixture.Doubles($"{name}/covariance"), 1e-13, "covariance");
        Assert.That(statistics.Count, Is.EqualTo(fixture.Shape($"{name}/x")[0]));
    }

    // A block has 256 rows.
    [TestCase(2, 1)]
    [TestCase(255, 3)]
    [TestCase(256, 17)]
    [TestCase(257, 18)]
    [TestCase(1021, 37)]
    public void BlocksAndTheDefinitionAgree(int n, int d)
    {
        var random = TestRandom.ForCurrentTest();
        var x = random.NormalArray((long)n * d, 5);
        var statistics = FeatureStatistics.Of<double>(x, d);
        var (mean, covariance) = Naive(x, d);
        Errors.AssertClose(statistics.Mean, mean, 1e-13, "mean");
        Errors.AssertClose(statistics.Covariance, covariance, 1e-13, "covariance");
        Assert.That(statistics.Trace, Is.EqualTo(Enumerable.Range(0, d).Sum(i => covariance[i * (d + 1)])).Within(1e-12 * d));
        // float features are the same numbers in double.
        var narrow = Array.ConvertAll(x, v => (float)v);
        Assert.That(
            FeatureStatistics.Of<float>(narrow, d).Covariance,
            Is.EqualTo(FeatureStatistics.Of<double>(Array.ConvertAll(narrow, v => (double)v), d).Covariance)
        );
    }

    [Test]
    public void AMeanFarFromZeroCostsNoDigits()
    {
        // m^2 is 1e18 times the variance: the mean square minus it would leave nothing. Features and means are rounded to 1e9 2^-53 =
        // 1e-7, so that a variance of 1 is open by some 1e-8, on either way to it.
        var random = TestRandom.ForCurrentTest();
        const int n = 1000,
            d = 3;
        var x = random.NormalArray(n * d);
        var far = Array.ConvertAll(x, v => v + 1e9);
        var statistics = FeatureStatistics.Of<double>(far, d);
        Errors.AssertClose(statistics.Covariance, FeatureStatistics.Of<double>(x, d).Covariance, 1e-7, "shifted");
        Errors.AssertClose(statistics.Covariance, Naive(far, d).Covariance, 1e-7, "two passes");
    }

    [Test]
    public void BatchesChangeNoBit()
    {
        var random = TestRandom.ForCurrentTest();
        const int n = 700,
            d = 5;
        var x = random.NormalArray(n * d);
        var whole = FeatureStatistics.Of<double>(x, d);
        var accumulator = new FeatureAccumulator(d);
        for (var start = 0; start < n; )
        {
            var rows = Math.Min(random.Below(90), n - start);
            accumulator.Add<double>(x.AsSpan(start * d, rows * d));
            start += rows;
            // A look at the statistics on the way does not move the blocks.
            if (start > 1)
                accumulator.Statistics();
            Assert.That(accumulator.Count, Is.EqualTo(start));
        }

        Assert.That(accumulator.Statistics().Mean, Is.EqualTo(whole.Mean));
        Assert.That(accumulator.Statistics().Covariance, Is.EqualTo(whole.Covariance));
    }

    [TestCase(2, 2, 2)]
    [TestCase(3, 500, 41)]
    public void PartsPoolToTheWhole(int first, int second, int third)
    {
        var random = TestRandom.ForCurrentTest();
        const int d = 4;
        int[] counts = [first, second, third];
        // Each part with another mean, so that the means matter.
        double[][] parts = [.. counts.Select((n, i) => random.NormalArray(n * d, 10 * i))];
        var pooled = FeatureStatistics.Pool([.. parts.Select(p => FeatureStatistics.Of<double>(p, d))]);
        var (mean, covariance) = Naive([.. parts.SelectMany(p => p)], d);
        Assert.That(pooled.Count, Is.EqualTo(first + second + third));
        Errors.AssertClose(pooled.Mean, mean, 1e-13, "mean");
        Errors.AssertClose(pooled.Covariance, covariance, 1e-13, "covariance");
        // Rows and parts may be mixed.
        var mixed = new FeatureAccumulator(d);
        mixed.Add<double>(parts[0]);
        mixed.Add(FeatureStatistics.Of<double>(parts[1], d));
        mixed.Add<double>(parts[2]);
        Errors.AssertClose(mixed.Statistics().Covariance, covariance, 1e-13, "mixed");
    }

    [Test]
    public void WhatCannotBeIsRefused()
    {
        Assert.Multiple(() =>
        {
            Assert.That(
                () => FeatureStatistics.Of<double>([1, 2, 3], 2),
                Throws.ArgumentException.With.Message.Contains("no whole rows of 2")
            );
            Assert.That(() => FeatureStatistics.Of<double>([1, 2], 2), Throws.ArgumentException.With.Message.Contains("at least 2 rows"));
            Assert.That(
                () => FeatureStatistics.Of<float>([1, 2, 3, float.NaN], 2),
                Throws.ArgumentException.With.Message.Contains("Feature 1 of row 1 is not finite")
            );
            Assert.That(() => FeatureRows.Of<double>([double.PositiveInfinity], 1), Throws.ArgumentException);
            Assert.That(() => new FeatureStatistics([0, 0], [1, 0, 0], 3), Throws.ArgumentException);
            Assert.That(
                () => new FeatureStatistics([0, 0], [1, 0.5, 0.4, 1], 3),
                Throws.ArgumentException.With.Message.Contains("not symmetric")
            );
            Assert.That(() => new FeatureStatistics([double.NaN], [1]), Throws.ArgumentException.With.Message.Contains("not finite"));
            Assert.That(
                () => FeatureStatistics.Pool([new FeatureStatistics([0], [1])]),
                Throws.ArgumentException.With.Message.Contains("not known")
            );
            Assert.That(() => FeatureStatistics.Pool([]), Throws.ArgumentException);
            Assert.That(
                () => FeatureStatistics.Pool([new FeatureStatistics([0], [1], 5), new FeatureStatistics([0, 0], [1, 0, 0, 1], 5)]),
                Throws.ArgumentException
            );
        });
    }

    /// <summary>The definition in two passes.</summary>
    private static (double[] Mean, double[] Covariance) Naive(double[] x, int d)
    {
        var n = x.Length / d;
        double[] mean = new double[d],
            covariance = new double[d * d];
        for (var i = 0; i < x.Length; i++)
            mean[i % d] += x[i] / n;
        for (var r = 0; r < n; r++)
        for (var i = 0; i < d; i++)
        for (var j = 0; j < d; j++)
            covariance[(i * d) + j] += (x[(r * d) + i] - mean[i]) * (x[(r * d) + j] - mean[j]) / (n - 1);
        return (mean, covariance);
    }
}
