using Lur.Device;

namespace Lur.Programs;

/// <summary>Device memory that outlives programs. It is taken when its address is first asked for, so that what is only planned
/// takes none.</summary>
public sealed class OwnedBuffer : IDeviceBuffer, IDisposable
{
    private readonly ComputeDevice _device;
    private readonly byte _fill;
    private DeviceMemory? _memory;
    private bool _disposed;

    /// <summary>Declares the buffer; takes no memory.</summary>
    /// <param name="device">Device that will hold it.</param>
    /// <param name="name">Name for messages.</param>
    /// <param name="bytes">Size; 0 is allowed.</param>
    /// <param name="fill">Every byte of it, at first.</param>
    public OwnedBuffer(ComputeDevice device, string name, long bytes, byte fill = 0) =>
        (_device, Name, Bytes, _fill) = (device, name, bytes, fill);

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public long Bytes { get; }

    /// <summary>Called once, when the memory has been taken and filled; null for nothing.</summary>
    public Action? Taken { get; init; }

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">The buffer was freed.</exception>
    public ulong Address => (_memory ?? Take()).Address;

    /// <summary>Frees the memory, if it was taken.</summary>
    public void Dispose()
    {
        _disposed = true;
        _memory?.Dispose();
        _memory = null;
    }

    private DeviceMemory Take()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        // The device refuses empty allocations.
        var bytes = Math.Max(1, Bytes);
        _memory = _device.Allocate(bytes);
        _device.Fill(new DevicePointer<byte>(_memory.Address), _fill, bytes);
        Taken?.Invoke();
        return _memory;
    }
}
