using Lur.Device;
using Lur.Optimizers;

namespace Lur.Bench.Gpu;

/// <summary>A flat-vector kernel, timed.</summary>
/// <param name="Name">Kernel, or copy.</param>
/// <param name="Bytes">Vectors that it reads and writes, once each.</param>
/// <param name="Seconds">Of one launch.</param>
internal sealed record VectorTime(string Name, long Bytes, double Seconds);

/// <summary>Flat-vector kernels on vectors that no cache holds, beside a copy by the device.</summary>
internal sealed class VectorTimes : IDisposable
{
    private const int Partials = 512,
        Repeats = 8;
    private readonly ComputeDevice _device;
    private readonly int _count;
    private readonly List<DeviceMemory> _memory = [];

    /// <param name="device">Where.</param>
    /// <param name="count">Elements of a vector.</param>
    public VectorTimes(ComputeDevice device, int count) => (_device, _count) = (device, count);

    /// <summary>Times all of them, the copy first.</summary>
    public IEnumerable<VectorTime> Run()
    {
        var k = _device.Kernels(Precision.Float32);
        DevicePointer<Real>[] x = [.. Enumerable.Range(1, 5).Select(i => Vector(k, 1e-3 * i))];
        DevicePointer<double> partials = new(Allocate(6L * Partials * sizeof(double))),
            step = new(Allocate(StepParameters.Count * sizeof(double))),
            clock = new(Allocate(16 * sizeof(double)));
        _device.Upload(step, new ReadOnlySpan<double>([1e-3, 0.9, 5e-4, 1, 0.05, 0.01, 0, .. new double[StepParameters.Count - 7]]));
        _device.Upload(clock, new ReadOnlySpan<double>([.. Enumerable.Repeat(0.5, 16)]));
        var alpha = step.At((int)StepParameter.Alpha, sizeof(double));
        var (n, elements, blocks) = (_count, _device.Elements(_count), _device.Blocks(Partials));
        (string Name, int Vectors, Action Launch)[] cases =
        [
            ("copy", 2, () => _device.Copy(x[1], x[0], 4L * n)),
            ("vector_fill", 1, () => k.Vector.VectorFill(elements, x[1], n, 0.5)),
            ("vector_scale", 2, () => k.Vector.VectorScale(elements, x[1], x[0], n, 0.5)),
            ("vector_axpy", 3, () => k.Vector.VectorAxpy(elements, x[1], x[0], n, 1e-6)),
            ("vector_dot", 2, () => k.Vector.VectorDot(blocks, partials, x[0], x[1], n, Partials)),
            ("sgd_step", 5, () => k.Sgd.SgdStep(elements, x[0], x[1], x[2], default, step, default, n, 0)),
            ("adam_step", 7, () => k.Adam.AdamStep(elements, x[0], x[1], x[2], x[3], default, step, clock, default, n, 0)),
            ("lur_look_ahead", 3, () => k.Lur.LurLookAhead(blocks, x[4], partials, x[0], x[2], alpha, n, Partials)),
            (
                "lur_meta_update",
                7,
                () => k.Lur.LurMetaUpdate(blocks, x[0], x[1], partials, x[2], x[3], x[4], default, step, alpha, default, n, Partials, 0)
            ),
        ];
        foreach (var (name, vectors, launch) in cases)
            yield return new VectorTime(name, 4L * vectors * n, Time(launch));
    }

    public void Dispose()
    {
        foreach (var memory in _memory)
            memory.Dispose();
    }

    /// <summary>The least of three graphs of several launches on end.</summary>
    private double Time(Action launch)
    {
        launch();
        _device.Synchronize();
        using var graph = _device.Capture(() =>
        {
            for (var i = 0; i < Repeats; i++)
                launch();
        });
        using var timer = _device.CreateTimer();
        var least = double.PositiveInfinity;
        for (var turn = 0; turn < 3; turn++)
        {
            timer.Start();
            graph.Launch();
            timer.Stop();
            least = Math.Min(least, timer.Milliseconds / 1e3 / Repeats);
        }

        return least;
    }

    private ulong Allocate(long bytes)
    {
        _memory.Add(_device.Allocate(bytes));
        return _memory[^1].Address;
    }

    private DevicePointer<Real> Vector(KernelSet kernels, double value)
    {
        var pointer = new DevicePointer<Real>(Allocate(4L * _count));
        kernels.Vector.VectorFill(_device.Elements(_count), pointer, _count, value);
        return pointer;
    }
}
