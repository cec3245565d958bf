using Lur.Metrics;
using Lur.Tests.Device;

namespace Lur.Tests.Metrics;

/// <summary>Numbers that compare two models.</summary>
public class ReferenceMetricsTests
{
    [Test]
    public void AverageGapIsTheMeanDistance()
    {
        var gap = AverageGap.Compute(new UnlearningScores(5, 99, 94, 15), new UnlearningScores(6, 100, 92, 11));
        Assert.That(gap, Is.EqualTo(new AverageGap(1, 1, 2, 4)));
        Assert.That(gap.Mean, Is.EqualTo(2));
        Assert.That(AverageGap.Compute(new UnlearningScores(5, 99, 94, double.NaN), new UnlearningScores(6, 100, 92, 11)).Mean, Is.NaN);
    }

    [Test]
    public void TugOfWarMultipliesTheThreeAccuracies()
    {
        var retrain = new UnlearningScores(60, 100, 90, 11);
        Assert.That(TugOfWar.Compute(new UnlearningScores(50, 80, 60, 0), retrain), Is.EqualTo(0.9 * 0.8 * 0.7).Within(1e-12));
        Assert.That(TugOfWar.Compute(retrain with { MembershipInference = 77 }, retrain), Is.EqualTo(1));
        Assert.That(TugOfWar.Compute(new UnlearningScores(60, 0, 90, 11), retrain), Is.Zero);
    }

    [Test]
    public void DamageLeavesForgottenClassesOut()
    {
        // Class 3 has no samples.
        int[] labels = [0, 0, 1, 1, 2, 2];
        var damage = ClassDamage.Compute(Make(labels, [0, 0, 1, 0, 2, 2]), Make(labels, [0, 1, 1, 1, 0, 0]), new HashSet<int> { 2 }, 4);
        Assert.That(damage.Change, Is.EqualTo(new[] { -50, 50, -100, double.NaN }));
        Assert.That((damage.WorstClass, damage.WorstChange, damage.MeanChange), Is.EqualTo((0, -50.0, 0.0)));
        var none = ClassDamage.Compute(Make([2], [2]), Make([2], [0]), new HashSet<int> { 2 }, 3);
        Assert.That((none.WorstClass, double.IsNaN(none.WorstChange), double.IsNaN(none.MeanChange)), Is.EqualTo((-1, true, true)));
        Assert.That(() => ClassDamage.Compute(Make([0], [0]), Make([0, 1], [0, 1]), new HashSet<int>(), 2), Throws.ArgumentException);
    }

    [Test]
    public void WeightDistancesAddUp()
    {
        var (total, tensors) = WeightDistance.Measure([3, 4, 0, 0, 12], [3, 4, 3, 4, 0], [("a", 0, 2), ("b", 2, 2), ("c", 4, 1)]);
        Assert.That(tensors[0], Is.EqualTo(new WeightDistance("a", 0, 0, 0, 2)));
        Assert.That(tensors[1], Is.EqualTo(new WeightDistance("b", 5, double.PositiveInfinity, 2, 2)));
        Assert.That(tensors[2], Is.EqualTo(new WeightDistance("c", 12, 1, 1, 1)));
        Assert.That(total, Is.EqualTo(new WeightDistance("", 13, 1, 3, 5)));
        Assert.That(() => WeightDistance.Measure([1], [1, 2], []), Throws.ArgumentException);
        Assert.That(() => WeightDistance.Measure([1], [1], [("a", 0, 2)]), Throws.ArgumentException);
    }

    [Test]
    public void OverForgettingIsSeenAgainstRetrainAndChance()
    {
        var labels = new int[100];
        Predictions Right(int count, float loss) => Make(labels, [.. labels.Select((_, i) => i < count ? 0 : 1)], loss);
        Assert.Multiple(() =>
        {
            Assert.That(
                OverForgetting.Check(Right(90, 0.2f), Right(92, 0.3f), 10),
                Is.EqualTo(new OverForgetting(false, false, false, false))
            );
            Assert.That(OverForgetting.Check(Right(50, 1f), Right(92, 0.3f), 10), Is.EqualTo(new OverForgetting(true, false, true, false)));
            Assert.That(OverForgetting.Check(Right(0, 9f), null, 10), Is.EqualTo(new OverForgetting(null, true, null, true)));
            // 5 of 100 is compatible with a guess among 10.
            Assert.That(OverForgetting.Check(Right(5, 2f), null, 10).BelowChance, Is.False);
            // A class that Retrain never saw either.
            Assert.That(OverForgetting.Check(Right(0, 9f), Right(0, 9f), 10), Is.EqualTo(new OverForgetting(false, true, false, true)));
            Assert.That(OverForgetting.Check(Make([], []), null, 10), Is.EqualTo(new OverForgetting(null, false, null, false)));
            Assert.That(OverForgetting.Check(Right(9, float.NaN), null, 10).LossAboveChance);
        });
    }

    [Test]
    public void RelearningIsReadAtMeasuredSteps()
    {
        var curve = new RelearningCurve([new(0, 0, 90), new(10, 44, 91), new(20, 45, 90), new(40, 30, 90), new(80, 88, 90)]);
        Assert.Multiple(() =>
        {
            Assert.That(curve.StepsToReach(50, 90), Is.EqualTo(20), "45 is half of 90");
            Assert.That(curve.StepsToReach(60, 90), Is.EqualTo(80));
            Assert.That(curve.StepsToReach(0, 90), Is.Zero);
            Assert.That(curve.StepsToReach(100, 90), Is.Null);
            Assert.That(() => new RelearningCurve([]), Throws.ArgumentException);
            Assert.That(() => new RelearningCurve([new(3, 0, 0), new(3, 1, 1)]), Throws.ArgumentException);
        });
    }

    [Test]
    public void SelectionsKeepEveryColumnTogether()
    {
        var random = TestRandom.ForCurrentTest();
        var n = 12;
        int[] rows = [.. Enumerable.Range(0, n)];
        var all = new Predictions(
            [.. rows.Select(i => n - i)],
            [.. rows.Select(i => i % 3)],
            [.. rows.Select(_ => random.Below(3))],
            [.. rows.Select(i => i / 100f)],
            [.. rows.Select(i => i / 10f)]
        )
        {
            Probabilities = [.. rows.SelectMany(i => new[] { i, i + 0.1f, i + 0.2f })],
        };
        var some = all.Where(c => c != 1).InIndexOrder().Range(1, 3);
        // Rows 11, 9, 8, 6, ... in order of index; without the first: 9, 8, 6.
        Assert.That(some.Indices, Is.EqualTo(new[] { n - 9, n - 8, n - 6 }));
        Assert.That(some.Labels, Is.EqualTo(new[] { 0, 2, 0 }));
        Assert.That(some.Predicted, Is.EqualTo(new[] { all.Predicted[9], all.Predicted[8], all.Predicted[6] }));
        Assert.That(some.Confidence, Is.EqualTo(new[] { 0.09f, 0.08f, 0.06f }));
        Assert.That(some.Loss, Is.EqualTo(new[] { 0.9f, 0.8f, 0.6f }));
        Assert.That(some.Probabilities, Is.EqualTo(new[] { 9, 9.1f, 9.2f, 8, 8.1f, 8.2f, 6, 6.1f, 6.2f }));
        Assert.That(all.Where(_ => false).Count, Is.Zero);
    }

    private static Predictions Make(int[] labels, int[] predicted, float loss = 0)
    {
        var losses = new float[labels.Length];
        Array.Fill(losses, loss);
        return new Predictions([.. Enumerable.Range(0, labels.Length)], labels, predicted, new float[labels.Length], losses);
    }
}
