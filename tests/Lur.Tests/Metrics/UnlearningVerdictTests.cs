using Lur.Metrics;

namespace Lur.Tests.Metrics;

public class UnlearningVerdictTests
{
    // Retrain over seeds: UA 6 +- 0.5, RA 99 +- 0.5, TA 92 +- 0.5, MIA 12 +- 0.5; the band is 2 sqrt(0.5^2 + 0.5^2) = 1.41.
    [TestCase(6, 99, 92, 12, Verdict.MatchesRetrain)]
    [TestCase(7.4, 97.7, 90.7, 10.6, Verdict.MatchesRetrain)]
    [TestCase(4.5, 99, 92, 12, Verdict.UnderForgotten)]
    [TestCase(6, 99, 92, 10.5, Verdict.UnderForgotten)]
    [TestCase(4.5, 99, 92, 30, Verdict.UnderForgotten)]
    [TestCase(7.5, 99, 92, 12, Verdict.OverForgotten)]
    [TestCase(6, 99, 92, 13.5, Verdict.OverForgotten)]
    [TestCase(6, 97.5, 92, 12, Verdict.OverForgotten)]
    [TestCase(6, 99, 82.1, 12, Verdict.OverForgotten)]
    [TestCase(6, 99, 81.9, 12, Verdict.Collapsed)]
    [TestCase(1, 88.9, 92, 12, Verdict.Collapsed)]
    [TestCase(6, 100, 94, 12, Verdict.MatchesRetrain)]
    [TestCase(6, 99, 50, double.NaN, Verdict.Collapsed)]
    [TestCase(6, 99, 92, double.NaN, Verdict.Withheld)]
    public void TheRulesAreTakenInOrder(double ua, double ra, double ta, double mia, Verdict expected)
    {
        var verdict = UnlearningVerdict.Judge(Seeds(ua, 6), Seeds(ra, 99), Seeds(ta, 92), Seeds(mia, 12));
        Assert.That(verdict.Verdict, Is.EqualTo(expected), verdict.Sentence);
        Assert.That(verdict.Sentence, Does.EndWith(".").And.Not.Contains("NaN"));
        Assert.That(
            verdict.Metrics.Select(m => m.Name),
            Is.EqualTo(new[] { "unlearning accuracy", "retain accuracy", "test accuracy", "membership inference" })
        );
    }

    [Test]
    public void TheSentenceNamesTheNumberThatDecided()
    {
        var verdict = UnlearningVerdict.Judge(Seeds(4, 6), Seeds(99, 99), Seeds(92, 92), Seeds(7, 12));
        Assert.That(
            verdict.Sentence,
            Is.EqualTo(
                "Under-forgotten: the membership inference is 5.0 points below Retrain's (7.0 against 12.0, band 1.41); "
                    + "the unlearning accuracy is 2.0 points below Retrain's (4.0 against 6.0, band 1.41)."
            )
        );
        var higher = UnlearningVerdict.Judge(Seeds(6, 6), Seeds(99, 99), Seeds(95, 92), Seeds(12, 12));
        Assert.That(higher.Sentence, Is.EqualTo("Matches Retrain within the band, but for a higher test accuracy."));
        Assert.That(higher.Metrics.Select(m => m.Inside), Is.EqualTo(new bool?[] { true, true, false, true }));
    }

    [Test]
    public void WithoutAReferenceTheVerdictIsWithheld()
    {
        MetricValues Alone(double value) => new(100, SeedSummary.Of([value]), null, 1000);
        var verdict = UnlearningVerdict.Judge(Alone(6), Alone(99), Alone(0), Alone(12));
        Assert.That(verdict.Verdict, Is.EqualTo(Verdict.Withheld));
        Assert.That(verdict.Sentence, Does.Contain("no retrained model"));
        Assert.That(verdict.Metrics.Select(m => m.Inside), Is.All.Null);
        var partial = UnlearningVerdict.Judge(Alone(6), Seeds(99, 99), Seeds(92, 92), Seeds(12, 12));
        Assert.That(partial.Sentence, Is.EqualTo("Withheld: the unlearning accuracy is missing for the retrained model."));
    }

    [Test]
    public void OneSeedHasTheBinomialBand()
    {
        MetricValues Single(double own, double retrain, int n) => new(100, SeedSummary.Of([own]), SeedSummary.Of([retrain]), n);
        double Band(double own, double retrain, int n) =>
            UnlearningVerdict.Judge(Single(own, retrain, n), Single(99, 99, n), Single(92, 92, n), Single(12, 12, n)).Metrics[0].Band;
        // 20 and 30 of 100: p = 22/104 and 32/104; 2 * 100 sqrt(sum of p (1 - p) / 104).
        Assert.That(Band(20, 30, 100), Is.EqualTo(200 * Math.Sqrt(((22 * 82) + (32 * 72)) / 104.0 / 104 / 104)).Within(1e-9));
        // Everything forgotten in both: the band does not vanish, one sample is 0.1 points.
        Assert.That(Band(100, 100, 1000), Is.GreaterThanOrEqualTo(2 * Math.Sqrt(2) * 0.1));
        // Seeds that happen to agree: one sample remains.
        var agreeing = new MetricValues(100, SeedSummary.Of([100, 100]), SeedSummary.Of([100, 100]), 1000);
        Assert.That(
            UnlearningVerdict.Judge(agreeing, agreeing, agreeing, agreeing).Metrics[0].Band,
            Is.EqualTo(0.2 * Math.Sqrt(2)).Within(1e-12)
        );
    }

    [Test]
    public void CollapseIsJudgedByHalfWhereRetrainIsLow()
    {
        MetricValues One(double own, double retrain) => new(100, SeedSummary.Of([own]), SeedSummary.Of([retrain]), 10000);
        Verdict Of(double test) => UnlearningVerdict.Judge(One(50, 50), One(60, 60), One(test, 12), One(12, 12)).Verdict;
        Assert.That(Of(5.9), Is.EqualTo(Verdict.Collapsed));
        Assert.That(Of(6.1), Is.EqualTo(Verdict.OverForgotten));
    }

    // Three seeds around the value with a sample deviation of 0.5.
    private static MetricValues Seeds(double own, double retrain) =>
        new(100, SeedSummary.Of([own - 0.5, own, own + 0.5]), SeedSummary.Of([retrain - 0.5, retrain, retrain + 0.5]), 10000);
}
