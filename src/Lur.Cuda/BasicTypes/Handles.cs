// Opaque driver handles. Names, field names and sizes are those of the driver API, hence no member documentation.
#pragma warning disable CS1591
// The field is the native handle itself; a property would hide that these structs are passed by value as they are.
#pragma warning disable CA1051
// Compared only by the driver.
#pragma warning disable CA1815
namespace Lur.Cuda.BasicTypes;

/// <summary>A device ordinal as the driver knows it.</summary>
public struct CUdevice
{
    public int Pointer;
}

/// <summary>A context.</summary>
public struct CUcontext
{
    public IntPtr Pointer;
}

/// <summary>A loaded module (cubin, PTX or host image).</summary>
public struct CUmodule
{
    public IntPtr Pointer;
}

/// <summary>A kernel of a module.</summary>
public struct CUfunction
{
    public IntPtr Pointer;
}

/// <summary>A stream.</summary>
public struct CUstream
{
    public IntPtr Pointer;

    /// <summary>The context's default stream.</summary>
    public static CUstream NullStream => default;
}

/// <summary>An event.</summary>
public struct CUevent
{
    public IntPtr Pointer;
}

/// <summary>A captured graph.</summary>
public struct CUgraph
{
    public IntPtr Pointer;
}

/// <summary>An instantiated graph.</summary>
public struct CUgraphExec
{
    public IntPtr Pointer;
}

/// <summary>A memory pool.</summary>
public struct CUmemoryPool
{
    public IntPtr Pointer;
}

/// <summary>An address in device memory.</summary>
public struct CUdeviceptr
{
    public SizeT Pointer;

    /// <summary>Wraps an address.</summary>
    public CUdeviceptr(SizeT pointer) => Pointer = pointer;

    /// <summary>Moves an address by a number of bytes.</summary>
    public static CUdeviceptr operator +(CUdeviceptr pointer, long bytes) => new(unchecked((ulong)pointer.Pointer + (ulong)bytes));
}
