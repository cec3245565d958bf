using ManagedCuda.BasicTypes;

namespace ManagedCuda;

public class CudaContext : IDisposable
{
    public CUcontext Context => throw null!;

    public CUdevice Device => throw null!;

    public int DeviceId => throw null!;

    public static int GetDeviceCount() => throw null!;

    public static string GetDeviceName(int deviceId) => throw null!;

    public static Version GetDriverVersion() => throw null!;

    public void SetCurrent() => throw null!;

    public void Dispose() => throw null!;

    protected virtual void Dispose(bool fDisposing) => throw null!;
}

public class PrimaryContext : CudaContext
{
    public PrimaryContext() => throw null!;

    public PrimaryContext(int deviceId) => throw null!;

    public PrimaryContext(CUdevice device) => throw null!;

    public static void Reset(int deviceID) => throw null!;

    public static void Reset(CUdevice device) => throw null!;
}

public class CudaStream : IDisposable
{
    public CudaStream() => throw null!;

    public CudaStream(CUstream stream) => throw null!;

    public CudaStream(CUStreamFlags flags) => throw null!;

    public CudaStream(int priority) => throw null!;

    public CUstream Stream => throw null!;

    public void Dispose() => throw null!;
}

public class CudaEvent : IDisposable
{
    public CudaEvent() => throw null!;

    public CudaEvent(CUEventFlags flags) => throw null!;

    public CUevent Event => throw null!;

    public void Dispose() => throw null!;
}

public class CudaException : Exception
{
    public CudaException() => throw null!;

    public CudaException(CUResult error) => throw null!;

    public CudaException(string message) => throw null!;

    public CudaException(CUResult error, string message, Exception exception) => throw null!;

    public CUResult CudaError => throw null!;
}
