using Lur.Device;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

/// <summary>projection.cu: the box-constrained problem against its closed form, a grid and an enumeration (T3), and the
/// correction of the gradient.</summary>
public class ProjectionTests
{
    private const double Ridge = 1e-3;
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];

    /// <summary>v and its sum, from the kernel.</summary>
    private static (double[] V, double Total) Solve(KernelScope scope, double[][] memories, double[] d, double margin, int enabled = 1)
    {
        var t = d.Length;
        var gram = BoxProblem.Matrix(memories, 0).Cast<double>().ToArray();
        var (v, total) = (scope.Unwritten<double>(t), scope.Unwritten<double>(1));
        scope.Kernels.Projection.ProjectionSolve(
            scope.Grid(2),
            v.Pointer(),
            total.Pointer(),
            scope.Array(d).Pointer(),
            scope.Array(gram).Pointer(),
            scope.Array(enabled).Pointer(),
            t,
            margin,
            Ridge
        );
        return (v.Download(), total.Download()[0]);
    }

    [TestCase(-3.0, 2.0, 3 / (4 + Ridge), Description = "above the margin")]
    [TestCase(-0.1, 2.0, 0.5, Description = "a marginal violation adds half a memory")]
    [TestCase(-1e-300, 2.0, 0.5, Description = "however marginal")]
    [TestCase(0.0, 2.0, 0.0, Description = "no violation")]
    [TestCase(5.0, 2.0, 0.0, Description = "no violation")]
    [TestCase(-3.0, 0.0, 3000.0, Description = "an empty memory: the ridge bounds it")]
    public void OneMemoryHasTheClosedForm(double product, double norm, double expected)
    {
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, Precision.Float32);
            var (v, total) = Solve(
                scope,
                [
                    [norm],
                ],
                [product],
                0.5
            );
            Assert.That(v[0], Is.EqualTo(expected).Within(1e-15 * expected));
            Assert.That(total, Is.EqualTo(v[0]));
            Assert.That(
                Solve(
                    scope,
                    [
                        [norm],
                    ],
                    [product],
                    0.5,
                    enabled: 0
                ),
                Is.EqualTo((new[] { 0.0 }, 0.0)),
                "switched off"
            );
        }
    }

    // Strongly correlated memories are the hard case for coordinate descent: gradients of batches of one set are.
    [Test]
    public void SeveralMemoriesAreSolvedExactly(
        [Values(2, 3, 5)] int t,
        [Values(0.0, 0.9, 0.999)] double shared,
        [Values(0.5, 0.0)] double margin
    )
    {
        var random = TestRandom.ForCurrentTest();
        var trunk = random.NormalArray(40);
        var memories = Enumerable
            .Range(0, t)
            .Select(_ => random.NormalArray(40).Zip(trunk, (a, b) => ((1 - shared) * a) + (shared * b)).ToArray())
            .ToArray();
        foreach (var test in TestDevices.All)
        {
            using var scope = new KernelScope(test, Precision.Float64);
            for (var draw = 0; draw < (test.ChecksMemory ? 1 : 4); draw++)
            {
                var g = random.NormalArray(40);
                double[] d = [.. memories.Select(m => m.Zip(g, (a, b) => a * b).Sum())];
                d[random.Below(t)] = -Math.Abs(d[0]) - 1; // at least one is violated
                var p = BoxProblem.Matrix(memories, Ridge);
                var (v, total) = Solve(scope, memories, d, margin);
                // The descent ends at a relative change of 1e-14 a sweep; a condition of 1e3 turns that into 1e-11.
                Errors.AssertClose(v, BoxProblem.Solve(p, d, margin), 1e-8, "multipliers");
                Assert.That(total, Is.EqualTo(v.Sum()).Within(1e-12 * v.Sum()));
                if (t == 2)
                    AssertNoBetterGridPoint(p, d, v, margin);
            }
        }
    }

    private static void AssertNoBetterGridPoint(double[,] p, double[] d, double[] v, double margin)
    {
        var (best, top) = (BoxProblem.Value(p, d, v), (2 * v.Max()) + 1);
        for (var i = 0; i <= 200; i++)
        for (var j = 0; j <= 200; j++)
        {
            double[] point = [margin + (top * i / 200), margin + (top * j / 200)];
            Assert.That(
                BoxProblem.Value(p, d, point),
                Is.GreaterThanOrEqualTo(best - (1e-12 * Math.Abs(best))),
                $"at {point[0]}, {point[1]}"
            );
        }
    }

    [Test]
    public void WhatIsNotFiniteShowsInTheSum()
    {
        foreach (var test in TestDevices.All)
        {
            using var scope = new KernelScope(test, Precision.Float32);
            Assert.That(
                Solve(
                    scope,
                    [
                        [1.0],
                        [2.0],
                    ],
                    [1.0, double.NaN],
                    0.5
                ).Total,
                Is.NaN
            );
            Assert.That(
                double.IsFinite(
                    Solve(
                        scope,
                        [
                            [double.PositiveInfinity],
                            [2.0],
                        ],
                        [-1.0, 1.0],
                        0.5
                    ).Total
                ),
                Is.False
            );
        }
    }

    [Test]
    public void TheCorrectionIsOneFma([ValueSource(nameof(Precisions))] Precision precision, [Values(1, 67, 257)] int n)
    {
        var random = TestRandom.ForCurrentTest();
        var (g, m) = (precision.Round(random.NormalArray(n)), precision.Round(random.NormalArray(n)));
        g[0] = -0.0; // adding 0 m would make it +0
        const double v = 0.7;
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var (corrected, untouched, dm) = (scope.Vector(g), scope.Vector(g), scope.Vector(m));
            scope.Kernels.Projection.ProjectionApply(scope.Grid(3), corrected.Pointer, dm.Pointer, scope.Array(v).Pointer(), n);
            scope.Kernels.Projection.ProjectionApply(scope.Grid(3), untouched.Pointer, dm.Pointer, scope.Array(0.0).Pointer(), n);
            Errors.AssertSame(corrected.Get(), [.. g.Zip(m, (a, b) => precision.Fma(precision.Round(v), b, a))], "g + v m");
            Errors.AssertSame(untouched.Get(), g, "g");
        }
    }
}
