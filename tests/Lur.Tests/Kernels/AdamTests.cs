using Lur.Device;
using Lur.Tests.Device;
using Lur.Tests.Golden;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

/// <summary>adam.cu against torch's trajectories and the float64 reference, on every device, block size and precision.</summary>
public class AdamTests
{
    private static readonly int[] Sizes = [1, 31, 257, 1009];
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];
    private static readonly string[] Cases = ["plain", "l2", "decoupled", "unet", "no_momentum"];
    private static readonly string[] s_names = ["theta", "m", "v", "clock"];

    // Twelve steps. A moment rounds four times a step: 48 u of its largest element. What it is divided by is at least
    // 1 / sqrt(12) of the largest gradient so far, so a step of at most 0.03 is known to 0.03 sqrt(12) 60 u, twelve of them to
    // 75 u; the parameters, of size 1 to 3, round twice a step. Together below 300 u of the largest parameter.
    private static double Tolerance(Precision precision) => 300 * precision.Unit();

    [TestCaseSource(nameof(Cases))]
    public void TheReferenceFollowsTorch(string name)
    {
        var fixture = Fixture.Open("optimizers");
        var start = fixture.Doubles(name + "/theta0");
        var reference = new AdamReference(start, AdamReference.Options.Of(fixture.Doubles(name + "/options")));
        for (var s = 0; s < fixture.Shape(name + "/theta")[0]; s++)
        {
            double[] At(string what) => fixture.Doubles($"{name}/{what}")[(s * start.Length)..((s + 1) * start.Length)];
            reference.Step(At("gradients"));
            Errors.AssertClose(reference.Theta, At("theta"), Tolerance(Precision.Float64), "theta");
            Errors.AssertClose(reference.M, At("m"), Tolerance(Precision.Float64), "m");
            Errors.AssertClose(reference.V, At("v"), Tolerance(Precision.Float64), "v");
        }
    }

    [Test]
    public void FollowsTorch([ValueSource(nameof(Precisions))] Precision precision, [ValueSource(nameof(Cases))] string name)
    {
        var fixture = Fixture.Open("optimizers");
        var options = AdamReference.Options.Of(fixture.Doubles(name + "/options"));
        var start = fixture.Doubles(name + "/theta0");
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var adam = new AdamScope(scope, start, options);
            for (var s = 0; s < fixture.Shape(name + "/theta")[0]; s++)
            {
                double[] At(string what) => fixture.Doubles($"{name}/{what}")[(s * start.Length)..((s + 1) * start.Length)];
                adam.Step(scope.Vector(At("gradients")));
                Errors.AssertClose(adam.Theta.Get(), At("theta"), Tolerance(precision), $"theta after step {s + 1}");
                Errors.AssertClose(adam.M.Get(), At("m"), Tolerance(precision), $"m after step {s + 1}");
                Errors.AssertClose(adam.V.Get(), At("v"), Tolerance(precision), $"v after step {s + 1}");
            }
        }
    }

    [Test]
    public void FollowsTheReference(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int n,
        [Values] bool masked,
        [Values] bool decoupled
    )
    {
        var random = TestRandom.ForCurrentTest();
        var options = new AdamReference.Options(0.02, 0.9, 0.99, 1e-6, 0.1, decoupled);
        var start = precision.Round(random.NormalArray(n));
        var mask = masked ? Array.ConvertAll(new byte[n], _ => (byte)random.Below(2)) : null;
        var gradients = Enumerable.Range(0, 3).Select(_ => precision.Round(random.NormalArray(n))).ToArray();
        var reference = new AdamReference(start, options);
        foreach (var g in gradients)
            reference.Step(g, mask);
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            double[][]? first = null;
            foreach (var grid in scope.Grids)
            {
                var adam = new AdamScope(scope, start, options);
                var keep = mask is null ? null : scope.Array(mask);
                foreach (var g in gradients)
                    adam.Step(scope.Vector(g), keep, shape: scope.Grid(grid));
                var state = adam.State();
                Errors.AssertClose(state[0], reference.Theta, Tolerance(precision), $"theta, grid {grid}");
                Errors.AssertClose(state[1], reference.M, Tolerance(precision), $"m, grid {grid}");
                Errors.AssertClose(state[2], reference.V, Tolerance(precision), $"v, grid {grid}");
                first ??= state;
                for (var k = 0; k < 3; k++)
                    Errors.AssertSame(state[k], first[k], $"{s_names[k]}: the grid changes no bit");
                for (var i = 0; i < n; i++)
                    if (mask?[i] == 0)
                        Assert.That((state[0][i], state[1][i], state[2][i]), Is.EqualTo((start[i], 0.0, 0.0)), $"masked element {i}");
            }
        }
    }

    [Test]
    public void ASkippedStepChangesNothingAndIsNotCounted([ValueSource(nameof(Precisions))] Precision precision)
    {
        const int n = 131;
        var random = TestRandom.ForCurrentTest();
        var (start, g) = (precision.Round(random.NormalArray(n)), precision.Round(random.NormalArray(n)));
        var options = new AdamReference.Options(0.02, 0.9, 0.99, 1e-6, 0.1, true);
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var (with, without) = (new AdamScope(scope, start, options), new AdamScope(scope, start, options));
            var (gradient, bad) = (scope.Vector(g), scope.Vector(Array.ConvertAll(start, _ => double.NaN)));
            with.Step(gradient);
            without.Step(gradient);
            with.Step(bad, skip: scope.Array(1).Pointer());
            foreach (var (after, before, name) in with.State().Zip(without.State(), s_names))
                Errors.AssertSame(after, before, $"{name} after a skipped step");
            with.Step(gradient, skip: scope.Array(0).Pointer());
            without.Step(gradient);
            foreach (var (after, before, name) in with.State().Zip(without.State(), s_names))
                Errors.AssertSame(after, before, $"{name} after the step that follows");
            Assert.That(with.Clock.Download()[0], Is.EqualTo(2), "steps counted");
        }
    }

    [Test]
    public void AReplayedGraphCountsItsStepsAndTakesTheRateOfTheDay()
    {
        const int n = 67;
        var options = new AdamReference.Options(0.5, 0.9, 0.999, 1e-8);
        double[] start = new double[n],
            g = [.. Enumerable.Range(0, n).Select(i => 1.0 + i)];
        foreach (var test in TestDevices.All)
        {
            using var scope = new KernelScope(test, Precision.Float64);
            var (replayed, plain, gradient) = (new AdamScope(scope, start, options), new AdamScope(scope, start, options), scope.Vector(g));
            replayed.Step(gradient);
            plain.Step(gradient);
            var (theta, m, v, clock, numbers) = (
                replayed.Theta.Pointer,
                replayed.M.Pointer,
                replayed.V.Pointer,
                replayed.Clock,
                replayed.Numbers
            );
            using var graph = scope.Device.Capture(() =>
            {
                var adam = scope.Kernels.Adam;
                adam.AdamBegin(scope.Device.Elements(1), clock.Pointer(), numbers.Pointer(), default);
                adam.AdamStep(
                    scope.Device.Elements(n),
                    theta,
                    m,
                    v,
                    gradient.Pointer,
                    default,
                    numbers.Pointer(),
                    clock.Pointer(),
                    default,
                    n,
                    0
                );
            });
            foreach (var rate in new[] { 0.5, 0.25 })
            {
                var step = AdamScope.StepArray(options with { Rate = rate });
                replayed.Numbers.Upload(step);
                plain.Numbers.Upload(step);
                graph.Launch();
                plain.Step(gradient);
                foreach (var (a, b, name) in replayed.State().Zip(plain.State(), s_names))
                    Errors.AssertSame(a, b, name);
            }
            Assert.That(clock.Download()[0], Is.EqualTo(3));
        }
    }
}
