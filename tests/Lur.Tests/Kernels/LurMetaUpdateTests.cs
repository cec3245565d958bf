using Lur.Device;
using Lur.Optimizers;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

/// <summary>lur_meta_update against the formula, and its degenerate cases bit for bit.</summary>
public class LurMetaUpdateTests
{
    private const double RetainWeight = 0.7,
        ForgetWeight = 0.4,
        Alpha = 0.25;
    private static readonly int[] Sizes = [1, 31, 65, 257, 1009];
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];
    private static readonly Optimisation.Options Sgd = new(0.1, 0.9, 0.01, false);

    private sealed record Problem(double[] Theta, double[] Momentum, double[] G, double[] V, double[] H, byte[] Mask)
    {
        public static Problem Random(Precision precision, int n)
        {
            var random = TestRandom.ForCurrentTest();
            double[] Vector() => precision.Round(random.NormalArray(n));
            return new(Vector(), Vector(), Vector(), Vector(), Vector(), Array.ConvertAll(new byte[n], _ => (byte)random.Below(2)));
        }
    }

    // The checked device switches fibers some hundred times a chunk for the six block sums.
    private static bool TooSlow(TestDevice test, int n) => test.ChecksMemory && n is not (1 or 257);

    /// <summary>What one launch left behind.</summary>
    private sealed record Result(double[] Theta, double[] Momentum, double[] Partials, double[] Telemetry);

    private static Result Run(
        KernelScope scope,
        Problem p,
        LaunchShape shape,
        int count,
        double alpha = Alpha,
        double forget = ForgetWeight,
        bool v = true,
        bool h = true,
        bool mask = false,
        bool nesterov = false,
        int? skip = null
    )
    {
        var step = SgdTests.StepArray(Sgd);
        step[(int)StepParameter.RetainWeight] = RetainWeight;
        step[(int)StepParameter.ForgetWeight] = forget;
        var (theta, momentum, partials) = (scope.Vector(p.Theta), scope.Vector(p.Momentum), scope.Unwritten<double>(6 * count));
        var (dv, dh) = (v ? scope.Vector(p.V).Pointer : default, h ? scope.Vector(p.H).Pointer : default);
        scope.Kernels.Lur.LurMetaUpdate(
            shape,
            theta.Pointer,
            momentum.Pointer,
            partials.Pointer(),
            scope.Vector(p.G).Pointer,
            dv,
            dh,
            mask ? scope.Array(p.Mask).Pointer() : default,
            scope.Array(step).Pointer(),
            scope.Array(alpha).Pointer(),
            skip is { } s ? scope.Array(s).Pointer() : default,
            p.G.Length,
            count,
            nesterov ? 1 : 0
        );
        return new(theta.Get(), momentum.Get(), partials.Download(), scope.FinishSum(partials, count, 6));
    }

    // theta and momentum: some ten roundings of numbers below 10 times the largest input, so 100 u of the largest.
    // Telemetry: (n + 12) u of the sum of absolute terms, as derived in VectorTests.
    [Test]
    public void FollowsTheFormula(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int n,
        [Values] bool mask,
        [Values] bool nesterov,
        [Values("g", "gv", "gvh")] string vectors
    )
    {
        var p = Problem.Random(precision, n);
        var (withV, withH) = (vectors.Contains('v', StringComparison.Ordinal), vectors.Contains('h', StringComparison.Ordinal));
        var (v, h) = (withV ? p.V : new double[n], withH ? p.H : new double[n]);
        var (theta, momentum) = ((double[])p.Theta.Clone(), (double[])p.Momentum.Clone());
        Optimisation.Sgd(
            theta,
            momentum,
            Optimisation.MetaGradient(p.G, v, h, RetainWeight, ForgetWeight, Alpha),
            mask ? p.Mask : null,
            Sgd with
            {
                Nesterov = nesterov,
            }
        );
        double[] telemetry =
        [
            Vectors.Dot(p.G, p.G),
            Vectors.Dot(v, v),
            Vectors.Dot(p.G, v),
            Vectors.Dot(h, h),
            Vectors.Dot(p.Theta, p.Theta),
            0,
        ];
        var bound = (n + 12) * precision.Unit() * telemetry.Max();
        foreach (var test in TestDevices.AllBlockSizes())
        {
            if (TooSlow(test, n))
                continue;
            foreach (var count in test.ChecksMemory ? [3] : new[] { 1, 3 })
            {
                Result? first = null;
                using var scope = new KernelScope(test, precision);
                foreach (var grid in scope.Grids)
                {
                    var r = Run(scope, p, scope.Grid(grid), count, v: withV, h: withH, mask: mask, nesterov: nesterov);
                    first ??= r;
                    Errors.AssertSame(r.Partials, first.Partials, $"telemetry, grid {grid}");
                    Errors.AssertSame(r.Theta, first.Theta, $"theta, grid {grid}");
                    Errors.AssertClose(r.Theta, theta, 100 * precision.Unit(), "theta");
                    Errors.AssertClose(r.Momentum, momentum, 100 * precision.Unit(), "momentum");
                    Assert.That(r.Telemetry, Is.EqualTo(telemetry).Within(bound), "telemetry");
                    for (var i = 0; mask && i < n; i++)
                        if (p.Mask[i] == 0)
                            Assert.That((r.Theta[i], r.Momentum[i]), Is.EqualTo((p.Theta[i], p.Momentum[i])));
                }
            }
        }
    }

    /// <summary>sgd_step on a gradient that vector_scale and vector_axpy put together.</summary>
    private static (double[] Theta, double[] Momentum) JointStep(KernelScope scope, Problem p, bool v, bool mask, bool nesterov)
    {
        var n = p.G.Length;
        var (total, shape) = (scope.Vector(n), scope.Device.Elements(n));
        scope.Kernels.Vector.VectorScale(shape, total.Pointer, scope.Vector(p.G).Pointer, n, RetainWeight);
        if (v)
            scope.Kernels.Vector.VectorAxpy(shape, total.Pointer, scope.Vector(p.V).Pointer, n, ForgetWeight);
        var (theta, momentum) = (scope.Vector(p.Theta), scope.Vector(p.Momentum));
        scope.Kernels.Sgd.SgdStep(
            shape,
            theta.Pointer,
            momentum.Pointer,
            total.Pointer,
            mask ? scope.Array(p.Mask).Pointer() : default,
            scope.Array(SgdTests.StepArray(Sgd)).Pointer(),
            default,
            n,
            nesterov ? 1 : 0
        );
        return (theta.Get(), momentum.Get());
    }

    [Test]
    public void DegenerateCasesAreBitExact(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int n,
        [Values] bool mask,
        [Values] bool nesterov
    )
    {
        var p = Problem.Random(precision, n);
        foreach (var test in TestDevices.AllBlockSizes())
        {
            if (TooSlow(test, n))
                continue;
            using var scope = new KernelScope(test, precision);
            var shape = scope.Device.Blocks(5);
            void Same(Result actual, (double[] Theta, double[] Momentum) expected, string what)
            {
                Errors.AssertSame(actual.Theta, expected.Theta, what + ": theta");
                Errors.AssertSame(actual.Momentum, expected.Momentum, what + ": momentum");
            }
            var joint = JointStep(scope, p, true, mask, nesterov);
            Same(Run(scope, p, shape, 5, alpha: 0, mask: mask, nesterov: nesterov), joint, "alpha 0 is joint training");
            Same(Run(scope, p, shape, 5, h: false, mask: mask, nesterov: nesterov), joint, "h null is joint training");
            var tuning = JointStep(scope, p, false, mask, nesterov);
            Same(Run(scope, p, shape, 5, forget: 0, mask: mask, nesterov: nesterov), tuning, "forget weight 0 is fine-tuning");
            Same(Run(scope, p, shape, 5, v: false, h: false, mask: mask, nesterov: nesterov), tuning, "v null is fine-tuning");
        }
    }

    [Test]
    public void ABadVectorIsSeenBeforeTheFirstWrite(
        [ValueSource(nameof(Precisions))] Precision precision,
        [Values("g", "v", "h")] string where,
        [Values(double.NaN, double.PositiveInfinity)] double bad
    )
    {
        const int n = 257;
        var p = Problem.Random(precision, n);
        var vectors = new Dictionary<string, double[]>
        {
            ["g"] = p.G,
            ["v"] = p.V,
            ["h"] = p.H,
        };
        vectors[where][n - 2] = bad;
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var (squares, skip) = (scope.Unwritten<double>(3), scope.Array(0, 0));
            foreach (var (k, x) in new[] { p.G, p.V, p.H }.Index())
            {
                var partials = scope.Unwritten<double>(4);
                scope.Kernels.Vector.VectorSquareSum(scope.Device.Blocks(4), partials.Pointer(), scope.Vector(x).Pointer, n, 4);
                scope.Kernels.Vector.VectorFinishSum(
                    scope.Device.Blocks(1),
                    squares.Pointer().At(k, sizeof(double)),
                    partials.Pointer(),
                    4,
                    1
                );
            }
            scope.Kernels.Guard.StepGuard(scope.Device.Elements(1), skip.Pointer(), squares.Pointer(), default, 3);
            Assert.That(skip.Download(), Is.EqualTo(new[] { 1, 1 }));
            var r = Run(scope, p, scope.Device.Blocks(4), 4, skip: skip.Download()[0]);
            Errors.AssertSame(r.Theta, p.Theta, "theta of a skipped step");
            Errors.AssertSame(r.Momentum, p.Momentum, "momentum of a skipped step");
            Assert.That(r.Telemetry[5], Is.EqualTo(1), "number of non-finite elements");
            Assert.That(
                double.IsFinite(
                    r.Telemetry[
                        where == "g" ? 0
                        : where == "v" ? 1
                        : 3
                    ]
                ),
                Is.False,
                $"|{where}|^2 shows which it was"
            );
            var taken = Run(scope, p, scope.Device.Blocks(4), 4, skip: 0);
            Assert.That(taken.Theta.Count(double.IsFinite), Is.EqualTo(n - 1), "skip = 0 takes the step");
        }
    }
}
