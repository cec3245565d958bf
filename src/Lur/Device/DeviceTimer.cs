namespace Lur.Device;

/// <summary>Time between two points of the device's compute stream.</summary>
public sealed class DeviceTimer : IDisposable
{
    private readonly DeviceEvent _start;
    private readonly DeviceEvent _stop;

    internal DeviceTimer(ComputeDevice device) => (_start, _stop) = (device.CreateEvent(timing: true), device.CreateEvent(timing: true));

    /// <summary>Milliseconds between the last <see cref="Start"/> and <see cref="Stop"/>; waits for the second.</summary>
    public double Milliseconds
    {
        get
        {
            _stop.Synchronize();
            return _stop.MillisecondsSince(_start);
        }
    }

    /// <summary>Marks the beginning, behind the work given so far.</summary>
    public void Start() => _start.Record();

    /// <summary>Marks the end, behind the work given so far.</summary>
    public void Stop() => _stop.Record();

    /// <summary>Frees both events.</summary>
    public void Dispose()
    {
        _start.Dispose();
        _stop.Dispose();
    }
}
