namespace Lur.Device;

/// <summary>Time between two points of the device's stream.</summary>
public sealed class DeviceTimer : IDisposable
{
    private readonly ComputeDevice _device;
    private readonly CudaEvent _start;
    private readonly CudaEvent _stop;
    private bool _disposed;

    internal DeviceTimer(ComputeDevice device)
    {
        using var scope = device.Enter();
        (_device, _start, _stop) = (device, new CudaEvent(), new CudaEvent());
        device.Own(this);
    }

    /// <summary>Milliseconds between the last <see cref="Start"/> and <see cref="Stop"/>; waits for the second.</summary>
    public double Milliseconds
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            using var scope = _device.Enter();
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
        if (_disposed)
            return;
        _disposed = true;
        _device.Disown(this);
        using var scope = _device.EnterIfAlive();
        if (!scope.IsOpen)
            return;
        _start.Dispose();
        _stop.Dispose();
    }

    private void Record(CudaEvent mark)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        using var scope = _device.Enter();
        Native.Check(Drv.Events.cuEventRecord(mark.Event, _device.Stream), "cuEventRecord");
    }
}
