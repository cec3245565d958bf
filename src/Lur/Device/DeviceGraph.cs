namespace Lur.Device;

/// <summary>Captured work that is launched as a whole, with the arguments it was captured with.</summary>
public sealed class DeviceGraph : IDisposable
{
    private readonly ComputeDevice _device;
    private CUgraphExec _exec;

    internal DeviceGraph(ComputeDevice device, CUgraph graph, long launches)
    {
        _device = device;
        Launches = launches;
        var result = Drv.GraphManagment.cuGraphInstantiate(ref _exec, graph, CUgraphInstantiate_flags.None);
        _ = Drv.GraphManagment.cuGraphDestroy(graph);
        Native.Check(result, "cuGraphInstantiateWithFlags");
    }

    /// <summary>Kernel launches and matrix products it holds.</summary>
    public long Launches { get; }

    /// <summary>Gives the whole graph to the device; does not wait.</summary>
    /// <exception cref="CudaException">The launch was refused.</exception>
    public void Launch()
    {
        ObjectDisposedException.ThrowIf(_exec.Pointer == IntPtr.Zero, this);
        _device.MakeCurrent();
        Native.Check(Drv.GraphManagment.cuGraphLaunch(_exec, _device.Stream), "cuGraphLaunch");
        _device.LaunchCount += Launches;
    }

    /// <summary>Frees the graph.</summary>
    public void Dispose()
    {
        if (_exec.Pointer == IntPtr.Zero)
            return;
        _device.MakeCurrent();
        _ = Drv.GraphManagment.cuGraphExecDestroy(_exec);
        _exec = default;
    }
}

/// <summary>Time between two points of the device's stream.</summary>
public sealed class DeviceTimer : IDisposable
{
    private readonly ComputeDevice _device;
    private readonly CudaEvent _start;
    private readonly CudaEvent _stop;

    internal DeviceTimer(ComputeDevice device)
    {
        device.MakeCurrent();
        (_device, _start, _stop) = (device, new CudaEvent(), new CudaEvent());
    }

    /// <summary>Milliseconds between the last <see cref="Start"/> and <see cref="Stop"/>; waits for the second.</summary>
    public double Milliseconds
    {
        get
        {
            _device.MakeCurrent();
            _stop.Synchronize();
            // ManagedCuda's wrapper calls cuEventElapsedTime_v2, which drivers before 570 do not have.
            float milliseconds = 0;
            Native.Check(Drv.Events.cuEventElapsedTime(ref milliseconds, _start.Event, _stop.Event), "cuEventElapsedTime");
            return milliseconds;
        }
    }

    /// <summary>Marks the beginning, behind the work given so far.</summary>
    public void Start() => Record(_start);

    /// <summary>Marks the end, behind the work given so far.</summary>
    public void Stop() => Record(_stop);

    /// <summary>Frees both events.</summary>
    public void Dispose()
    {
        _device.MakeCurrent();
        _start.Dispose();
        _stop.Dispose();
    }

    private void Record(CudaEvent mark)
    {
        _device.MakeCurrent();
        Native.Check(Drv.Events.cuEventRecord(mark.Event, _device.Stream), "cuEventRecord");
    }
}
