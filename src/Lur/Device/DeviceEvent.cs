namespace Lur.Device;

/// <summary>The two streams of a device. Each does its work in order; between them only events make an order.</summary>
public enum DeviceStream
{
    /// <summary>Kernels, products, captured work, and copies that belong between them.</summary>
    Compute,

    /// <summary>Copies that run beside the kernels: the next batch in, the last step's figures out.</summary>
    Copy,
}

/// <summary>
/// A point in a stream's work: another stream can wait for it, and the host can ask for it. What counts is the last
/// <see cref="Record"/>; an event that was never recorded has happened.
/// </summary>
public sealed class DeviceEvent : IDisposable
{
    private readonly ComputeDevice _device;
    private readonly CudaEvent _event;
    private bool _disposed;

    internal DeviceEvent(ComputeDevice device, bool timing)
    {
        _device = device;
        using var scope = device.Enter();
        _event = new CudaEvent(timing ? CUEventFlags.Default : CUEventFlags.DisableTiming);
        device.Own(this);
    }

    /// <summary>Whether the work before the mark is done; does not wait.</summary>
    /// <exception cref="CudaException">A kernel failed; or the mark belongs to a capture.</exception>
    public bool IsDone
    {
        get
        {
            using var scope = Enter();
            var result = Drv.Events.cuEventQuery(_event.Event);
            if (result == CUResult.ErrorNotReady)
                return false;
            Native.Check(result, "cuEventQuery");
            return true;
        }
    }

    /// <summary>Marks the point behind the work given to a stream so far. Can be captured.</summary>
    /// <param name="stream">The stream.</param>
    public void Record(DeviceStream stream = DeviceStream.Compute)
    {
        using var scope = Enter();
        Native.Check(Drv.Events.cuEventRecord(_event.Event, _device.Handle(stream)), "cuEventRecord");
    }

    /// <summary>Makes what is given to a stream from now on wait for the mark; the host does not wait. Can be captured.</summary>
    /// <param name="stream">The stream that waits.</param>
    public void HoldBack(DeviceStream stream)
    {
        using var scope = Enter();
        Native.Check(Drv.Streams.cuStreamWaitEvent(_device.Handle(stream), _event.Event, 0), "cuStreamWaitEvent");
    }

    /// <summary>Waits on the host until the work before the mark is done.</summary>
    /// <exception cref="CudaException">A kernel failed.</exception>
    public void Synchronize()
    {
        using var scope = Enter();
        Native.Check(Drv.Events.cuEventSynchronize(_event.Event), "cuEventSynchronize");
    }

    /// <summary>Milliseconds from an earlier mark to this one; both have happened, and both events measure time.</summary>
    /// <param name="start">The earlier mark.</param>
    /// <exception cref="CudaException">A mark has not happened, or an event was made without timing.</exception>
    public double MillisecondsSince(DeviceEvent start)
    {
        ArgumentNullException.ThrowIfNull(start);
        using var scope = Enter();
        ObjectDisposedException.ThrowIf(start._disposed, start);
        // The wrappers of some bindings call cuEventElapsedTime_v2, which drivers before 570 do not have.
        float milliseconds = 0;
        Native.Check(Drv.Events.cuEventElapsedTime(ref milliseconds, start._event.Event, _event.Event), "cuEventElapsedTime");
        return milliseconds;
    }

    /// <summary>Frees the event; a stream that waits for it goes on waiting.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _device.Disown(this);
        using var scope = _device.EnterIfAlive();
        if (scope.IsOpen)
            _event.Dispose();
    }

    private ContextScope Enter()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _device.Enter();
    }
}
