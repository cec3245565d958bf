using Lur.Device;
using Lur.Optimizers;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

/// <summary>The fused updates of LUR are the plain kernels one after another, bit for bit.</summary>
public class LurAdamTests
{
    private const int Count = 3;
    private const double RetainWeight = 0.7,
        ForgetWeight = 0.4,
        Alpha = 0.25;
    private static readonly int[] Sizes = [1, 67, 257];
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];
    private static readonly AdamReference.Options Adam = new(0.02, 0.9, 0.99, 1e-6, 0.1);

    /// <summary>The vectors of an update on the device; one that is absent is a null pointer.</summary>
    private sealed class Problem
    {
        public Problem(KernelScope scope, Precision precision, int n, string vectors, TestRandom random)
        {
            double[] Draw() => precision.Round(random.NormalArray(n));
            (Scope, N, Start, G) = (scope, n, Draw(), scope.Vector(Draw()));
            V = vectors.Contains('v', StringComparison.Ordinal) ? scope.Vector(Draw()) : null;
            H = vectors.Contains('h', StringComparison.Ordinal) ? scope.Vector(Draw()) : null;
            Mask = scope.Array(Array.ConvertAll(new byte[n], _ => (byte)random.Below(2)));
        }

        public KernelScope Scope { get; }
        public int N { get; }
        public double[] Start { get; }
        public GuardedBuffer G { get; }
        public GuardedBuffer? V { get; }
        public GuardedBuffer? H { get; }
        public GuardedArray<byte> Mask { get; }
        public DevicePointer<double> Scale => Scope.Array(Alpha).Pointer();

        public static double[] Numbers(double[] step)
        {
            step[(int)StepParameter.RetainWeight] = RetainWeight;
            step[(int)StepParameter.ForgetWeight] = ForgetWeight;
            return step;
        }

        /// <summary>G by vector_scale and vector_axpy.</summary>
        public GuardedBuffer PlainGradient()
        {
            var (kernels, shape, total) = (Scope.Kernels.Vector, Scope.Device.Elements(N), Scope.Vector(N));
            kernels.VectorScale(shape, total.Pointer, G.Pointer, N, RetainWeight);
            if (V is null)
                return total;
            var outer = Scope.Vector(V.Get());
            if (H is not null)
                kernels.VectorAxpy(shape, outer.Pointer, H.Pointer, N, -Alpha);
            kernels.VectorAxpy(shape, total.Pointer, outer.Pointer, N, ForgetWeight);
            return total;
        }

        /// <summary>G by lur_gradient, and its telemetry.</summary>
        public (double[] Total, double[] Telemetry) LurGradient(GuardedBuffer theta, DevicePointer<double> numbers, LaunchShape shape)
        {
            var (total, partials) = (Scope.Vector(N), Scope.Unwritten<double>(6 * Count));
            Scope.Kernels.Lur.LurGradient(
                shape,
                total.Pointer,
                partials.Pointer(),
                G.Pointer,
                V?.Pointer ?? default,
                H?.Pointer ?? default,
                theta.Pointer,
                numbers,
                Scale,
                N,
                Count
            );
            return (total.Get(), partials.Download());
        }
    }

    [Test]
    public void TheFusedUpdateIsThePlainOne(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int n,
        [Values] bool masked,
        [Values] bool decoupled,
        [Values("g", "gv", "gvh")] string vectors
    )
    {
        var seed = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var p = new Problem(scope, precision, n, vectors, seed);
            var options = Adam with { Decoupled = decoupled };
            var total = p.PlainGradient();
            foreach (var grid in scope.Grids)
            {
                var (plain, fused) = (new AdamScope(scope, p.Start, options), new AdamScope(scope, p.Start, options));
                var numbers = Problem.Numbers(AdamScope.StepArray(options));
                plain.Numbers.Upload(numbers);
                fused.Numbers.Upload(numbers);
                var gradient = p.LurGradient(plain.Theta, plain.Numbers.Pointer(), scope.Grid(grid));
                Errors.AssertSame(gradient.Total, total.Get(), "G of lur_gradient");
                for (var s = 0; s < 2; s++)
                {
                    plain.Step(total, masked ? p.Mask : null);
                    var telemetry = Fused(p, fused, masked, scope.Grid(grid), decoupled, default);
                    // Sums of one loop are not those of another to the bit: (n + 12) u, as derived in VectorTests, on each side.
                    if (s == 0)
                        Errors.AssertClose(telemetry, gradient.Telemetry, 2 * (n + 12) * precision.Unit(), "telemetry");
                    foreach (var (a, b) in fused.State().Zip(plain.State()))
                        Errors.AssertSame(a, b, $"state after step {s + 1}, grid {grid}");
                }
            }
        }
    }

    [Test]
    public void SgdsFusedUpdateIsThePlainOne(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int n,
        [Values] bool masked,
        [Values] bool nesterov,
        [Values("g", "gv", "gvh")] string vectors
    )
    {
        var seed = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var p = new Problem(scope, precision, n, vectors, seed);
            var momentum = precision.Round(seed.NormalArray(n));
            var numbers = scope.Array(Problem.Numbers(SgdTests.StepArray(new(0.1, 0.9, 0.01)))).Pointer();
            var mask = masked ? p.Mask.Pointer() : default;
            var (theta, m, thetaPlain, mPlain) = (
                scope.Vector(p.Start),
                scope.Vector(momentum),
                scope.Vector(p.Start),
                scope.Vector(momentum)
            );
            var (total, elements) = (p.PlainGradient(), scope.Device.Elements(n));
            scope.Kernels.Sgd.SgdStep(
                elements,
                thetaPlain.Pointer,
                mPlain.Pointer,
                total.Pointer,
                mask,
                numbers,
                default,
                n,
                nesterov ? 1 : 0
            );
            scope.Kernels.Lur.LurMetaUpdate(
                scope.Device.Blocks(Count),
                theta.Pointer,
                m.Pointer,
                scope.Unwritten<double>(6 * Count).Pointer(),
                p.G.Pointer,
                p.V?.Pointer ?? default,
                p.H?.Pointer ?? default,
                mask,
                numbers,
                p.Scale,
                default,
                n,
                Count,
                nesterov ? 1 : 0
            );
            Errors.AssertSame(theta.Get(), thetaPlain.Get(), "theta");
            Errors.AssertSame(m.Get(), mPlain.Get(), "momentum");
        }
    }

    [Test]
    public void ASkippedUpdateStillTellsWhichNormBroke([ValueSource(nameof(Precisions))] Precision precision)
    {
        const int n = 131;
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var p = new Problem(scope, precision, n, "gvh", random);
            var v = p.V!.Get();
            v[n - 2] = double.NaN;
            p.V.Set(v);
            var adam = new AdamScope(scope, p.Start, Adam);
            adam.Numbers.Upload(Problem.Numbers(AdamScope.StepArray(Adam)));
            var before = adam.State();
            var partials = Fused(p, adam, false, scope.Device.Blocks(Count), false, scope.Array(1).Pointer());
            foreach (var (a, b) in adam.State().Zip(before))
                Errors.AssertSame(a, b, "state of a skipped step");
            var sums = Enumerable.Range(0, 6).Select(k => partials.Skip(k * Count).Take(Count).Sum()).ToArray();
            Assert.That(sums.Select(double.IsFinite), Is.EqualTo(new[] { true, false, false, true, true, true }));
            Assert.That(sums[5], Is.EqualTo(1), "number of non-finite elements of G");
        }
    }

    private static double[] Fused(Problem p, AdamScope adam, bool masked, LaunchShape shape, bool decoupled, DevicePointer<int> skip)
    {
        var (scope, partials) = (p.Scope, p.Scope.Unwritten<double>(6 * Count));
        scope.Kernels.Adam.AdamBegin(scope.Device.Elements(1), adam.Clock.Pointer(), adam.Numbers.Pointer(), skip);
        scope.Kernels.LurAdam.LurAdamUpdate(
            shape,
            adam.Theta.Pointer,
            adam.M.Pointer,
            adam.V.Pointer,
            partials.Pointer(),
            p.G.Pointer,
            p.V?.Pointer ?? default,
            p.H?.Pointer ?? default,
            masked ? p.Mask.Pointer() : default,
            adam.Numbers.Pointer(),
            adam.Clock.Pointer(),
            p.Scale,
            skip,
            p.N,
            Count,
            decoupled ? 1 : 0
        );
        return partials.Download();
    }
}
