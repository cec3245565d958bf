using Lur.Metrics.Generation;
using Lur.Tests.Device;
using Lur.Tests.Golden;

namespace Lur.Tests.Metrics;

/// <summary>Distances of two sets of features.</summary>
public class GenerationDistanceTests
{
    private static readonly string[] s_cases = GenerationStatisticsTests.Cases;

    private static (FeatureRows X, FeatureRows Y) Sets(Fixture fixture, string name)
    {
        var d = fixture.Shape($"{name}/x")[1];
        return (FeatureRows.Of<double>(fixture.Doubles($"{name}/x"), d), FeatureRows.Of<double>(fixture.Doubles($"{name}/y"), d));
    }

    private static FeatureRows Draw(TestRandom random, int n, int d, double mean = 0) =>
        FeatureRows.Of<double>(random.NormalArray((long)n * d, mean), d);

    [TestCaseSource(nameof(s_cases))]
    public void ScipyHasTheSameFrechetDistance(string name)
    {
        var fixture = Fixture.Open("generation");
        var (x, y) = Sets(fixture, name);
        var expected = fixture.Doubles($"{name}/distance");
        var (sx, sy) = (FeatureStatistics.Of(x), FeatureStatistics.Of(y));
        var distance = FrechetDistance.Between(sx, sy);
        // The traces are 10 to 100 times the distance, and cancel.
        Assert.That(distance.Value, Is.EqualTo(expected[0]).Within(1e-12 * (sx.Trace + sy.Trace)));
        Assert.That(distance.MeanTerm, Is.EqualTo(expected[1]).Within(1e-12 * expected[1]));
        Assert.That(distance.MeanTerm + distance.CovarianceTerm, Is.EqualTo(distance.Value));
        // To itself, also where the covariance is singular.
        Assert.That(FrechetDistance.Between(sx, sx).Value, Is.LessThan(1e-12 * sx.Trace));
    }

    [Test]
    public void DiagonalCovariancesHaveAClosedForm()
    {
        // sum (a - b)^2 of the deviations, and the squared distance of the means.
        var first = new FeatureStatistics([1, 2, 0], [4, 0, 0, 0, 9, 0, 0, 0, 0]);
        var second = new FeatureStatistics([1, 0, 0], [1, 0, 0, 0, 25, 0, 0, 0, 16]);
        var distance = FrechetDistance.Between(first, second);
        Assert.That(distance.MeanTerm, Is.EqualTo(4));
        Assert.That(distance.CovarianceTerm, Is.EqualTo(1 + 4 + 16).Within(1e-12));
        Assert.That(
            () => FrechetDistance.Between(first, new FeatureStatistics([0], [1])),
            Throws.ArgumentException.With.Message.Contains("different judges")
        );
    }

    [Test]
    public void AShiftAndAScaleAreSeenExactly()
    {
        // y = 2 x + 1: S_y = 4 S_x commutes, so the distance is |m + 1|^2 + tr S.
        var x = Draw(TestRandom.ForCurrentTest(), 90, 13);
        var y = FeatureRows.Of<double>(Array.ConvertAll(x.Values, v => (2 * v) + 1), 13);
        var (sx, sy) = (FeatureStatistics.Of(x), FeatureStatistics.Of(y));
        var expected = sx.Mean.Sum(m => (m + 1) * (m + 1)) + sx.Trace;
        Assert.That(FrechetDistance.Between(sx, sy).Value, Is.EqualTo(expected).Within(1e-12 * expected));
    }

    [Test]
    public void TheFloorIsTheDistanceOfRealsToReals()
    {
        var random = TestRandom.ForCurrentTest();
        var reals = Draw(random, 801, 6);
        var floor = RealFloor.Compute(reals, 100);
        Assert.That(floor.Count, Is.EqualTo(100));
        Assert.That(floor, Is.EqualTo(RealFloor.Compute(reals, 100)), "deterministic");
        Assert.That(floor.Distance, Is.Not.EqualTo(RealFloor.Compute(reals, 100, seed: 1).Distance));
        var most = RealFloor.Compute(reals, 5000);
        Assert.That(most.Count, Is.EqualTo(400));
        // For normal features the floor falls as 1 / n; four times as many, with room for chance in either.
        Assert.That(floor.Distance.Value / most.Distance.Value, Is.InRange(2, 8));
        // Sorted by class: were the halves the first and the last, they would be 100 apart.
        var sorted = FeatureRows.Of<double>([.. Enumerable.Range(0, 400).Select(i => i < 200 ? 0.0 : 10)], 1);
        Assert.That(RealFloor.Compute(sorted, 200).Distance.Value, Is.LessThan(5));
        // Nobody is in both halves: the means of {0, 1, 3, 9} in two pairs differ by 5.5, 3.5 or 2.5, those of other pairs do not.
        for (ulong seed = 0; seed < 10; seed++)
            Assert.That(
                RealFloor.Compute(FeatureRows.Of<double>([0, 1, 3, 9], 1), 2, seed).Distance.MeanTerm,
                Is.AnyOf(30.25, 12.25, 6.25).Using<double>((a, b) => Math.Abs(a - b) < 1e-12)
            );
        Assert.That(() => RealFloor.Compute(FeatureRows.Of<double>([0, 1, 2], 1), 2), Throws.ArgumentException);
        Assert.That(() => RealFloor.Compute(reals, 1), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [TestCaseSource(nameof(s_cases))]
    public void NumpyHasTheSameKernelDistance(string name)
    {
        var fixture = Fixture.Open("generation");
        var (x, y) = Sets(fixture, name);
        var n = Math.Min(x.Count, y.Count);
        FeatureRows First(FeatureRows set) => FeatureRows.Of<double>(set.Values.AsSpan(0, n * set.Dimension), set.Dimension);
        var distance = KernelDistance.Compute(First(x), First(y));
        // Sums of n^2 cubes that cancel: up to 1e4 times the result.
        Assert.That(distance.Mean, Is.EqualTo(fixture.Doubles($"{name}/kernel")[0]).Within(1e-10 * Largest(x, y)));
        Assert.That((distance.Deviation, distance.Subsets, distance.SubsetSize), Is.EqualTo((0.0, 1, n)));
        static double Largest(FeatureRows x, FeatureRows y) => Math.Pow((x.Values.Concat(y.Values).Max(v => v * v) * 1) + 1, 3);
    }

    [Test]
    public void SubsetsAreDrawnBySeed()
    {
        var random = TestRandom.ForCurrentTest();
        var (x, y) = (Draw(random, 400, 4), Draw(random, 301, 4, 0.5));
        var distance = KernelDistance.Compute(x, y, seed: 7, subsets: 50, subsetSize: 60);
        Assert.That(distance, Is.EqualTo(KernelDistance.Compute(x, y, seed: 7, subsets: 50, subsetSize: 60)));
        Assert.That(distance.Mean, Is.Not.EqualTo(KernelDistance.Compute(x, y, seed: 8, subsets: 50, subsetSize: 60).Mean));
        Assert.That((distance.Subsets, distance.SubsetSize), Is.EqualTo((50, 60)));
        // The mean of 50 subsets is near the estimate of (nearly) all rows: within 5 of its standard errors.
        var all = KernelDistance.Compute(x, y, subsets: 20);
        Assert.That(all.SubsetSize, Is.EqualTo(301));
        Assert.That(Math.Abs(distance.Mean - all.Mean), Is.LessThan(5 * distance.Deviation / Math.Sqrt(50)));
        Assert.That(distance.Deviation, Is.GreaterThan(all.Deviation));
        Assert.That(distance.Mean, Is.Positive);
        // Where one set is taken whole, the other still differs from subset to subset.
        var some = Draw(random, 60, 4);
        Assert.That(KernelDistance.Compute(x, some, subsets: 5).Deviation, Is.GreaterThan(1e-6));
        Assert.That(KernelDistance.Compute(some, y, subsets: 5).Deviation, Is.GreaterThan(1e-6));
    }

    [Test]
    public void TheKernelDistanceHasNoBias()
    {
        // Two sets of one distribution: the mean over many small ones is 0 within 4 standard errors; the biased estimate, with the
        // diagonal, would be 2 E k(x, x) / n = 1.6 here.
        var random = TestRandom.ForCurrentTest();
        double[] values = [.. Enumerable.Range(0, 400).Select(_ => KernelDistance.Compute(Draw(random, 10, 2), Draw(random, 10, 2)).Mean)];
        var mean = values.Average();
        var error = Math.Sqrt(values.Average(v => (v - mean) * (v - mean)) / values.Length);
        Assert.That(mean, Is.Zero.Within(4 * error));
        Assert.That(error, Is.LessThan(0.2));
        Assert.That(() => KernelDistance.Compute(Draw(random, 1, 2), Draw(random, 9, 2)), Throws.ArgumentException);
        Assert.That(() => KernelDistance.Compute(Draw(random, 9, 3), Draw(random, 9, 2)), Throws.ArgumentException);
    }

    [TestCaseSource(nameof(s_cases))]
    public void NumpyHasTheSamePrecisionAndRecall(string name)
    {
        var fixture = Fixture.Open("generation");
        var (x, y) = Sets(fixture, name);
        var expected = fixture.Doubles($"{name}/overlap");
        int[] neighbours = [1, 3, 5];
        for (var i = 0; i < neighbours.Length; i++)
            Assert.That(
                ManifoldOverlap.Compute(x, y, neighbours[i]),
                Is.EqualTo(new ManifoldOverlap(expected[2 * i], expected[(2 * i) + 1], neighbours[i]))
            );
    }

    [Test]
    public void ManifoldsOfKnownSetsOverlapAsTheyShould()
    {
        // On a line, k = 1. Reals 0, 1, 5: radii 1, 1, 4. Generated 2.0, 9, 9.5: radii 7, 0.5, 0.5.
        var reals = FeatureRows.Of<float>([0, 1, 5], 1);
        var generated = FeatureRows.Of<float>([2, 9, 9.5f], 1);
        // 2 lies in the ball of 1; 9 at the rim of that of 5, which belongs to it. 0, 1 and 5 lie in the ball of 2.
        Assert.That(ManifoldOverlap.Compute(reals, generated, 1), Is.EqualTo(new ManifoldOverlap(2.0 / 3, 1, 1)));
        Assert.That(ManifoldOverlap.Compute(generated, reals, 1), Is.EqualTo(new ManifoldOverlap(1, 2.0 / 3, 1)));
        Assert.That(ManifoldOverlap.Compute(reals, reals, 2), Is.EqualTo(new ManifoldOverlap(1, 1, 2)));
        // Copies are neighbours at distance 0: their balls are points.
        var copies = FeatureRows.Of<float>([3, 3, 3, 3], 1);
        Assert.That(ManifoldOverlap.Compute(copies, FeatureRows.Of<float>([3, 4, 5, 6], 1)), Is.EqualTo(new ManifoldOverlap(0.25, 1, 3)));
        Assert.That(
            () => ManifoldOverlap.Compute(reals, copies, 3),
            Throws.ArgumentException.With.Message.Contains("3 real images have no 3 neighbours")
        );
        Assert.That(() => ManifoldOverlap.Compute(copies, reals, 3), Throws.ArgumentException.With.Message.Contains("generated"));
        Assert.That(() => ManifoldOverlap.Compute(copies, copies, 0), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    // One above a block of rows (16) and of columns (512), and a dimension that is no multiple of the lanes.
    [TestCase(17, 513, 3)]
    [TestCase(530, 40, 5)]
    public void BlocksAndTheDefinitionOfOverlapAgree(int n, int m, int d)
    {
        var random = TestRandom.ForCurrentTest();
        var (x, y) = (Draw(random, n, d, 30), Draw(random, m, d, 30.5));
        double Distance(FeatureRows a, int i, FeatureRows b, int j) =>
            Math.Sqrt(Enumerable.Range(0, d).Sum(e => Math.Pow(a.Values[(i * d) + e] - b.Values[(j * d) + e], 2)));
        double Radius(FeatureRows a, int i) => Enumerable.Range(0, a.Count).Select(j => Distance(a, i, a, j)).Order().ElementAt(3);
        double Share(FeatureRows inside, FeatureRows of)
        {
            double[] radii = [.. Enumerable.Range(0, of.Count).Select(j => Radius(of, j))];
            return Enumerable.Range(0, inside.Count).Count(i => radii.Where((r, j) => Distance(inside, i, of, j) <= r).Any())
                / (double)inside.Count;
        }

        Assert.That(ManifoldOverlap.Compute(x, y), Is.EqualTo(new ManifoldOverlap(Share(y, x), Share(x, y), 3)));
    }
}
