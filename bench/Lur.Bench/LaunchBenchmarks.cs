using BenchmarkDotNet.Attributes;
using Lur.Device;

namespace Lur.Bench;

/// <summary>What a launch costs on the managed side and in the driver: a kernel on one element, enqueued many times.</summary>
public class LaunchBenchmarks
{
    private const int Launches = 10_000;
    private ComputeDevice _device = null!;
    private KernelSet _kernels = null!;
    private DeviceMemory _memory = null!;

    /// <summary>Loads the kernel and measures what a launch allocates.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _device = ComputeDevice.Open();
        _kernels = _device.Kernels(Precision.Float32);
        _memory = _device.Allocate(sizeof(float));
        Allocations.Measure(Allocations.KeyOf(nameof(LaunchBenchmarks), nameof(Launch)), 3, Launch);
        var before = _device.LaunchCount;
        Launch();
        if (_device.LaunchCount - before != Launches)
            throw new InvalidOperationException($"{_device.LaunchCount - before} launches were made where {Launches} are timed.");
    }

    /// <summary>Frees everything.</summary>
    [GlobalCleanup]
    public void Cleanup()
    {
        _memory.Dispose();
        _device.Dispose();
    }

    /// <summary>Launches, then waits once.</summary>
    [Benchmark(OperationsPerInvoke = Launches)]
    public void Launch()
    {
        var (shape, y) = (_device.Elements(1), new DevicePointer<Real>(_memory.Address));
        for (var i = 0; i < Launches; i++)
            _kernels.Vector.VectorFill(shape, y, 1, 1);
        _device.Synchronize();
    }
}
