using Lur.Device;
using Lur.Tasks.Diffusion;
using Lur.Tests.Device;
using Lur.Tests.Diffusion;

namespace Lur.Tests.Kernels;

/// <summary>sampler.cu against its formula, term by term.</summary>
public class SamplerTests
{
    private static readonly int[] Sizes = [1, 31, 257, 1009];
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];

    private static readonly SamplerRow[] s_rows =
    [
        new(999, new(1.5, -0.7, 0.3, 0.8), 0.25, 0.5, -1.25, 0.75, -0.375),
        new(17, new(0, 1, 1.5, -0.5), 0, 1, 0.5),
    ];

    // Guidance takes three roundings more than an unguided step, whose 16 units SamplerFixtureTests counts.
    [Test]
    public void AStepIsTheSumOfItsTerms(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int n,
        [Values(0, 1)] int row,
        [Values] bool guided,
        [Values(0, 0.5)] double clip
    )
    {
        const double guidance = 7.5;
        var random = TestRandom.ForCurrentTest();
        double[] Draw(int count) => precision.Round(random.NormalArray(count));
        var (x, output, z, before) = (Draw(n), Draw(guided ? 2 * n : n), Draw(n), Draw(n));
        var (r, expected, x0, size) = (s_rows[row], new double[n], new double[n], new double[n]);
        for (var i = 0; i < n; i++)
        {
            // The null half comes first.
            var m = guided ? output[i] + (guidance * (output[n + i] - output[i])) : output[i];
            size[i] = guided ? Math.Abs(output[i]) + (guidance * (Math.Abs(output[n + i]) + Math.Abs(output[i]))) : m;
            x0[i] = (r.Form.SampleOfX * x[i]) + (r.Form.SampleOfOutput * m);
            x0[i] = clip > 0 ? Math.Clamp(x0[i], -clip, clip) : x0[i];
            var e = (r.Form.NoiseOfX * x[i]) + (r.Form.NoiseOfOutput * m);
            expected[i] = (r.X * x[i]) + (r.Sample * x0[i]) + (r.Noise * e) + (r.Random * z[i]) + (r.Previous * before[i]);
        }

        var allowed = Magnitudes.Of(r, x, size, z, before, 20 * precision.Unit());
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            foreach (var grid in scope.Grids)
            {
                var (state, kept) = (scope.Vector(guided ? [.. x, .. x] : x), scope.Vector(before));
                // What a row has no factor for is not read: it may be NaN.
                var fresh = row == 0 ? scope.Vector(z) : scope.Vector(n);
                if (row == 1)
                    kept = scope.Vector(n);
                Step(scope, scope.Grid(grid), state, kept, scope.Vector(output), fresh.Pointer, row, n, guided ? guidance : null, clip);
                var actual = state.Get();
                Errors.AssertWithin(actual[..n], expected, allowed, $"{scope.Name} x, grid {grid}");
                if (guided)
                    Errors.AssertSame(actual[n..], actual[..n], "both halves");
                var bound = Magnitudes.Of(
                    r with
                    {
                        X = 0,
                        Sample = 1,
                        Noise = 0,
                        Random = 0,
                        Previous = 0,
                    },
                    x,
                    size,
                    z,
                    null,
                    20 * precision.Unit()
                );
                Errors.AssertWithin(kept.Get(), x0, bound, $"{scope.Name} x0, grid {grid}");
            }
        }
    }

    // m_null + s (m_cond - m_null): 0 is the network without the condition, 1 that with it, and more goes beyond it.
    [Test]
    public void GuidanceMovesFromTheNullHalfToTheConditionalOne([ValueSource(nameof(Precisions))] Precision precision)
    {
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var (guidance, expected) in new[] { (0, 1.0), (1, 3), (2, 5), (-1, -1) })
        {
            using var scope = new KernelScope(test, precision);
            var x = scope.Vector([0.0, 0]);
            // x' = e = m, null 1 and conditional 3.
            var table = scope.Vector([0.0, 0, 0, 1, 0, 0, 1, 0, 0, 5]);
            scope.Kernels.Sampler.SamplerStep(
                scope.Device.Elements(1),
                x.Pointer,
                default,
                scope.Vector([1.0, 3]).Pointer,
                default,
                table.Pointer,
                scope.Array(0ul).Pointer(),
                1,
                1,
                guidance,
                0
            );
            Assert.That(x.Get(), Is.EqualTo(new[] { expected, expected }), $"guidance {guidance}");
        }
    }

    [Test]
    public void ANaNIsNotClippedAway([ValueSource(nameof(Precisions))] Precision precision)
    {
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var (x, kept) = (scope.Vector([1.0, 2, 3]), scope.Vector([0.0, 0, 0]));
            var output = scope.Vector([double.PositiveInfinity, double.NaN, 0.0]);
            Step(scope, scope.Device.Elements(3), x, kept, output, default, 1, 3, null, 1);
            Assert.That(kept.Get(), Is.EqualTo(new[] { 1, double.NaN, 0 }));
        }
    }

    [Test]
    public void TheTimestepIsThatOfTheRow([ValueSource(nameof(Precisions))] Precision precision, [ValueSource(nameof(Sizes))] int n)
    {
        var schedule = SamplerSchedule.Of(SamplerKind.Ddim, SchedulerConfig.Default(SchedulerClass.Ddim), 1000);
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var row in new[] { 0, 1, 998, 999 })
        {
            using var scope = new KernelScope(test, precision);
            var t = scope.Unwritten<int>(n);
            scope.Kernels.Sampler.SamplerBegin(
                scope.Device.Elements(n),
                t.Pointer(),
                scope.Vector(schedule.Table()).Pointer,
                scope.Array((ulong)row).Pointer(),
                n
            );
            Assert.That(t.Download(), Is.All.EqualTo(999 - row));
        }
    }

    private static void Step(
        KernelScope scope,
        LaunchShape shape,
        GuardedBuffer x,
        GuardedBuffer kept,
        GuardedBuffer output,
        DevicePointer<Real> z,
        int row,
        int n,
        double? guidance,
        double clip
    )
    {
        double[] Numbers(SamplerRow r) =>
            [
                r.Form.SampleOfX,
                r.Form.SampleOfOutput,
                r.Form.NoiseOfX,
                r.Form.NoiseOfOutput,
                r.X,
                r.Sample,
                r.Noise,
                r.Random,
                r.Previous,
                r.Timestep,
            ];
        scope.Kernels.Sampler.SamplerStep(
            shape,
            x.Pointer,
            kept.Pointer,
            output.Pointer,
            z,
            scope.Vector([.. s_rows.SelectMany(Numbers)]).Pointer,
            scope.Array((ulong)row).Pointer(),
            n,
            guidance is null ? 0 : 1,
            guidance ?? 1,
            clip
        );
    }
}
