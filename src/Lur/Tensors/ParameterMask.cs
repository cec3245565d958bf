using Lur.Device;

namespace Lur.Tensors;

/// <summary>One byte for each element of a flat vector: 0 freezes the parameter, anything else lets it move.</summary>
public sealed class ParameterMask : IDisposable
{
    private readonly ComputeDevice _device;
    private readonly DeviceMemory _memory;

    /// <summary>Allocates a mask of ones.</summary>
    public ParameterMask(ComputeDevice device, ParameterLayout layout)
    {
        (_device, Count) = (device, layout.Count);
        _memory = device.Allocate(Math.Max(1, Count));
        device.Fill(Pointer, 1, Count);
    }

    /// <summary>Number of elements.</summary>
    public int Count { get; }

    /// <summary>First element.</summary>
    public DevicePointer<byte> Pointer => new(_memory.Address);

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
    public void Dispose() => _memory.Dispose();
}
