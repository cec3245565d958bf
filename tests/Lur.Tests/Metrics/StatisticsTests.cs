using Lur.Metrics;

namespace Lur.Tests.Metrics;

public class StatisticsTests
{
    // Values of scipy.stats.norm.ppf.
    [TestCase(0.6, 0.2533471031357997)]
    [TestCase(0.9, 1.2815515655446004)]
    [TestCase(0.975, 1.959963984540054)]
    [TestCase(0.999, 3.090232306167813)]
    public void NormalQuantiles(double p, double expected)
    {
        Assert.That(Statistics.NormalQuantile(p), Is.EqualTo(expected).Within(1e-12));
        Assert.That(Statistics.NormalQuantile(1 - p), Is.EqualTo(-expected).Within(1e-12));
    }

    // The quantiles at 0.975 and 0.8 by the incomplete beta function with 40 digits (mpmath); scipy's t.ppf has nine.
    [TestCase(1, 12.706204736174705, 1.3763819204711735)]
    [TestCase(2, 4.3026527297494639, 1.0606601717798213)]
    [TestCase(3, 3.1824463052837096, 0.97847231236330444)]
    [TestCase(4, 2.7764451051977944, 0.94096457723518117)]
    [TestCase(7, 2.3646242515927853, 0.89602964431376495)]
    [TestCase(10, 2.2281388519862747, 0.87905782855058869)]
    [TestCase(99, 1.9842169515864175, 0.84526703195349682)]
    public void StudentQuantiles(int degrees, double wide, double narrow)
    {
        Assert.That(Statistics.StudentQuantile(0.975, degrees), Is.EqualTo(wide).Within(1e-11));
        Assert.That(Statistics.StudentQuantile(0.8, degrees), Is.EqualTo(narrow).Within(1e-11));
        Assert.That(Statistics.StudentQuantile(0.2, degrees), Is.EqualTo(-narrow).Within(1e-11));
        Assert.That(Statistics.StudentQuantile(0.5, degrees), Is.Zero.Within(1e-12));
    }

    [TestCase(0, 10)]
    [TestCase(3, 10)]
    [TestCase(10, 10)]
    [TestCase(81, 263)]
    public void WilsonEndsAreWhereTheScoreTestTurns(int successes, int trials)
    {
        // The definition: the p with (x/n - p)^2 = z^2 p (1 - p) / n.
        var interval = Statistics.Wilson(successes, trials);
        foreach (var p in new[] { interval.Low, interval.High })
        {
            var difference = ((double)successes / trials) - p;
            Assert.That(difference * difference, Is.EqualTo(Math.Pow(1.959963984540054, 2) * p * (1 - p) / trials).Within(1e-12));
        }

        Assert.That(interval.Low, Is.LessThan(interval.High));
        Assert.That((double)successes / trials, Is.InRange(interval.Low, interval.High));
    }

    [Test]
    public void WilsonWithoutTrialsKnowsNothing() => Assert.That(Statistics.Wilson(0, 0), Is.EqualTo(new Interval(0, 1)));

    [Test]
    public void SeedsAreSummarised()
    {
        var summary = SeedSummary.Of([2, 4, 9]);
        Assert.That((summary.Mean, summary.Count), Is.EqualTo((5.0, 3)));
        Assert.That(summary.Deviation, Is.EqualTo(Math.Sqrt(13)).Within(1e-12));
        var half = 4.302652729749462 * Math.Sqrt(13.0 / 3);
        Assert.That(summary.Confidence().Low, Is.EqualTo(5 - half).Within(1e-9));
        Assert.That(summary.Confidence().High, Is.EqualTo(5 + half).Within(1e-9));
        Assert.That(SeedSummary.Of([7]), Is.EqualTo(new SeedSummary(7, double.NaN, 1)));
        Assert.That(SeedSummary.Of([7]).Confidence().Low, Is.NaN);
        Assert.That(SeedSummary.Of([]).Mean, Is.NaN);
    }

    [Test]
    public void OutOfRangeIsRefused()
    {
        Assert.That(() => Statistics.NormalQuantile(1), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => Statistics.StudentQuantile(0.9, 0), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => Statistics.Wilson(5, 4), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }
}
