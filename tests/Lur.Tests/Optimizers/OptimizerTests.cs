using Lur.Device;
using Lur.Optimizers;
using Lur.Tests.Device;
using Lur.Tests.Kernels;
using Lur.Tests.Reference;

namespace Lur.Tests.Optimizers;

/// <summary>Optimisers, clipping and averages in a captured program against float64 references.</summary>
public class OptimizerTests
{
    private const int N = 67,
        Steps = 6;
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];
    private static readonly AdamOptions Adam = new(0.02, 0.9, 0.99, 1e-6, 0.1);

    private static double[][] Gradients(TestRandom random, Precision precision) =>
        [.. Enumerable.Range(0, Steps).Select(_ => precision.Round(random.NormalArray(N)))];

    // The bounds of AdamTests and SgdTests, for fewer steps.
    [Test]
    public void AdamFollowsTheReferenceThroughAScheduleOfRateAndBeta(
        [ValueSource(nameof(Precisions))] Precision precision,
        [Values] bool decoupled
    )
    {
        var random = TestRandom.ForCurrentTest();
        var (start, gradients) = (precision.Round(random.NormalArray(N)), Gradients(random, precision));
        var schedule = LearningRateSchedule.Parse("onecycle");
        foreach (var test in TestDevices.All)
        {
            using var scope = new OptimizerScope(test, precision, start, p => new Adam(p, Adam with { Decoupled = decoupled }));
            var numbers = new AdamReference.Options(0, 0, Adam.Beta2, Adam.Epsilon, Adam.WeightDecay, decoupled);
            var reference = new AdamReference(start, numbers);
            for (var s = 0; s < Steps; s++)
            {
                scope.Step(gradients[s], s, Steps, "onecycle");
                var (rate, beta1) = (Adam.LearningRate * schedule.Factor(s, Steps), schedule.Momentum(s, Steps, Adam.Beta1));
                reference.Numbers = numbers with { Rate = rate, Beta1 = beta1 };
                reference.Step(gradients[s]);
                Errors.AssertClose(scope.Parameters.ToArray(), reference.Theta, 300 * precision.Unit(), $"theta after step {s + 1}");
            }
        }
    }

    [Test]
    public void SgdFollowsTheReference([ValueSource(nameof(Precisions))] Precision precision, [Values] bool nesterov)
    {
        var random = TestRandom.ForCurrentTest();
        var (start, gradients) = (precision.Round(random.NormalArray(N)), Gradients(random, precision));
        foreach (var test in TestDevices.All)
        {
            using var scope = new OptimizerScope(test, precision, start, p => new Sgd(p, new(0.1, 0.9, 0.01, nesterov)));
            var (theta, momentum) = ((double[])start.Clone(), new double[N]);
            foreach (var g in gradients)
            {
                scope.Step(g);
                Optimisation.Sgd(theta, momentum, g, null, new(0.1, 0.9, 0.01, nesterov));
            }
            Errors.AssertClose(scope.Parameters.ToArray(), theta, 300 * precision.Unit(), "theta");
        }
    }

    [Test]
    public void ClippingScalesWhatTheOptimizerGets([ValueSource(nameof(Precisions))] Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        var (start, g) = (precision.Round(random.NormalArray(N)), precision.Round(random.NormalArray(N)));
        var norm = Vectors.Norm(g);
        foreach (var test in TestDevices.All)
        {
            using var scope = new OptimizerScope(test, precision, start, p => new Sgd(p, new(1, 0)), clip: 0.5);
            scope.Step(g);
            Assert.That(scope.Measured, Is.EqualTo(new[] { norm, 0.5 / (norm + 1e-6) }).Within(100 * precision.Unit() * norm));
            double[] expected = [.. start.Zip(g, (t, x) => t - (0.5 / (norm + 1e-6) * x))];
            Errors.AssertClose(scope.Parameters.ToArray(), expected, 100 * precision.Unit(), "theta");
        }
    }

    [Test]
    public void AStepWithANaNChangesNothing([ValueSource(nameof(Precisions))] Precision precision, [Values] bool adam)
    {
        var random = TestRandom.ForCurrentTest();
        var (start, gradients) = (precision.Round(random.NormalArray(N)), Gradients(random, precision));
        var bad = (double[])gradients[0].Clone();
        bad[N / 2] = double.NaN;
        Optimizer Make(Lur.Tensors.FlatVector p) => adam ? new Adam(p, Adam) : new Sgd(p, new(0.1));
        foreach (var test in TestDevices.All)
        {
            using var with = new OptimizerScope(test, precision, start, Make, new AverageOptions(0.9), clip: 1);
            using var without = new OptimizerScope(test, precision, start, Make, new AverageOptions(0.9), clip: 1);
            with.Step(gradients[0]);
            without.Step(gradients[0]);
            with.Step(bad);
            AssertSame(with.State(), without.State());
            with.Step(gradients[1]);
            without.Step(gradients[1]);
            AssertSame(with.State(), without.State());
        }
    }

    [Test]
    public void ARestoredRunEndsWithTheSameBits([ValueSource(nameof(Precisions))] Precision precision, [Values] bool adam)
    {
        var random = TestRandom.ForCurrentTest();
        var (start, gradients) = (precision.Round(random.NormalArray(N)), Gradients(random, precision));
        Optimizer Make(Lur.Tensors.FlatVector p) => adam ? new Adam(p, Adam) : new Sgd(p, new(0.1));
        foreach (var test in TestDevices.All)
        {
            using var whole = new OptimizerScope(test, precision, start, Make, new AverageOptions(0.9));
            Dictionary<string, double[]>? saved = null;
            for (var s = 0; s < Steps; s++)
            {
                if (s == Steps / 2)
                    saved = whole.State();
                whole.Step(gradients[s], s, Steps, "warmup:2+cosine");
            }
            using var resumed = new OptimizerScope(test, precision, new double[N], Make, new AverageOptions(0.9));
            resumed.Restore(saved!);
            for (var s = Steps / 2; s < Steps; s++)
                resumed.Step(gradients[s], s, Steps, "warmup:2+cosine");
            AssertSame(resumed.State(), whole.State());
        }
    }

    // Each step rounds the average twice: 20 u for six of them.
    [Test]
    public void TheAverageStandsInForTheParametersAndGoesBack([ValueSource(nameof(Precisions))] Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        var (start, gradients) = (precision.Round(random.NormalArray(N)), Gradients(random, precision));
        var options = new AverageOptions(0.75, AverageWarmUp.None);
        foreach (var test in TestDevices.All)
        {
            using var scope = new OptimizerScope(test, precision, start, p => new Sgd(p, new(0.1)), options);
            var expected = (double[])start.Clone();
            foreach (var g in gradients)
            {
                scope.Step(g);
                expected = [.. expected.Zip(scope.Parameters.ToArray(), (a, t) => (0.75 * a) + (0.25 * t))];
            }
            var before = scope.State();
            using (scope.Average!.Use())
            {
                Errors.AssertClose(scope.Parameters.ToArray(), expected, 20 * precision.Unit(), "average");
                Assert.That(() => scope.Average.Use(), Throws.InvalidOperationException);
            }
            AssertSame(scope.State(), before);
        }
    }

    [TestCase(-1, 0.9, 0.999, 1e-8, 0)]
    [TestCase(1, 1, 0.999, 1e-8, 0)]
    [TestCase(1, 0.9, 1, 1e-8, 0)]
    [TestCase(1, 0.9, 0.999, 0, 0)]
    [TestCase(1, 0.9, 0.999, 1e-8, -1)]
    public void NumbersOutOfRangeAreRefused(double rate, double beta1, double beta2, double epsilon, double decay)
    {
        using var scope = new OptimizerScope(TestDevices.All.First(), Precision.Float32, [1], p => new Sgd(p, new(0.1)));
        Assert.That(
            () => new Adam(scope.Parameters, new(rate, beta1, beta2, epsilon, decay)),
            Throws.InstanceOf<ArgumentOutOfRangeException>()
        );
    }

    private static void AssertSame(Dictionary<string, double[]> actual, Dictionary<string, double[]> expected)
    {
        Assert.That(actual.Keys, Is.EqualTo(expected.Keys));
        foreach (var (name, values) in expected)
            Errors.AssertSame(actual[name], values, name);
    }
}
