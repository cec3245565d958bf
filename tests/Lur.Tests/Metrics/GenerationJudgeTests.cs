using Lur.Metrics;
using Lur.Metrics.Generation;
using Lur.Tests.Device;
using Lur.Tests.Golden;

namespace Lur.Tests.Metrics;

/// <summary>What a judge sees in generated images, and differences of paired measurements.</summary>
public class GenerationJudgeTests
{
    [Test]
    public void ScipyHasTheSameOutcomes()
    {
        var fixture = Fixture.Open("generation");
        var asked = Array.ConvertAll(fixture.Doubles("outcome/asked"), v => (int)v);
        var judged = JudgedImages.Of<double>(fixture.Doubles("outcome/probabilities"), asked, 10);
        var (confusion, forgotten) = (fixture.Doubles("outcome/confusion"), fixture.Doubles("outcome/forgotten"));
        Assert.That(judged.Count, Is.EqualTo(200));
        for (var label = 0; label < 10; label++)
        {
            for (var seen = 0; seen < 10; seen++)
                Assert.That(judged[label, seen], Is.EqualTo((int)confusion[(label * 10) + seen]));
            var o = judged.Forgotten(label);
            double[] actual =
            [
                o.UnlearningAccuracy,
                o.MeanEntropy,
                o.EntropyInterval.Low,
                o.EntropyInterval.High,
                o.MeanProbability,
                o.ProbabilityInterval.Low,
                o.ProbabilityInterval.High,
            ];
            // scipy's t.interval has nine digits.
            Assert.That(actual, Is.EqualTo(forgotten[(7 * label)..(7 * (label + 1))]).Within(1e-8));
            Assert.That((o.Label, o.Images, o.Recognised), Is.EqualTo((label, asked.Count(a => a == label), judged[label, label])));
        }
    }

    [Test]
    public void OutcomesOfKnownRowsAreKnown()
    {
        // Asked for 0: certain of 0, undecided between the two (the lowest wins), certain of 1. Asked for 1: right.
        var judged = JudgedImages.Of<float>([1, 0, 0.5f, 0.5f, 0, 1, 0.25f, 0.75f], [0, 0, 0, 1], 2);
        var outcome = judged.Forgotten(0);
        Assert.Multiple(() =>
        {
            Assert.That((outcome.Images, outcome.Recognised), Is.EqualTo((3, 2)));
            Assert.That(outcome.UnlearningAccuracy, Is.EqualTo(100.0 / 3).Within(1e-12));
            Assert.That(outcome.MeanEntropy, Is.EqualTo(Math.Log(2) / 3).Within(1e-15));
            Assert.That(outcome.MeanProbability, Is.EqualTo(0.5).Within(1e-15));
            var wilson = Statistics.Wilson(1, 3);
            Assert.That(outcome.UnlearningAccuracyInterval, Is.EqualTo(new Interval(100 * wilson.Low, 100 * wilson.High)));
            Assert.That((judged[0, 0], judged[0, 1], judged[1, 0], judged[1, 1]), Is.EqualTo((2, 1, 0, 1)));
            Assert.That(judged.Agreement(label => label != 0), Is.EqualTo((1.0, Statistics.Wilson(1, 1))));
            Assert.That(judged.Agreement(_ => true), Is.EqualTo((0.75, Statistics.Wilson(3, 4))));
            Assert.That(judged.Agreement(_ => false), Is.EqualTo((double.NaN, new Interval(0, 1))));
            // One image has a mean and no interval; none has neither.
            Assert.That(judged.Forgotten(1).EntropyInterval.Low, Is.NaN);
            Assert.That(JudgedImages.Of<float>([], [], 3).Forgotten(2).UnlearningAccuracy, Is.NaN);
            Assert.That(JudgedImages.Of<float>([], [], 3).Forgotten(2).UnlearningAccuracyInterval, Is.EqualTo(new Interval(0, 100)));
        });
    }

    [Test]
    public void RowsThatAreNoDistributionsAreRefused()
    {
        Assert.Multiple(() =>
        {
            Assert.That(
                () => JudgedImages.Of<float>([0.5f, 0.4f], [0], 2),
                Throws.ArgumentException.With.Message.Contains("image 0 add up to 0.9")
            );
            Assert.That(() => JudgedImages.Of<float>([1.5f, -0.5f], [0], 2), Throws.ArgumentException);
            Assert.That(() => JudgedImages.Of<float>([float.NaN, 1], [0], 2), Throws.ArgumentException);
            Assert.That(() => JudgedImages.Of<float>([float.PositiveInfinity, 0], [0], 2), Throws.ArgumentException);
            Assert.That(() => JudgedImages.Of<float>([1, 0], [2], 2), Throws.ArgumentException.With.Message.Contains("label 2"));
            Assert.That(() => JudgedImages.Of<float>([1, 0], [-1], 2), Throws.ArgumentException);
            Assert.That(() => JudgedImages.Of<float>([1, 0, 0], [0], 2), Throws.ArgumentException);
            var judged = JudgedImages.Of<float>([1, 0], [0], 2);
            Assert.That(() => judged.Forgotten(2), Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => judged[0, -1], Throws.InstanceOf<ArgumentOutOfRangeException>());
        });
    }

    [Test]
    public void ScipyHasTheSamePairedDifferences()
    {
        var fixture = Fixture.Open("generation");
        var (before, after) = (fixture.Doubles("paired/before"), fixture.Doubles("paired/after"));
        var labels = Array.ConvertAll(fixture.Doubles("paired/labels"), v => (int)v);
        var results = fixture.Doubles("paired/results");
        PairedDifference[] all = [PairedDifference.Of(before, after), .. PairedDifference.ByClass(before, after, labels, 4)];
        for (var i = 0; i < all.Length; i++)
        {
            double[] actual = [all[i].Count, all[i].Mean, all[i].StandardError, all[i].Interval.Low, all[i].Interval.High];
            // scipy's t.interval has nine digits.
            Assert.That(actual, Is.EqualTo(results[(5 * i)..(5 * (i + 1))]).Within(1e-9), $"row {i}");
        }
    }

    [Test]
    public void PairsDropWhatTheyShare()
    {
        var random = TestRandom.ForCurrentTest();
        var before = random.NormalArray(50, 0, 1000);
        var difference = PairedDifference.Of(before, Array.ConvertAll(before, v => v + 0.25));
        Assert.That(difference.Mean, Is.EqualTo(0.25).Within(1e-12));
        Assert.That(difference.StandardError, Is.LessThan(1e-12));
        Assert.Multiple(() =>
        {
            Assert.That(PairedDifference.Of([1], [3]).Mean, Is.EqualTo(2));
            Assert.That(PairedDifference.Of([1], [3]).Interval.Low, Is.NaN);
            Assert.That(PairedDifference.Of([1], [3]).StandardError, Is.NaN);
            Assert.That(PairedDifference.Of([], []).Mean, Is.NaN);
            // A narrower coverage, a narrower interval: t(0.8; 1) = 1.376.
            var narrow = PairedDifference.Of([0, 0], [1, 3], 0.6);
            Assert.That(narrow.Interval.High, Is.EqualTo(2 + 1.3763819204711735).Within(1e-9));
            var classes = PairedDifference.ByClass([1, 2], [2, 4], [2, 2], 4);
            Assert.That(classes.Select(c => c.Count), Is.EqualTo(new[] { 0, 0, 2, 0 }));
            Assert.That(() => PairedDifference.Of([1], [1, 2]), Throws.ArgumentException);
            Assert.That(() => PairedDifference.ByClass([1], [1], [4], 4), Throws.ArgumentException);
            Assert.That(() => PairedDifference.ByClass([1], [1], [], 4), Throws.ArgumentException);
        });
    }
}
