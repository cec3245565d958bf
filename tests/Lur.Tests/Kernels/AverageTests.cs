using Lur.Device;
using Lur.Tests.Device;
using Lur.Tests.Golden;

namespace Lur.Tests.Kernels;

/// <summary>average.cu against torch's AveragedModel and the decays of diffusers' EMAModel.</summary>
public class AverageTests
{
    private static readonly int[] Sizes = [1, 31, 257, 1009];
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];

    private sealed record Options(double Decay, int WarmUp = 0, double Least = 0, double Power = 1, int After = 0);

    // Expected: diffusers.training_utils.EMAModel(decay, min_decay, update_after_step, use_ema_warmup, power).get_decay.
    private static readonly object[] s_decays =
    [
        new object[] { new Options(0.9999, 1), new[] { 0, 0.18181818181818182, 0.25, 0.3076923076923077, 0.35714285714285715 } },
        new object[]
        {
            new Options(0.9999, 2, Power: 2.0 / 3),
            new[] { 0, 0.3700394750525634, 0.5192501432308638, 0.6031497370079502, 0.6580048106646605 },
        },
        new object[] { new Options(0.999, 1, Least: 0.1, After: 3), new[] { 0, 0, 0, 0, 0.18181818181818182, 0.25, 0.3076923076923077 } },
        new object[] { new Options(0.2, 1, Least: 0.19), new[] { 0, 0.19, 0.2, 0.2 } },
        new object[] { new Options(0.97), new[] { 0.97, 0.97, 0.97 } },
    ];

    // The decay is known to a few roundings of 1 - x^-power: 1e-14 is 50 of them.
    [TestCaseSource(nameof(s_decays))]
    public void TheDecayRisesAsDiffusersDoes(object options, double[] expected)
    {
        var o = (Options)options;
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, Precision.Float64);
            var clock = scope.Array(0.0, 0);
            foreach (var decay in expected)
            {
                Begin(scope, clock, o);
                Assert.That(clock.Download()[1], Is.EqualTo(decay).Within(1e-14));
            }
        }
    }

    // Six steps; each rounds twice, and the average forgets: 20 u of the largest.
    [Test]
    public void FollowsTorch([ValueSource(nameof(Precisions))] Precision precision)
    {
        var fixture = Fixture.Open("optimizers");
        var (weights, averages) = (fixture.Doubles("average/weights"), fixture.Doubles("average/averages"));
        var n = fixture.Shape("average/weights")[1];
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var (a, clock) = (scope.Vector(fixture.Doubles("average/start")), scope.Array(0.0, 0));
            for (var s = 0; s < fixture.Shape("average/weights")[0]; s++)
            {
                var theta = scope.Vector(weights[(s * n)..((s + 1) * n)]);
                Begin(scope, clock, new(0.97));
                scope.Kernels.Average.AverageStep(scope.Device.Elements(n), a.Pointer, theta.Pointer, clock.Pointer(), default, n);
                Errors.AssertClose(a.Get(), averages[(s * n)..((s + 1) * n)], 20 * precision.Unit(), $"average after step {s + 1}");
            }
        }
    }

    [Test]
    public void AStepMovesTheAverageAndDecayZeroCopies(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int n
    )
    {
        var random = TestRandom.ForCurrentTest();
        var (start, theta) = (precision.Round(random.NormalArray(n)), precision.Round(random.NormalArray(n)));
        // Numbers far apart: a + (theta - a) is not theta there.
        start[0] = 1e6;
        theta[0] = precision.Round(1e-6);
        double[] expected = [.. start.Zip(theta, (a, t) => (0.75 * a) + (0.25 * t))];
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            foreach (var grid in scope.Grids)
            {
                double[] Step(double decay)
                {
                    var (a, t) = (scope.Vector(start), scope.Vector(theta));
                    scope.Kernels.Average.AverageStep(scope.Grid(grid), a.Pointer, t.Pointer, scope.Array(1, decay).Pointer(), default, n);
                    Errors.AssertSame(t.Get(), theta, "theta is read");
                    return a.Get();
                }
                Errors.AssertClose(Step(0.75), expected, 3 * precision.Unit(), $"average, grid {grid}");
                Errors.AssertSame(Step(0), theta, "decay 0");
            }
        }
    }

    [Test]
    public void ASkippedStepChangesNothingAndASwapLosesNothing([ValueSource(nameof(Precisions))] Precision precision)
    {
        const int n = 131;
        var random = TestRandom.ForCurrentTest();
        var (start, weights) = (precision.Round(random.NormalArray(n)), precision.Round(random.NormalArray(n)));
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var (a, theta, clock, skip) = (scope.Vector(start), scope.Vector(weights), scope.Array(7.0, 0.5), scope.Array(1).Pointer());
            var (average, elements) = (scope.Kernels.Average, scope.Device.Elements(n));
            Begin(scope, clock, new(0.9), skip);
            average.AverageStep(elements, a.Pointer, theta.Pointer, clock.Pointer(), skip, n);
            Errors.AssertSame(a.Get(), start, "average of a skipped step");
            Assert.That(clock.Download(), Is.EqualTo(new[] { 7.0, 0.5 }), "clock of a skipped step");
            average.AverageSwap(elements, a.Pointer, theta.Pointer, n);
            Errors.AssertSame(a.Get(), weights, "average after a swap");
            Errors.AssertSame(theta.Get(), start, "theta after a swap");
        }
    }

    private static void Begin(KernelScope scope, GuardedArray<double> clock, Options o, DevicePointer<int> skip = default) =>
        scope.Kernels.Average.AverageBegin(
            scope.Device.Elements(1),
            clock.Pointer(),
            skip,
            o.Decay,
            o.Least,
            o.Power,
            1,
            o.WarmUp,
            o.After
        );
}
