using Lur.Cuda.BasicTypes;
using Drv = Lur.Cuda.DriverAPINativeMethods;

namespace Lur.Cuda;

/// <summary>A stream: work in order. Freed by <see cref="Dispose"/> only; a finalizer thread has no current context.</summary>
public sealed class CudaStream : IDisposable
{
    private CUstream _stream;

    /// <summary>Creates a stream in the current context.</summary>
    public CudaStream()
        : this(CUStreamFlags.Default) { }

    /// <summary>Creates a stream in the current context.</summary>
    public CudaStream(CUStreamFlags flags) => Drv.Streams.cuStreamCreate(ref _stream, flags).Check("cuStreamCreate");

    /// <summary>The native stream.</summary>
    public CUstream Stream => _stream;

    /// <summary>Waits for the stream's work.</summary>
    public void Synchronize() => Drv.Streams.cuStreamSynchronize(_stream).Check("cuStreamSynchronize");

    /// <summary>Whether all work is done.</summary>
    public bool Query()
    {
        var result = Drv.Streams.cuStreamQuery(_stream);
        if (result == CUResult.ErrorNotReady)
            return false;
        result.Check("cuStreamQuery");
        return true;
    }

    /// <summary>Makes later work wait for an event.</summary>
    public void WaitEvent(CUevent cuevent) => Drv.Streams.cuStreamWaitEvent(_stream, cuevent, 0).Check("cuStreamWaitEvent");

    /// <summary>Destroys the stream.</summary>
    public void Dispose()
    {
        if (_stream.Pointer == IntPtr.Zero)
            return;
        _ = Drv.Streams.cuStreamDestroy_v2(_stream);
        _stream = default;
    }
}

/// <summary>An event: a point in a stream's work.</summary>
public sealed class CudaEvent : IDisposable
{
    private CUevent _event;

    /// <summary>Creates an event that measures time.</summary>
    public CudaEvent()
        : this(CUEventFlags.Default) { }

    /// <summary>Creates an event in the current context.</summary>
    public CudaEvent(CUEventFlags flags) => Drv.Events.cuEventCreate(ref _event, flags).Check("cuEventCreate");

    /// <summary>The native event.</summary>
    public CUevent Event => _event;

    /// <summary>Milliseconds between two recorded events.</summary>
    public static float ElapsedTime(CudaEvent eventStart, CudaEvent eventEnd)
    {
        ArgumentNullException.ThrowIfNull(eventStart);
        ArgumentNullException.ThrowIfNull(eventEnd);
        float milliseconds = 0;
        Drv.Events.cuEventElapsedTime(ref milliseconds, eventStart._event, eventEnd._event).Check("cuEventElapsedTime");
        return milliseconds;
    }

    /// <summary>Records the event behind the stream's work so far.</summary>
    public void Record(CUstream stream) => Drv.Events.cuEventRecord(_event, stream).Check("cuEventRecord");

    /// <summary>Waits until the event has happened.</summary>
    public void Synchronize() => Drv.Events.cuEventSynchronize(_event).Check("cuEventSynchronize");

    /// <summary>Whether the event has happened.</summary>
    public bool Query()
    {
        var result = Drv.Events.cuEventQuery(_event);
        if (result == CUResult.ErrorNotReady)
            return false;
        result.Check("cuEventQuery");
        return true;
    }

    /// <summary>Destroys the event.</summary>
    public void Dispose()
    {
        if (_event.Pointer == IntPtr.Zero)
            return;
        _ = Drv.Events.cuEventDestroy_v2(_event);
        _event = default;
    }
}
