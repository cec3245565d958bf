using Lur.Cuda.BasicTypes;
using Drv = Lur.Cuda.DriverAPINativeMethods;

namespace Lur.Cuda;

/// <summary>An array in device memory.</summary>
/// <typeparam name="T">Element type.</typeparam>
public sealed unsafe class CudaDeviceVariable<T> : IDisposable
    where T : unmanaged
{
    private readonly bool _isOwner;
    private CUdeviceptr _pointer;

    /// <summary>Allocates <paramref name="size"/> elements.</summary>
    /// <exception cref="CudaException">Out of memory.</exception>
    public CudaDeviceVariable(SizeT size)
    {
        Size = size;
        _isOwner = true;
        Drv.MemoryManagement.cuMemAlloc_v2(ref _pointer, SizeInBytes).Check("cuMemAlloc_v2", SizeInBytes);
    }

    /// <summary>Wraps existing memory of <paramref name="size"/> bytes.</summary>
    public CudaDeviceVariable(CUdeviceptr devPtr, bool isOwner, SizeT size)
    {
        _pointer = devPtr;
        _isOwner = isOwner;
        Size = (ulong)size / (ulong)sizeof(T);
    }

    /// <summary>The address.</summary>
    public CUdeviceptr DevicePointer => _pointer;

    /// <summary>Number of elements.</summary>
    public SizeT Size { get; }

    /// <summary>Number of bytes.</summary>
    public SizeT SizeInBytes => (ulong)Size * (ulong)sizeof(T);

    /// <summary>Copies a whole array in; its length must be <see cref="Size"/>.</summary>
    public void CopyToDevice(T[] source)
    {
        RequireLength(source);
        fixed (T* p = source)
            Drv.SynchronousMemcpy_v2.cuMemcpyHtoD_v2(_pointer, (IntPtr)p, SizeInBytes).Check("cuMemcpyHtoD_v2", SizeInBytes);
    }

    /// <summary>Copies a whole array out; its length must be <see cref="Size"/>.</summary>
    public void CopyToHost(T[] destination)
    {
        RequireLength(destination);
        fixed (T* p = destination)
            Drv.SynchronousMemcpy_v2.cuMemcpyDtoH_v2((IntPtr)p, _pointer, SizeInBytes).Check("cuMemcpyDtoH_v2", SizeInBytes);
    }

    /// <summary>Fills with a 32-bit pattern; the size in bytes must be a multiple of 4.</summary>
    public void Memset(uint value) =>
        Drv.Memset.cuMemsetD32_v2(_pointer, value, (ulong)SizeInBytes / 4).Check("cuMemsetD32_v2", SizeInBytes);

    /// <summary>Fills with a 32-bit pattern in stream order; the size in bytes must be a multiple of 4.</summary>
    public void MemsetAsync(uint value, CUstream stream) =>
        Drv.MemsetAsync.cuMemsetD32Async(_pointer, value, (ulong)SizeInBytes / 4, stream).Check("cuMemsetD32Async", SizeInBytes);

    /// <summary>Frees the memory if this object owns it.</summary>
    public void Dispose()
    {
        if (_isOwner && (ulong)_pointer.Pointer != 0)
            _ = Drv.MemoryManagement.cuMemFree_v2(_pointer);
        _pointer = default;
    }

    private void RequireLength(T[] array)
    {
        ArgumentNullException.ThrowIfNull(array);
        if (array.LongLength != (long)Size)
            throw new ArgumentException($"The array has {array.LongLength} elements, the device variable {Size}.", nameof(array));
    }
}

/// <summary>An array in page-locked host memory, the only kind that copies truly asynchronously.</summary>
/// <typeparam name="T">Element type.</typeparam>
public sealed unsafe class CudaPageLockedHostMemory<T> : IDisposable
    where T : unmanaged
{
    private IntPtr _pointer;

    /// <summary>Allocates <paramref name="size"/> elements.</summary>
    public CudaPageLockedHostMemory(SizeT size)
        : this(size, CUMemHostAllocFlags.None) { }

    /// <summary>Allocates <paramref name="size"/> elements.</summary>
    public CudaPageLockedHostMemory(SizeT size, CUMemHostAllocFlags allocFlags)
    {
        Size = size;
        Drv.MemoryManagement.cuMemHostAlloc(ref _pointer, SizeInBytes, allocFlags).Check("cuMemHostAlloc", SizeInBytes);
    }

    /// <summary>The host address.</summary>
    public IntPtr PinnedHostPointer => _pointer;

    /// <summary>Number of elements.</summary>
    public SizeT Size { get; }

    /// <summary>Number of bytes.</summary>
    public SizeT SizeInBytes => (ulong)Size * (ulong)sizeof(T);

    /// <summary>One element, unchecked as in native code.</summary>
    public T this[SizeT index]
    {
        get => ((T*)_pointer)[(long)index];
        set => ((T*)_pointer)[(long)index] = value;
    }

    /// <summary>Copies the whole array to the device in stream order.</summary>
    public void AsyncCopyToDevice(CUdeviceptr devPtr, CUstream stream) =>
        Drv.AsynchronousMemcpy_v2.cuMemcpyHtoDAsync_v2(devPtr, _pointer, SizeInBytes, stream).Check("cuMemcpyHtoDAsync_v2", SizeInBytes);

    /// <summary>Copies the whole array from the device in stream order.</summary>
    public void AsyncCopyFromDevice(CUdeviceptr devPtr, CUstream stream) =>
        Drv.AsynchronousMemcpy_v2.cuMemcpyDtoHAsync_v2(_pointer, devPtr, SizeInBytes, stream).Check("cuMemcpyDtoHAsync_v2", SizeInBytes);

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        if (_pointer != IntPtr.Zero)
            _ = Drv.MemoryManagement.cuMemFreeHost(_pointer);
        _pointer = IntPtr.Zero;
    }
}
