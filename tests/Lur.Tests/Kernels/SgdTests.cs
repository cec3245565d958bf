using Lur.Device;
using Lur.Optimizers;
using Lur.Tests.Device;
using Lur.Tests.Golden;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

/// <summary>sgd.cu against torch's trajectories and the float64 reference, on every device, block size and precision.</summary>
public class SgdTests
{
    private static readonly int[] Sizes = [1, 31, 257, 1009];
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];
    private static readonly string[] Cases = ["plain", "decay", "momentum", "momentum_decay", "nesterov", "nesterov_decay"];

    /// <summary>The step array for SGD alone.</summary>
    internal static double[] StepArray(Optimisation.Options o)
    {
        var step = new double[StepParameters.Count];
        step[(int)StepParameter.LearningRate] = o.Rate;
        step[(int)StepParameter.Momentum] = o.Momentum;
        step[(int)StepParameter.WeightDecay] = o.Decay;
        return step;
    }

    // A step rounds each number about six times and momentum carries what it did on, at most tenfold: five steps stay
    // below 5 * 6 * 10 = 300 units of roundoff of the largest number. Measured: under a tenth of that.
    private static double Tolerance(Precision precision) => 300 * precision.Unit();

    [Test]
    public void FollowsTorch([ValueSource(nameof(Precisions))] Precision precision, [ValueSource(nameof(Cases))] string name)
    {
        var fixture = Fixture.Open("sgd");
        var o = fixture.Doubles(name + "/options");
        var options = new Optimisation.Options(o[0], o[1], o[2], o[3] != 0);
        var (start, gradients) = (fixture.Doubles(name + "/theta0"), fixture.Doubles(name + "/gradients"));
        var n = start.Length;
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var (theta, momentum, step) = (scope.Vector(start), scope.Vector(new double[n]), scope.Array(StepArray(options)));
            for (var s = 0; s < fixture.Shape(name + "/theta")[0]; s++)
            {
                var g = scope.Vector(gradients[(s * n)..((s + 1) * n)]);
                scope.Kernels.Sgd.SgdStep(
                    scope.Device.Elements(n),
                    theta.Pointer,
                    options.Momentum == 0 ? default : momentum.Pointer,
                    g.Pointer,
                    default,
                    step.Pointer(),
                    default,
                    n,
                    options.Nesterov ? 1 : 0
                );
                Errors.AssertClose(
                    theta.Get(),
                    fixture.Doubles(name + "/theta")[(s * n)..((s + 1) * n)],
                    Tolerance(precision),
                    $"theta after step {s + 1}"
                );
                Errors.AssertClose(
                    momentum.Get(),
                    fixture.Doubles(name + "/momentum")[(s * n)..((s + 1) * n)],
                    Tolerance(precision),
                    $"momentum after step {s + 1}"
                );
            }
        }
    }

    [Test]
    public void FollowsTheReference(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int n,
        [Values] bool masked,
        [Values] bool nesterov,
        [Values] bool withMomentum
    )
    {
        var random = TestRandom.ForCurrentTest();
        var options = new Optimisation.Options(0.1, withMomentum ? 0.9 : 0, 0.01, nesterov && withMomentum);
        var start = precision.Round(random.NormalArray(n));
        var mask = masked ? Array.ConvertAll(new byte[n], _ => (byte)random.Below(2)) : null;
        var gradients = Enumerable.Range(0, 5).Select(_ => precision.Round(random.NormalArray(n))).ToArray();
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            foreach (var grid in scope.Grids)
            {
                var (expected, buffer) = ((double[])start.Clone(), withMomentum ? new double[n] : null);
                var (theta, momentum, step) = (scope.Vector(start), scope.Vector(new double[n]), scope.Array(StepArray(options)));
                var keep = mask != null ? scope.Array(mask) : null;
                foreach (var g in gradients)
                {
                    scope.Kernels.Sgd.SgdStep(
                        scope.Grid(grid),
                        theta.Pointer,
                        withMomentum ? momentum.Pointer : default,
                        scope.Vector(g).Pointer,
                        keep?.Pointer() ?? default,
                        step.Pointer(),
                        default,
                        n,
                        options.Nesterov ? 1 : 0
                    );
                    Optimisation.Sgd(expected, buffer, g, mask, options);
                }
                var actual = theta.Get();
                Errors.AssertClose(actual, expected, Tolerance(precision), $"theta, grid {grid}");
                Errors.AssertClose(momentum.Get(), buffer ?? new double[n], Tolerance(precision), $"momentum, grid {grid}");
                for (var i = 0; i < n; i++)
                    if (mask?[i] == 0)
                        Assert.That(actual[i], Is.EqualTo(start[i]), $"masked element {i}");
            }
        }
    }

    [Test]
    public void TheFirstStepFillsTheBufferWithTheGradient([ValueSource(nameof(Precisions))] Precision precision)
    {
        const int n = 257;
        var g = precision.Round(TestRandom.ForCurrentTest().NormalArray(n));
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var (theta, momentum) = (scope.Vector(new double[n]), scope.Vector(new double[n]));
            scope.Kernels.Sgd.SgdStep(
                scope.Device.Elements(n),
                theta.Pointer,
                momentum.Pointer,
                scope.Vector(g).Pointer,
                default,
                scope.Array(StepArray(new(0.5, 0.9))).Pointer(),
                default,
                n,
                0
            );
            Errors.AssertSame(momentum.Get(), g, "momentum");
            Errors.AssertSame(theta.Get(), [.. g.Select(x => -x / 2)], "theta");
        }
    }

    [Test]
    public void ASkippedStepChangesNothing([ValueSource(nameof(Precisions))] Precision precision)
    {
        const int n = 131;
        var random = TestRandom.ForCurrentTest();
        var (start, m0) = (precision.Round(random.NormalArray(n)), precision.Round(random.NormalArray(n)));
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var (theta, momentum, step) = (scope.Vector(start), scope.Vector(m0), scope.Array(StepArray(new(0.1, 0.9))));
            var g = scope.Vector(Array.ConvertAll(start, _ => double.NaN));
            void Step(int skip) =>
                scope.Kernels.Sgd.SgdStep(
                    scope.Device.Elements(n),
                    theta.Pointer,
                    momentum.Pointer,
                    g.Pointer,
                    default,
                    step.Pointer(),
                    scope.Array(skip).Pointer(),
                    n,
                    0
                );
            Step(1);
            Errors.AssertSame(theta.Get(), start, "theta");
            Errors.AssertSame(momentum.Get(), m0, "momentum");
            Step(0);
            Assert.That(theta.Get(), Is.All.NaN, "a step that is not skipped takes the gradient as it is");
        }
    }

    [Test]
    public void TheSubgradientOfThePenaltyIsTheSignAndZeroAtZero([ValueSource(nameof(Precisions))] Precision precision)
    {
        const int n = 131;
        const double penalty = 0.3;
        var random = TestRandom.ForCurrentTest();
        // Both zeros, and the smallest numbers of either sign, which are none.
        double[] special = [0, -0.0, float.Epsilon, -float.Epsilon];
        double[] theta = [.. special, .. precision.Round(random.NormalArray(n - special.Length))];
        var g = precision.Round(random.NormalArray(n));
        double[] expected = [.. g.Zip(theta, (d, t) => precision.Fma(precision.Round(penalty), Math.Sign(t), d))];
        var step = new double[7];
        step[6] = penalty;
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var gradient = scope.Vector(g);
            scope.Kernels.Sgd.L1Subgradient(scope.Grid(3), gradient.Pointer, scope.Vector(theta).Pointer, scope.Array(step).Pointer(), n);
            Errors.AssertSame(gradient.Get(), expected, "gradient");
        }
    }

    [Test]
    public void AReplayedGraphTakesTheLearningRateOfTheDay()
    {
        const int n = 67;
        foreach (var test in TestDevices.All)
        {
            using var scope = new KernelScope(test, Precision.Float64);
            var (theta, g, step) = (
                scope.Vector(new double[n]),
                scope.Vector(Enumerable.Repeat(1.0, n).ToArray()),
                scope.Array(StepArray(new(0.5)))
            );
            var sgd = scope.Kernels.Sgd;
            var shape = scope.Device.Elements(n);
            sgd.SgdStep(shape, theta.Pointer, default, g.Pointer, default, step.Pointer(), default, n, 0);
            using var graph = scope.Device.Capture(() =>
                sgd.SgdStep(shape, theta.Pointer, default, g.Pointer, default, step.Pointer(), default, n, 0)
            );
            graph.Launch();
            Assert.That(theta.Get(), Is.All.EqualTo(-1.0));
            step.Upload(StepArray(new(0.25)));
            graph.Launch();
            Assert.That(theta.Get(), Is.All.EqualTo(-1.25));
        }
    }

    [Test]
    public void TheStepArrayIsLaidOutAsTheHeaderSays()
    {
        var header = File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "kernels", "include", "sgd_step.cuh"));
        foreach (var parameter in Enum.GetValues<StepParameter>())
        {
            var words = string.Concat(
                parameter.ToString().Select((c, i) => (i > 0 && char.IsUpper(c) ? "_" : "") + char.ToUpperInvariant(c))
            );
            Assert.That(header, Does.Match($@"\bSTEP_{words} = {(int)parameter}\b"));
        }
        Assert.That(Enum.GetValues<StepParameter>(), Has.Length.EqualTo(StepParameters.Count));
    }
}
