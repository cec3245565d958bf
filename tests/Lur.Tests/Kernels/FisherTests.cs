using Lur.Device;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>fisher.cu against its formulas in float64, on every device, block size and precision.</summary>
public class FisherTests
{
    private static readonly int[] Sizes = [1, 31, 257, 1009];
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];

    private static double[] Squares(TestRandom random, int n) => [.. random.NormalArray(n).Select(x => x * x)];

    [Test]
    public void AccumulateAddsWeightedSquares(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int n,
        [Values(0, 1, 5)] int rows
    )
    {
        var random = TestRandom.ForCurrentTest();
        var (start, g) = (Squares(random, n), precision.Round(random.NormalArray(n, 0, 1e-12)));
        var p = precision.Round(random.UniformArray(Math.Max(1, rows)));
        const double scale = 1.5,
            shift = -1e-13,
            weight = 0.25;
        var w = rows == 0 ? weight : weight * p.Sum();
        double[] expected = [.. start.Zip(g, (s, x) => s + (w * ((scale * x) + shift) * ((scale * x) + shift)))];
        double[] fresh = [.. g.Select(x => w * ((scale * x) + shift) * ((scale * x) + shift))];
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            foreach (var grid in scope.Grids)
            {
                var (sum, zero, dg) = (scope.Array(start), scope.Array(new double[n]), scope.Vector(g));
                var probability = rows == 0 ? default : scope.Vector(p).Pointer;
                foreach (var target in new[] { sum, zero })
                    scope.Kernels.Fisher.FisherAccumulate(
                        scope.Grid(grid),
                        target.Pointer(),
                        dg.Pointer,
                        probability,
                        n,
                        rows,
                        scale,
                        shift,
                        weight
                    );
                Errors.AssertClose(sum.Download(), expected, 1e-15, $"sum, grid {grid}");
                // Squares of 1e-12: they would be lost in float. Five roundings in double.
                Errors.AssertClose(zero.Download(), fresh, 2e-15, $"small squares, grid {grid}");
            }
        }
    }

    [Test]
    public void DampenShrinksWhatTheForgetSetNeedsMore(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int n,
        [Values(0.7, 40)] double lambda
    )
    {
        var random = TestRandom.ForCurrentTest();
        var (theta, forget, all) = (precision.Round(random.NormalArray(n)), Squares(random, n), Squares(random, n));
        for (var i = 3; i < n; i += 7)
            forget[i] = 0;
        for (var i = 5; i < n; i += 7)
            all[i] = 0;
        for (var i = 10; i < n; i += 70)
            (forget[i], all[i]) = (0, 0);
        const double alpha = 2;
        var hit = forget.Zip(all, (f, a) => f > alpha * a).ToArray();
        double[] expected = [.. theta.Select((t, i) => hit[i] ? precision.Round(Math.Min(lambda * all[i] / forget[i], 1) * t) : t)];
        const int count = 7;
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            foreach (var grid in scope.Grids)
            {
                var (dt, partials) = (scope.Vector(theta), scope.Unwritten<double>(count));
                scope.Kernels.Fisher.FisherDampen(
                    scope.Grid(grid),
                    dt.Pointer,
                    partials.Pointer(),
                    scope.Array(forget).Pointer(),
                    scope.Array(all).Pointer(),
                    n,
                    count,
                    alpha,
                    lambda
                );
                Errors.AssertClose(dt.Get(), expected, precision.Unit() * 2, $"theta, grid {grid}");
                Assert.That(scope.FinishSum(partials, count, 1)[0], Is.EqualTo(hit.Count(h => h)));
                var actual = dt.Get();
                for (var i = 0; i < n; i++)
                    if (!hit[i])
                        Assert.That(actual[i], Is.EqualTo(theta[i]), $"element {i} is none of its business");
            }
        }
    }

    [Test]
    public void DeviationsFollowFromTheDiagonal([ValueSource(nameof(Precisions))] Precision precision, [ValueSource(nameof(Sizes))] int n)
    {
        var random = TestRandom.ForCurrentTest();
        var fisher = Squares(random, n);
        for (var i = 0; i < n; i += 3)
            fisher[i] = 0;
        const double alpha = 1e-6,
            cap = 1e-3,
            factor = 10;
        double[] expected = [.. fisher.Select(f => factor * Math.Min(Math.Sqrt(alpha / f), cap))];
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            foreach (var grid in scope.Grids)
            {
                var target = scope.Vector(n);
                scope.Kernels.Fisher.FisherDeviation(
                    scope.Grid(grid),
                    target.Pointer,
                    scope.Array(fisher).Pointer(),
                    n,
                    alpha,
                    cap,
                    factor
                );
                Errors.AssertClose(target.Get(), expected, 4 * precision.Unit(), $"grid {grid}");
            }
        }
    }

    [TestCase(1, 1)]
    [TestCase(7, 31)]
    [TestCase(65, 1)]
    [TestCase(3, 257)]
    public void RowDeviationsAverageTheVariance(int rows, int length)
    {
        var random = TestRandom.ForCurrentTest();
        var fisher = Squares(random, rows * length);
        for (var i = 0; i < fisher.Length; i += 5)
            fisher[i] = 0;
        const double alpha = 1e-6,
            epsilon = 1e-8,
            cap = 1e3,
            factor = 10;
        double[] expected =
        [
            .. Enumerable
                .Range(0, rows)
                .SelectMany(r =>
                    Enumerable.Repeat(
                        Math.Sqrt(
                            factor
                                * alpha
                                * Enumerable.Range(0, length).Average(j => Math.Min(1 / (fisher[(r * length) + j] + epsilon), cap))
                        ),
                        length
                    )
                ),
        ];
        foreach (var precision in Precisions)
        {
            foreach (var test in TestDevices.AllBlockSizes())
            {
                using var scope = new KernelScope(test, precision);
                foreach (var grid in scope.Grids)
                {
                    var target = scope.Vector(rows * length);
                    scope.Kernels.Fisher.FisherRowDeviation(
                        scope.Grid(grid),
                        target.Pointer,
                        scope.Array(fisher).Pointer(),
                        rows,
                        length,
                        alpha,
                        epsilon,
                        cap,
                        factor
                    );
                    Errors.AssertClose(target.Get(), expected, precision == Precision.Float32 ? 1e-7 : 1e-13, $"grid {grid}");
                }
            }
        }
    }

    [Test]
    public void NoiseIsOneMultiplyAdd([ValueSource(nameof(Precisions))] Precision precision, [ValueSource(nameof(Sizes))] int n)
    {
        var random = TestRandom.ForCurrentTest();
        var (theta, deviation, z) = (
            precision.Round(random.NormalArray(n)),
            precision.Round(random.UniformArray(n)),
            precision.Round(random.NormalArray(n))
        );
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            foreach (var grid in scope.Grids)
            {
                var target = scope.Vector(theta);
                scope.Kernels.Fisher.FisherNoise(
                    scope.Grid(grid),
                    target.Pointer,
                    scope.Vector(deviation).Pointer,
                    scope.Vector(z).Pointer,
                    n
                );
                Errors.AssertSame(target.Get(), [.. theta.Select((t, i) => precision.Fma(deviation[i], z[i], t))], $"grid {grid}");
            }
        }
    }
}
