using Lur.Device;
using Lur.Models;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tasks.Classification;
using Lur.Tensors;
using Lur.Tests.Device;
using Lur.Tests.Networks;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>Splitting and recomputing change the memory of a step and nothing else.</summary>
public class LurMemoryTests
{
    private const int RetainBatch = 7,
        ForgetBatch = 5,
        Classes = 4,
        Height = 8,
        Width = 7,
        Channels = 3;
    private static readonly LurOptions s_options = new()
    {
        BatchSize = RetainBatch,
        ForgetBatchSize = ForgetBatch,
        Alpha = 0.05,
        Lambda = 0.3,
        LearningRate = 0.02,
        Trim = new() { Sparsity = 0 },
    };

    private sealed record Outcome(double[] Parameters, double[] Buffers, double[] Gradient, StepTelemetry Telemetry, long ArenaBytes);

    private static Model Create(Precision precision) =>
        TestNetworks.Create(
            TestDevices.Default,
            precision,
            "resnet[1,1]:w6:stem3",
            Height,
            Width,
            Channels,
            Classes,
            TestRandom.ForCurrentTest()
        );

    /// <summary>Two steps from the same start on the same batches.</summary>
    private static Outcome Run(Precision precision, LurOptions options, bool timed = false)
    {
        var random = TestRandom.ForCurrentTest();
        using var model = Create(precision);
        using var momentum = new FlatVector(model.Device, precision, model.Parameters.Layout, "momentum");
        using var step = new LurStep(
            model,
            momentum,
            options,
            withForget: true,
            inspect: true,
            input: (p, name, n) => new TensorBatch(p, name, n, model.Network)
        );
        StepTelemetry telemetry = default;
        for (var i = 0; i < 2; i++)
        {
            ((TensorBatch)step.Retain).Set(
                random.NormalArray(RetainBatch * Height * Width * Channels),
                TestNetworks.Labels(RetainBatch, Classes, random)
            );
            ((TensorBatch)step.Forget!).Set(
                random.NormalArray(ForgetBatch * Height * Width * Channels),
                TestNetworks.Labels(ForgetBatch, Classes, random)
            );
            telemetry = timed ? step.RunTimed().Telemetry : step.Run();
        }

        return new Outcome(
            model.Parameters.ToArray(),
            model.Buffers.ToArray(),
            step.TotalGradient(),
            telemetry,
            step.Program.Plan().ArenaBytes
        );
    }

    // Sums over parts are taken in another order: n = 7 rows, a few dozen additions deep, 1e-16 each, twice through the
    // network; 1e-12 leaves two orders for the conditioning of two steps.
    private const double Tolerance = 1e-12;

    private static void AssertClose(double[] actual, double[] expected)
    {
        Assert.That(actual.All(double.IsFinite), "finite");
        var scale = Math.Sqrt(expected.Sum(x => x * x));
        var error = Math.Sqrt(actual.Zip(expected, (a, b) => (a - b) * (a - b)).Sum()) / scale;
        TestContext.Out.WriteLine($"relative error {error:E2} of {Tolerance:E0}");
        Assert.That(error, Is.LessThan(Tolerance));
    }

    [Test]
    public void MicroBatchesGiveTheGradientOfTheWholeBatch(
        [Values(1, 2, 3, 6)] int microBatch,
        [Values] HessianVectorProduct hvp,
        [Values] bool bounded
    )
    {
        var options = s_options with
        {
            BatchNorm = BatchNormPolicy.Frozen,
            Hvp = hvp,
            FiniteDifferenceRadius = 1e-4,
            ForgetLoss = bounded ? ForgetLoss.BoundedNegativeCrossEntropy : ForgetLoss.UniformKl,
        };
        var whole = Run(Precision.Float64, options);
        var split = Run(Precision.Float64, options with { MicroBatch = microBatch });
        if (hvp != HessianVectorProduct.FiniteDifference)
        {
            AssertClose(split.Parameters, whole.Parameters);
            AssertClose(split.Gradient, whole.Gradient);
        }
        else
        {
            // The difference divides rounding by 2 eps: only the part alpha h of G suffers, at 1e-16 / 1e-4.
            double[] allowed = [.. whole.Gradient.Select(_ => 1e-9)];
            Assert.That(whole.Gradient.All(double.IsFinite), "finite");
            Errors.AssertWithin(split.Gradient, whole.Gradient, allowed, "gradient");
        }

        Assert.That(split.Buffers, Is.EqualTo(whole.Buffers));
        Assert.That(split.Telemetry.RetainLoss, Is.EqualTo(whole.Telemetry.RetainLoss).Within(1e-10));
        Assert.That(split.Telemetry.ForgetAccuracy, Is.EqualTo(whole.Telemetry.ForgetAccuracy));
        // At sizes where activations, not the vectors of a small network, are what a step takes.
        using var model = Create(Precision.Float64);
        var large = options with { BatchSize = 64, ForgetBatchSize = 64 };
        Assert.That(LurMemory.Bytes(model, large with { MicroBatch = microBatch }), Is.LessThan(LurMemory.Bytes(model, large)));
    }

    [Test]
    public void RecomputingChangesNoBit([Values] Precision precision, [Values] BatchNormPolicy policy)
    {
        var options = s_options with { BatchNorm = policy };
        var kept = Run(precision, options);
        var again = Run(precision, options with { Recompute = true });
        Assert.That(again.Parameters, Is.EqualTo(kept.Parameters));
        Assert.That(again.Buffers, Is.EqualTo(kept.Buffers), "running statistics move once");
        Assert.That(again.Telemetry, Is.EqualTo(kept.Telemetry));
        Assert.That(again.ArenaBytes, Is.LessThan(kept.ArenaBytes));
    }

    [Test]
    public void ATimedStepMakesTheSameNumbers([Values] HessianVectorProduct hvp)
    {
        var options = s_options with { Hvp = hvp };
        var (plain, timed) = (Run(Precision.Float32, options), Run(Precision.Float32, options, timed: true));
        Assert.That(timed.Parameters, Is.EqualTo(plain.Parameters));
        Assert.That(timed.Telemetry, Is.EqualTo(plain.Telemetry));
    }

    [Test]
    public void FitTakesTheFirstThatFits()
    {
        using var model = Create(Precision.Float32);
        var frozen = s_options with { BatchNorm = BatchNormPolicy.Frozen };
        var (kept, again, one) = (
            LurMemory.Bytes(model, frozen),
            LurMemory.Bytes(model, frozen with { Recompute = true }),
            LurMemory.Bytes(model, frozen with { MicroBatch = 1 })
        );
        Assert.That((again < kept, one < again), Is.EqualTo((true, true)));
        Assert.That(LurMemory.Fit(model, frozen with { MaxMemory = kept }), Is.EqualTo((frozen with { MaxMemory = kept }, (string?)null)));
        var (recomputing, note) = LurMemory.Fit(model, frozen with { MaxMemory = kept - 1 });
        Assert.That((recomputing.Recompute, recomputing.MicroBatch), Is.EqualTo((true, 0)));
        Assert.That(note, Does.Contain("evaluated again").And.Contain("would exceed the limit"));
        var (split, _) = LurMemory.Fit(model, frozen with { MaxMemory = again - 1 });
        Assert.That(split.MicroBatch, Is.InRange(1, RetainBatch - 1));
        Assert.That(LurMemory.Bytes(model, split), Is.LessThan(again));
        Assert.That(
            () => LurMemory.Fit(model, frozen with { MaxMemory = 1000 }),
            Throws.TypeOf<OptionException>().With.Message.Contains("LurOptions.MaxMemory").And.Message.Contains("lower BatchSize")
        );
        Assert.That(
            () => LurMemory.Fit(model, s_options with { MaxMemory = 1000 }),
            Throws.TypeOf<OptionException>().With.Message.Contains("BatchNorm frozen")
        );
    }

    [Test]
    public void ASplitOfBatchStatisticsIsRefused() =>
        Assert.That(
            () => (s_options with { MicroBatch = 3 }).Validate(),
            Throws.TypeOf<OptionException>().With.Message.Contains("BatchNorm frozen")
        );
}
