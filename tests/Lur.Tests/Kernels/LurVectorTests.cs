using Lur.Device;
using Lur.Optimizers;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>The small kernels of lur.cu: look-ahead, finite difference, guard.</summary>
public class LurVectorTests
{
    private static readonly int[] Sizes = [1, 31, 65, 257, 1009];
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];

    [Test]
    public void LookAheadIsOneFmaAndMeasuresWhatItReads(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int n,
        [Values(1, 3)] int count
    )
    {
        var random = TestRandom.ForCurrentTest();
        var (theta, g) = (precision.Round(random.NormalArray(n)), precision.Round(random.NormalArray(n)));
        const double alpha = 0.3;
        double[] expected = [.. theta.Zip(g, (t, d) => precision.Fma(-precision.Round(alpha), d, t))];
        foreach (var test in TestDevices.AllBlockSizes())
        {
            double[]? first = null;
            using var scope = new KernelScope(test, precision);
            foreach (var grid in scope.Grids)
            {
                var (ahead, partials) = (scope.Vector(n), scope.Unwritten<double>(2 * count));
                scope.Kernels.Lur.LurLookAhead(
                    scope.Grid(grid),
                    ahead.Pointer,
                    partials.Pointer(),
                    scope.Vector(theta).Pointer,
                    scope.Vector(g).Pointer,
                    scope.Array(alpha).Pointer(),
                    n,
                    count
                );
                Errors.AssertSame(ahead.Get(), expected, $"look-ahead, grid {grid}");
                var bits = partials.Download();
                Errors.AssertSame(bits, first ??= bits, $"telemetry, grid {grid}");
                // (n + 12) u: as derived in VectorTests; every term is positive.
                Errors.AssertClose(
                    scope.FinishSum(partials, count, 2),
                    [g.Sum(x => x * x), theta.Sum(x => x * x)],
                    (n + 12) * precision.Unit(),
                    "|g|^2, |theta|^2"
                );
            }
        }
    }

    [TestCase(0.1, 3.0, 0.0, 0.1, Description = "no cap")]
    [TestCase(0.1, 3.0, 1.0, 0.1, Description = "alpha |g| = 0.3 below the cap")]
    [TestCase(0.1, 50.0, 1.0, 0.02, Description = "alpha |g| = 5 above the cap")]
    [TestCase(0.1, 0.0, 1.0, 0.1, Description = "no gradient")]
    [TestCase(0.0, 5.0, 1.0, 0.0, Description = "alpha 0")]
    public void TheLookAheadStepIsCapped(double alpha, double norm, double cap, double expected)
    {
        var step = new double[StepParameters.Count];
        step[(int)StepParameter.Alpha] = alpha;
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, Precision.Float32);
            var scale = scope.Unwritten<double>(1);
            scope.Kernels.Lur.LurCappedAlpha(
                scope.Grid(2),
                scale.Pointer(),
                scope.Array(norm * norm).Pointer(),
                scope.Array(step).Pointer(),
                cap
            );
            Assert.That(scale.Download()[0], Is.EqualTo(expected).Within(1e-15));
        }
    }

    // On a quadratic form the central difference is exact but for rounding: with H diagonal and g(theta) = H theta,
    // h = H (theta + eps v - (theta - eps v)) / (2 eps). theta + eps v is rounded to u |theta|, divided by eps = r / |v|:
    // error u |H| (2 |theta| + 4) / eps; entries are below 5 in size.
    [Test]
    public void TheDifferenceOfAQuadraticIsItsHessianProduct(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int n,
        [Values] bool oneSided
    )
    {
        var random = TestRandom.ForCurrentTest();
        var theta = precision.Round(random.UniformArray(n, -4, 4));
        var (v, hessian) = (precision.Round(random.NormalArray(n)), random.UniformArray(n, -1, 1));
        var square = v.Sum(x => x * x);
        const double r = 0.5;
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var (lur, scales, dv, dtheta) = (scope.Kernels.Lur, scope.Unwritten<double>(3), scope.Vector(v), scope.Vector(theta));
            lur.LurDifferenceScales(scope.Grid(2), scales.Pointer(), scope.Array(square).Pointer(), r);
            var s = scales.Download();
            Assert.That(s[0], Is.EqualTo(r / Math.Sqrt(square)).Within(1e-14 * s[0]));
            double[] Gradient(double sign)
            {
                var point = scope.Vector(n);
                lur.LurPerturb(scope.Device.Elements(n), point.Pointer, dtheta.Pointer, dv.Pointer, scales.Pointer(), n, sign);
                return [.. point.Get().Zip(hessian, (t, h) => t * h)];
            }
            var (plus, minus) = (scope.Vector(Gradient(1)), scope.Vector(Gradient(oneSided ? 0 : -1)));
            double[] expected = [.. v.Zip(hessian, (x, h) => x * h)];
            var tolerance = 12 * precision.Unit() / s[0];
            foreach (var grid in scope.Grids)
            {
                var (h, partials) = (scope.Vector(n), scope.Unwritten<double>(3));
                lur.LurDifference(
                    scope.Grid(grid),
                    h.Pointer,
                    partials.Pointer(),
                    plus.Pointer,
                    minus.Pointer,
                    scales.Pointer().At(oneSided ? 2 : 1, sizeof(double)),
                    n,
                    3
                );
                var actual = h.Get();
                Assert.That(actual, Is.EqualTo(expected).Within(tolerance), $"grid {grid}");
                Errors.AssertClose(scope.FinishSum(partials, 3, 1), [actual.Sum(x => x * x)], (n + 12) * precision.Unit(), "|h|^2");
            }
        }
    }

    [Test]
    public void NoForgetGradientMeansNoPerturbationAndNoProduct([ValueSource(nameof(Precisions))] Precision precision)
    {
        const int n = 67;
        var random = TestRandom.ForCurrentTest();
        var (theta, g) = (precision.Round(random.NormalArray(n)), precision.Round(random.NormalArray(n)));
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var (lur, scales, point, dg) = (scope.Kernels.Lur, scope.Unwritten<double>(3), scope.Vector(n), scope.Vector(g));
            lur.LurDifferenceScales(scope.Grid(1), scales.Pointer(), scope.Array(0.0).Pointer(), 0.01);
            Assert.That(scales.Download(), Is.All.Zero);
            lur.LurPerturb(
                scope.Grid(3),
                point.Pointer,
                scope.Vector(theta).Pointer,
                scope.Vector(new double[n]).Pointer,
                scales.Pointer(),
                n,
                1
            );
            Errors.AssertSame(point.Get(), theta, "theta + eps v");
            lur.LurDifference(
                scope.Grid(3),
                dg.Pointer,
                scope.Unwritten<double>(2).Pointer(),
                dg.Pointer,
                scope.Vector(Array.ConvertAll(g, _ => double.NaN)).Pointer,
                scales.Pointer().At(1, sizeof(double)),
                n,
                2
            );
            Errors.AssertSame(dg.Get(), new double[n], "h, in place of g+");
        }
    }

    [Test]
    public void TheGuardSeesEveryValueAndCountsSkippedSteps()
    {
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, Precision.Float32);
            var skip = scope.Array(7, 0);
            var skipped = 0;
            foreach (var bad in new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity })
            {
                for (var at = -1; at < 5; at++)
                {
                    double[] values = [0, -1, 1e300, 5e-324, 2];
                    if (at >= 0)
                        values[at] = bad;
                    if (at >= 0)
                        skipped++;
                    scope.Kernels.Guard.StepGuard(scope.Grid(2), skip.Pointer(), scope.Array(values).Pointer(), default, values.Length);
                    Assert.That(skip.Download(), Is.EqualTo(new[] { at >= 0 ? 1 : 0, skipped }), $"{bad} at {at}");
                }
            }
        }
    }
}
