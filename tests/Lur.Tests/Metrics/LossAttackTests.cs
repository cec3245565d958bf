using Lur.Metrics;
using Lur.Tests.Device;
using Lur.Tests.Golden;

namespace Lur.Tests.Metrics;

public class LossAttackTests
{
    [TestCase("overlapping")]
    [TestCase("separable")]
    [TestCase("constant")]
    [TestCase("large")]
    public void CoefficientsAreScikitLearns(string name)
    {
        var fixture = Fixture.Open("logistic");
        var (x, y) = (fixture.Doubles(name + "/x"), Array.ConvertAll(fixture.Doubles(name + "/y"), v => v > 0));
        var expected = fixture.Doubles(name + "/coefficients");
        var model = LogisticRegression.Fit(x, y);
        Assert.That(model.Weight, Is.EqualTo(expected[0]).Within(1e-6));
        Assert.That(model.Intercept, Is.EqualTo(expected[1]).Within(1e-5));
    }

    [Test]
    public void TheGradientVanishesAtTheSolution()
    {
        var random = TestRandom.ForCurrentTest();
        var x = random.NormalArray(50, 100, 3);
        var y = Array.ConvertAll(x, v => random.Normal(v, 2) > 101);
        var model = LogisticRegression.Fit(x, y, 0.3);
        var (gw, gb) = (model.Weight, 0.0);
        for (var i = 0; i < x.Length; i++)
        {
            var error = 0.3 * ((1 / (1 + Math.Exp(-((model.Weight * x[i]) + model.Intercept)))) - (y[i] ? 1 : 0));
            gw += error * x[i];
            gb += error;
        }
        // Sums of 50 terms of up to 30.
        Assert.That(gb, Is.Zero.Within(1e-8));
        Assert.That(gw, Is.Zero.Within(1e-6));
    }

    [Test]
    public void OneLabelIsRefused() => Assert.That(() => LogisticRegression.Fit([1, 2], [true, true]), Throws.ArgumentException);

    [Test]
    public void SetsThatDifferAreTold()
    {
        var random = TestRandom.ForCurrentTest();
        var low = Make(random.UniformArray(120, 0, 1));
        var high = Make(random.UniformArray(300, 2, 3));
        Assert.That(LossAttack.Run(low, high, 5), Is.EqualTo(new MembershipResult(1, 120, 120, 10 * 2 * 12)));
        // 480 answers at chance: four standard deviations are 0.09.
        Assert.That(LossAttack.Run(Make(random.UniformArray(240)), Make(random.UniformArray(500)), 5).Value, Is.EqualTo(0.5).Within(0.1));
    }

    [Test]
    public void TheSeedDecides()
    {
        var random = TestRandom.ForCurrentTest();
        var (a, b) = (Make(random.UniformArray(90, 0, 1)), Make(random.UniformArray(200, 0.3, 1.3)));
        var values = Enumerable.Range(0, 6).Select(seed => LossAttack.Run(a, b, (ulong)seed).Value).ToArray();
        Assert.That(LossAttack.Run(a, b, 3).Value, Is.EqualTo(values[3]));
        Assert.That(values.Distinct().Count(), Is.GreaterThan(1));
    }

    [Test]
    public void TooFewOrDivergedIsNaN()
    {
        var (some, one, none) = (Make([1, 2, 3]), Make([1]), Make([]));
        Assert.Multiple(() =>
        {
            Assert.That(LossAttack.Run(some, one, 1).Value, Is.NaN);
            Assert.That(LossAttack.Run(none, some, 1).Value, Is.NaN);
            Assert.That(LossAttack.Run(some, Make([1, double.PositiveInfinity, 2]), 1).Value, Is.NaN);
            Assert.That(LossAttack.Run(some, some, 1).Value, Is.Not.NaN);
        });
    }

    private static Predictions Make(double[] loss) =>
        new(
            [.. Enumerable.Range(0, loss.Length)],
            new int[loss.Length],
            new int[loss.Length],
            new float[loss.Length],
            Array.ConvertAll(loss, v => (float)v)
        );
}
