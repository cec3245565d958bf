using System.Diagnostics;
using System.Globalization;
using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Optimizers;
using Lur.Steps;
using Lur.Tasks.Diffusion;
using Lur.Tensors;
using DeviceProgram = Lur.Programs.Program;
using Precision = Lur.Device.Precision;

namespace Lur.Bench;

/// <summary>One step of a diffusion UNet as <c>bench/peers/pytorch_unet.py</c> makes it, in a process of its own: on noisy images that
/// are given, so that nothing but the step is timed.</summary>
internal sealed class UNetStep : IDisposable
{
    /// <summary>The steps.</summary>
    public static IReadOnlyList<string> Names { get; } = ["adam", "lur", "lur-none", "sample"];

    private const double Alpha = 1e-3,
        Lambda = 0.5;
    private readonly ComputeDevice _device = ComputeDevice.Open();
    private readonly Model _model;
    private readonly Optimizer _optimizer;
    private readonly Step? _step;
    private readonly DeviceProgram? _program;
    private readonly RandomStream _random = new(1, "bench/unet");

    private UNetStep(string architecture, int size, int batch, string what)
    {
        var spec = (UNetSpec)ModelFamilies.Parse(architecture, new ImageSize(size, size, 3), 7);
        string[] classes = [.. Enumerable.Range(0, 7).Select(i => i.ToString(CultureInfo.InvariantCulture))];
        _model = new Model(_device, Precision.Float32, spec, classes, new InputNormalization([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]));
        _model.Initialize(1, WeightInitialization.TorchDefault);
        _optimizer = new Adam(_model.Parameters, new AdamOptions(2e-4, Decoupled: true));
        if (what == "sample")
        {
            var p = _program = new DeviceProgram(_device, Precision.Float32) { Captured = true };
            var rows = Batch(p, "sample", 2 * batch, spec);
            var pass = new NetworkPass(p, "sample", 2 * batch, _model.Parameters, _model.Buffers, NormalizationMode.Frozen)
            {
                Inference = true,
            };
            _ = DeviceProgram.Keep(_model.Network.Forward(pass, [.. rows.Inputs]));
            return;
        }

        _step = new Step(_model, _optimizer, new StepOptions { Name = what });
        (_step.Parameters.ForgetWeight, _step.Parameters.Alpha) = (Lambda, Alpha);
        var g = _step.Gradient(_model.Parameters, Term("retain", TermRole.Retain, batch, spec));
        var rule = new UpdateRule { LargestNorm = 1 };
        if (what == "adam")
        {
            _step.Update(_step.Along(g), rule);
            return;
        }

        var v = _step.Gradient(_step.LookAhead(g), Term("forget", TermRole.Forget, batch, spec));
        var product = _step.Product(g, v, what == "lur" ? HessianVectorProduct.Exact : HessianVectorProduct.None);
        _step.Update(_step.Bilevel(g, v, product), rule);
    }

    /// <summary>The child: times a step and prints one line of JSON.</summary>
    public static int Run(string architecture, int size, int batch, string what, int repeats)
    {
        using var step = new UNetStep(architecture, size, batch, what);
        var ms = new double[repeats];
        for (var i = -1; i < repeats; i++)
        {
            var start = Stopwatch.GetTimestamp();
            step.Run();
            if (i >= 0)
                ms[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }

        var times = string.Join(", ", ms.Select(x => x.ToString("F3", CultureInfo.InvariantCulture)));
        var peak = Process.GetCurrentProcess().PeakWorkingSet64;
        var (device, parameters) = (step._device.LiveBytes, step._model.Parameters.Count);
        Console.WriteLine(
            $"{{\"all_ms\": [{times}], \"peak_rss_bytes\": {peak}, \"device_bytes\": {device}, \"parameters\": {parameters}}}"
        );
        return 0;
    }

    public void Dispose()
    {
        _step?.Dispose();
        _program?.Dispose();
        _optimizer.Dispose();
        _model.Dispose();
        _device.Dispose();
    }

    private void Run()
    {
        if (_step is not null)
        {
            if (_step.Run(0, 1).Skipped)
                throw new InvalidOperationException("The step was skipped: a number was not finite.");
            return;
        }

        _program!.Run();
        _device.Synchronize();
    }

    private LossTerm Term(string name, TermRole role, int batch, UNetSpec spec) =>
        new(name, role, Batch(_step!.Program, name, batch, spec), NormalizationMode.Frozen, DiffusionTask.Squared(1));

    private NoisyTensors Batch(DeviceProgram program, string name, int rows, UNetSpec spec)
    {
        var batch = new NoisyTensors(program, name, rows, spec);
        double[] Normal() =>
            [.. Enumerable.Range(0, rows * spec.Input.Height * spec.Input.Width * 3).Select(_ => (double)_random.Normal())];
        int[] Below(int n) => [.. Enumerable.Range(0, rows).Select(_ => (int)(n * _random.Uniform(0, 1)))];
        batch.Set(Normal(), Below(1000), Below(7), Normal());
        return batch;
    }
}
