namespace Lur.Device;

/// <summary>An owned block of device memory.</summary>
public sealed class DeviceMemory : IDisposable
{
    private readonly ComputeDevice _device;
    private CUdeviceptr _pointer;

    internal DeviceMemory(ComputeDevice device, CUdeviceptr pointer, long bytes)
    {
        (_device, _pointer, Bytes) = (device, pointer, bytes);
        device.Own(this);
    }

    /// <summary>Its address; 0 after <see cref="Dispose"/> and after the device's.</summary>
    public ulong Address => _pointer.Pointer;

    /// <summary>Its size.</summary>
    public long Bytes { get; }

    /// <summary>The address with an element type.</summary>
    /// <typeparam name="T">Element type.</typeparam>
    /// <param name="byteOffset">Distance from the start in bytes.</param>
    /// <exception cref="ObjectDisposedException">The memory was freed, or its device disposed.</exception>
    public DevicePointer<T> Pointer<T>(long byteOffset = 0)
    {
        ObjectDisposedException.ThrowIf(Address == 0, this);
        return new(Address + (ulong)byteOffset);
    }

    /// <summary>Waits for the device and frees the memory.</summary>
    public void Dispose()
    {
        if (Address == 0)
            return;
        using var scope = _device.EnterIfAlive();
        _device.ReturnMemory(_pointer, Bytes, scope.IsOpen);
        _pointer = default;
        _device.Disown(this);
        _device.Freed(Bytes);
    }
}

/// <summary>An owned array in page-locked host memory.</summary>
/// <typeparam name="T">Element type.</typeparam>
public sealed unsafe class PinnedBuffer<T> : IDisposable
    where T : unmanaged
{
    private readonly ComputeDevice _device;
    private IntPtr _pointer;

    internal PinnedBuffer(ComputeDevice device, long count)
    {
        _device = device;
        Count = count;
        Native.Check(
            Drv.MemoryManagement.cuMemHostAlloc(ref _pointer, count * sizeof(T), CUMemHostAllocFlags.None),
            "cuMemHostAlloc",
            count * sizeof(T)
        );
        device.Own(this);
    }

    /// <summary>Number of elements.</summary>
    public long Count { get; }

    /// <summary>The elements.</summary>
    /// <exception cref="ObjectDisposedException">The buffer was freed, or its device disposed.</exception>
    public Span<T> Span
    {
        get
        {
            ObjectDisposedException.ThrowIf(_pointer == IntPtr.Zero, this);
            return new Span<T>((void*)_pointer, (int)Count);
        }
    }

    /// <summary>Waits for copies that use it and frees the memory.</summary>
    public void Dispose()
    {
        if (_pointer == IntPtr.Zero)
            return;
        using var scope = _device.EnterIfAlive();
        if (scope.IsOpen)
        {
            _device.WaitForAll();
            _ = Drv.MemoryManagement.cuMemFreeHost(_pointer);
        }
        _pointer = IntPtr.Zero;
        _device.Disown(this);
    }

    internal IntPtr Address(long start) => _pointer + (nint)(start * sizeof(T));

    internal long Bytes(long start, ref long count)
    {
        ObjectDisposedException.ThrowIf(_pointer == IntPtr.Zero, this);
        if (count < 0)
            count = Count - start;
        if (start < 0 || start + count > Count)
            throw new ArgumentOutOfRangeException(
                nameof(count),
                count,
                $"Elements {start} to {start + count} are not within the buffer's {Count}."
            );
        return count * sizeof(T);
    }
}
