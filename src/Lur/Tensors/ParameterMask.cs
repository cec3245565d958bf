using Lur.Device;

namespace Lur.Tensors;

/// <summary>One byte for each element of a flat vector: 0 freezes the parameter, anything else lets it move.</summary>
public sealed class ParameterMask : IDeviceBuffer, IDisposable
{
    private readonly ComputeDevice _device;
    private readonly OwnedBuffer _buffer;

    /// <summary>A mask of ones, whose memory is taken when it is first used.</summary>
    public ParameterMask(ComputeDevice device, ParameterLayout layout) =>
        (_device, Count, _buffer) = (device, layout.Count, new OwnedBuffer(device, "mask", layout.Count, fill: 1));

    /// <inheritdoc/>
    public string Name => "mask";

    /// <inheritdoc/>
    public long Bytes => Count;

    /// <inheritdoc/>
    public ulong Address => _buffer.Address;

    /// <summary>Number of elements.</summary>
    public int Count { get; }

    /// <summary>First element.</summary>
    public DevicePointer<byte> Pointer => new(Address);

    /// <summary>The mask as an argument of a launch; null for one that is left out.</summary>
    public static implicit operator Operand<byte>(ParameterMask? mask) => mask is null ? default : Operand.Of<byte>(mask._buffer);

    /// <summary>Copies the mask to the host.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[Count];
        _device.Download(bytes.AsSpan(), Pointer);
        return bytes;
    }

    /// <summary>Replaces all elements.</summary>
    /// <exception cref="ArgumentException">The length differs.</exception>
    public void Set(ReadOnlySpan<byte> values)
    {
        if (values.Length != Count)
            throw new ArgumentException($"The mask has {Count} elements; {values.Length} were given.", nameof(values));
        _device.Upload(Pointer, values);
    }

    /// <inheritdoc/>
    public void Dispose() => _buffer.Dispose();
}
