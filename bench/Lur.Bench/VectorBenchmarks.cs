using BenchmarkDotNet.Attributes;
using Lur.Device;
using Lur.Optimizers;

namespace Lur.Bench;

/// <summary>The flat-vector kernels of a LUR step on 11,173,962 parameters (ResNet-18). The meta-update reads theta, m, g, v, h
/// and writes theta, m: 7 vectors, 313 MB, which is the minimum; the look-ahead moves 3 vectors, 134 MB.</summary>
public class VectorBenchmarks
{
    /// <summary>Parameters of ResNet-18 with ten classes.</summary>
    internal const int Count = 11_173_962;

    private const int Partials = 512;
    private readonly List<DeviceMemory> _memory = [];
    private ComputeDevice _device = null!;
    private KernelSet _kernels = null!;
    private DevicePointer<Real> _theta,
        _momentum,
        _g,
        _v,
        _h;
    private DevicePointer<double> _partials,
        _step;

    /// <summary>Allocates and fills the vectors.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _device = ComputeDevice.Open();
        _kernels = _device.Kernels(Precision.Float32);
        (_theta, _momentum, _g, _v, _h) = (Vector(1), Vector(2), Vector(3), Vector(4), Vector(5));
        _partials = new DevicePointer<double>(Allocate(6L * Partials * sizeof(double)));
        _step = new DevicePointer<double>(Allocate(StepParameters.Count * sizeof(double)));
        _device.Upload(_step, new ReadOnlySpan<double>([1e-3, 0.9, 5e-4, 1, 0.05, 0.01, 0]));
        foreach (
            var (name, call) in new (string, Action)[]
            {
                (nameof(Copy), Copy),
                (nameof(MetaUpdate), MetaUpdate),
                (nameof(LookAhead), LookAhead),
            }
        )
            Allocations.Measure(Allocations.KeyOf(nameof(VectorBenchmarks), name), 3, call);
        _device.Synchronize();
    }

    /// <summary>Frees everything.</summary>
    [GlobalCleanup]
    public void Cleanup()
    {
        foreach (var memory in _memory)
            memory.Dispose();
        _memory.Clear();
        _device.Dispose();
    }

    /// <summary>A copy by the device, to compare bandwidths with: 2 vectors.</summary>
    [Benchmark(Baseline = true)]
    [MovesVectors(2)]
    public void Copy()
    {
        _device.Copy(_h, _g, 4L * Count);
        _device.Synchronize();
    }

    /// <summary>Momentum, weight decay, update and telemetry in one pass.</summary>
    [Benchmark]
    [MovesVectors(7)]
    public void MetaUpdate()
    {
        _kernels.Lur.LurMetaUpdate(
            _device.Blocks(Partials),
            _theta,
            _momentum,
            _partials,
            _g,
            _v,
            _h,
            default,
            _step,
            _step.At((int)StepParameter.Alpha, sizeof(double)),
            default,
            Count,
            Partials,
            0
        );
        _device.Synchronize();
    }

    /// <summary>theta' = theta - alpha g, with both norms.</summary>
    [Benchmark]
    [MovesVectors(3)]
    public void LookAhead()
    {
        _kernels.Lur.LurLookAhead(
            _device.Blocks(Partials),
            _h,
            _partials,
            _theta,
            _g,
            _step.At((int)StepParameter.Alpha, sizeof(double)),
            Count,
            Partials
        );
        _device.Synchronize();
    }

    private ulong Allocate(long bytes)
    {
        _memory.Add(_device.Allocate(bytes));
        return _memory[^1].Address;
    }

    private DevicePointer<Real> Vector(ulong stream)
    {
        var pointer = new DevicePointer<Real>(Allocate(4L * Count));
        _kernels.Vector.VectorFill(_device.Elements(Count), pointer, Count, 1e-3 * stream);
        return pointer;
    }
}
