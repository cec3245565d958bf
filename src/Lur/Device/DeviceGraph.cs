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
        using var scope = device.Enter();
        var result = Drv.GraphManagment.cuGraphInstantiate(ref _exec, graph, CUgraphInstantiate_flags.None);
        _ = Drv.GraphManagment.cuGraphDestroy(graph);
        Native.Check(result, "cuGraphInstantiateWithFlags");
        device.Own(this);
    }

    /// <summary>Kernel launches and matrix products it holds.</summary>
    public long Launches { get; }

    /// <summary>Gives the whole graph to the device; does not wait.</summary>
    /// <exception cref="CudaException">The launch was refused.</exception>
    /// <exception cref="ObjectDisposedException">The graph or its device was disposed.</exception>
    public void Launch()
    {
        ObjectDisposedException.ThrowIf(_exec.Pointer == IntPtr.Zero, this);
        using var scope = _device.Enter();
        Native.Check(Drv.GraphManagment.cuGraphLaunch(_exec, _device.Stream), "cuGraphLaunch");
        _device.LaunchCount += Launches;
    }

    /// <summary>Frees the graph.</summary>
    public void Dispose()
    {
        if (_exec.Pointer == IntPtr.Zero)
            return;
        using var scope = _device.EnterIfAlive();
        if (scope.IsOpen)
            _ = Drv.GraphManagment.cuGraphExecDestroy(_exec);
        _exec = default;
        _device.Disown(this);
    }
}
