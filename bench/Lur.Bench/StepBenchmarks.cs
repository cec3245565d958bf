using BenchmarkDotNet.Attributes;
using Lur.Device;
using Lur.Models;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tensors;
using Lur.Unlearning;

namespace Lur.Bench;

/// <summary>One SGD step and one LUR step with each form of the second-order term; batch B, or B retain + B forget images of
/// 32x32. <c>bench/peers/pytorch_steps.py</c> times PyTorch on the same steps.</summary>
public class StepBenchmarks
{
    private ComputeDevice _device = null!;
    private Model _model = null!;
    private FlatVector _momentum = null!;
    private LurStep _step = null!;

    /// <summary>Model and batch size.</summary>
    [Params("resnet18:w16 64", "resnet18:w64 32")]
    public string Case { get; set; } = "";

    private void Setup(string name, double lambda, HessianVectorProduct hvp)
    {
        var parts = Case.Split(' ');
        var batch = int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture);
        _device = ComputeDevice.Open();
        var spec = ModelFamilies.Parse(parts[0], new ImageSize(32, 32, 3), 10);
        _model = new Model(
            _device,
            Precision.Float32,
            spec,
            [.. Enumerable.Range(0, 10).Select(i => $"{i}")],
            new InputNormalization([0.5, 0.5, 0.5], [0.25, 0.25, 0.25])
        );
        _model.Initialize(1);
        _momentum = new FlatVector(_device, Precision.Float32, _model.Parameters.Layout, "momentum");
        var options = new LurOptions
        {
            BatchSize = batch,
            Lambda = lambda,
            Hvp = hvp,
            LearningRate = 1e-3,
            Seed = 1,
        };
        _step = new LurStep(_model, _momentum, options, withForget: true);
        var random = new RandomStream(1, "bench");
        foreach (var stage in new[] { _step.Retain, _step.Forget }.OfType<BatchStage>())
        {
            foreach (ref var pixel in stage.Images)
                pixel = (byte)random.Below(256);
            foreach (ref var label in stage.Labels)
                label = random.Below(10);
        }

        // What is timed must be right: a skipped or non-finite step would be fast and worthless.
        var telemetry = _step.Run();
        if (telemetry.Skipped || !double.IsFinite(telemetry.RetainLoss))
            throw new InvalidOperationException("The step to be timed is not finite.");
        var before = _model.Parameters.ToArray();
        _step.Run();
        if (_model.Parameters.ToArray().AsSpan().SequenceEqual(before))
            throw new InvalidOperationException("The step to be timed moves no weight.");
        if (hvp != HessianVectorProduct.None)
            StepChecks.SecondOrderTermsAgree(parts[0], batch);
        Allocations.Measure(Allocations.KeyOf(nameof(StepBenchmarks), name, Case), 3, () => _step.Run());
    }

    /// <summary>Plain SGD.</summary>
    [GlobalSetup(Target = nameof(Sgd))]
    public void SetupSgd() => Setup(nameof(Sgd), 0, HessianVectorProduct.None);

    /// <summary>LUR, first order.</summary>
    [GlobalSetup(Target = nameof(LurFirstOrder))]
    public void SetupFirstOrder() => Setup(nameof(LurFirstOrder), 0.05, HessianVectorProduct.None);

    /// <summary>LUR, finite difference.</summary>
    [GlobalSetup(Target = nameof(LurFiniteDifference))]
    public void SetupFiniteDifference() => Setup(nameof(LurFiniteDifference), 0.05, HessianVectorProduct.FiniteDifference);

    /// <summary>LUR, exact.</summary>
    [GlobalSetup(Target = nameof(LurExact))]
    public void SetupExact() => Setup(nameof(LurExact), 0.05, HessianVectorProduct.Exact);

    /// <summary>Frees everything.</summary>
    [GlobalCleanup]
    public void Cleanup()
    {
        _step.Dispose();
        _momentum.Dispose();
        _model.Dispose();
        _device.Dispose();
    }

    /// <summary>One SGD step on B images.</summary>
    [Benchmark(Baseline = true)]
    public StepTelemetry Sgd() => _step.Run();

    /// <summary>One LUR step, h = 0.</summary>
    [Benchmark]
    public StepTelemetry LurFirstOrder() => _step.Run();

    /// <summary>One LUR step, h by central difference.</summary>
    [Benchmark]
    public StepTelemetry LurFiniteDifference() => _step.Run();

    /// <summary>One LUR step, h by tangent passes.</summary>
    [Benchmark]
    public StepTelemetry LurExact() => _step.Run();
}
