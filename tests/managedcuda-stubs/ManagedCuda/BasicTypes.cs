namespace ManagedCuda.BasicTypes;

public struct SizeT
{
    private UIntPtr _value;

    public static implicit operator int(SizeT t) => throw null!;

    public static implicit operator uint(SizeT t) => throw null!;

    public static implicit operator long(SizeT t) => throw null!;

    public static implicit operator ulong(SizeT t) => throw null!;

    public static implicit operator IntPtr(SizeT t) => throw null!;

    public static implicit operator UIntPtr(SizeT t) => throw null!;

    public static implicit operator SizeT(int value) => throw null!;

    public static implicit operator SizeT(uint value) => throw null!;

    public static implicit operator SizeT(long value) => throw null!;

    public static implicit operator SizeT(ulong value) => throw null!;

    public static implicit operator SizeT(IntPtr value) => throw null!;

    public static implicit operator SizeT(UIntPtr value) => throw null!;

    public static bool operator ==(SizeT val1, SizeT val2) => throw null!;

    public static bool operator !=(SizeT val1, SizeT val2) => throw null!;

    public override bool Equals(object obj) => throw null!;

    public override int GetHashCode() => throw null!;
}

public struct CUdevice
{
    public int Pointer;
}

public struct CUcontext
{
    public IntPtr Pointer;
}

public struct CUmodule
{
    public IntPtr Pointer;
}

public struct CUfunction
{
    public IntPtr Pointer;
}

public struct CUstream
{
    public IntPtr Pointer;
}

public struct CUevent
{
    public IntPtr Pointer;
}

public struct CUgraph
{
    public IntPtr Pointer;
}

public struct CUgraphExec
{
    public IntPtr Pointer;
}

public struct CUdeviceptr
{
    public SizeT Pointer;

    public CUdeviceptr(SizeT pointer) => throw null!;
}

public enum CUResult
{
    Success = 0,
    ErrorInvalidValue = 1,
    ErrorIllegalAddress = 700,
    ErrorNotReady = 600,
}

[Flags]
public enum CUCtxFlags : uint
{
    SchedAuto = 0,
}

[Flags]
public enum CUStreamFlags : uint
{
    None = 0,
    Default = 0,
    NonBlocking = 1,
}

[Flags]
public enum CUEventFlags
{
    Default = 0,
    BlockingSync = 1,
    DisableTiming = 2,
}

[Flags]
public enum CUMemHostAllocFlags
{
    None = 0,
}

public enum CUstreamCaptureStatus
{
    None,
    Active,
    Invalidated,
}

public enum CUstreamCaptureMode
{
    Global = 0,
    Local = 1,
    Relaxed = 2,
}

public enum CUgraphInstantiate_flags : ulong
{
    None = 0,
}

public enum CUDeviceAttribute
{
    MaxThreadsPerBlock = 1,
    MaxSharedMemoryPerBlock = 8,
    WarpSize = 10,
    MultiProcessorCount = 16,
    L2CacheSize = 38,
    ComputeCapabilityMajor = 75,
    ComputeCapabilityMinor = 76,
}

public enum CUFunctionAttribute
{
    MaxThreadsPerBlock = 0,
    SharedSizeBytes = 1,
    LocalSizeBytes = 3,
    NumRegs = 4,
}

public enum cudaDataType
{
    CUDA_R_32F = 0,
    CUDA_R_16BF = 14,
}
