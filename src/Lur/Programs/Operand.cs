using System.Runtime.CompilerServices;
using Lur.Device;

namespace Lur.Programs;

/// <summary>Device memory that a program can name before it has an address: a planned buffer, or a vector that lives longer.</summary>
public interface IDeviceBuffer
{
    /// <summary>Name for plans and messages.</summary>
    string Name { get; }

    /// <summary>Size in bytes.</summary>
    long Bytes { get; }

    /// <summary>Its address. A vector that has no memory yet allocates it.</summary>
    /// <exception cref="InvalidOperationException">A planned buffer whose program has no memory yet.</exception>
    ulong Address { get; }
}

/// <summary>A place in device memory that a launch reads or writes: a buffer with an offset, or a bare address, with the type of
/// what lies there. The address is looked up when the launch runs.</summary>
/// <typeparam name="T">Element type, as for <see cref="DevicePointer{T}"/>.</typeparam>
public readonly struct Operand<T>
{
    private readonly ulong _offset;
    private readonly long _extent;

    internal Operand(IDeviceBuffer? buffer, ulong offset, long extent = 0) => (Buffer, _offset, _extent) = (buffer, offset, extent);

    /// <summary>The buffer; null for a bare address.</summary>
    public IDeviceBuffer? Buffer { get; }

    /// <summary>True for an argument that is left out.</summary>
    public bool IsNull => Buffer is null && _offset == 0;

    /// <summary>The address; null for an argument that is left out.</summary>
    public DevicePointer<T> Pointer => new((Buffer?.Address ?? 0) + _offset);

    /// <summary>Bytes that a launch touches: what was said by <see cref="Taking"/>, else all from here on; 0 for a bare address.</summary>
    internal long Bytes =>
        _extent > 0 ? _extent
        : Buffer is null ? 0
        : Math.Clamp(unchecked(Buffer.Bytes - (long)_offset), 0, Buffer.Bytes);

    /// <summary>The same place, of which a launch touches so many elements; only counts of bytes ask for it.</summary>
    /// <param name="elements">How many elements, wherever they lie from here on.</param>
    /// <param name="elementSize">Bytes of an element.</param>
    public Operand<T> Taking(long elements, int elementSize) => IsNull ? this : new(Buffer, _offset, elements * elementSize);

    /// <summary>Another element of the same array; null stays null.</summary>
    /// <param name="elements">Distance in elements; may be negative.</param>
    /// <param name="elementSize">Bytes of an element; for <see cref="Real"/> that of the precision.</param>
    public Operand<T> At(long elements, int elementSize) =>
        IsNull ? this : new(Buffer, unchecked(_offset + (ulong)(elements * elementSize)));

    /// <summary>The same place with another element type.</summary>
    /// <typeparam name="TOther">The other element type.</typeparam>
    public Operand<TOther> As<TOther>() => new(Buffer, _offset, _extent);

    /// <summary>A bare address: memory that outlives every program that uses it.</summary>
    public static implicit operator Operand<T>(DevicePointer<T> pointer) => new(null, pointer.Address);

    /// <summary>A planned buffer; null for an argument that is left out.</summary>
    /// <exception cref="ArgumentException">Its elements are of another size.</exception>
    public static implicit operator Operand<T>(Value? value)
    {
        if (value is null)
            return default;
        var fits = typeof(T) == typeof(Real) ? value.IsReal : !value.IsReal && value.ElementSize == Unsafe.SizeOf<T>();
        return fits
            ? new(value, 0)
            : throw new ArgumentException($"'{value.Name}' has elements of {value.ElementSize} bytes and is no array of {typeof(T).Name}.");
    }
}

/// <summary>Makes operands.</summary>
public static class Operand
{
    /// <summary>The beginning of a buffer, whatever its elements are.</summary>
    /// <typeparam name="T">Element type.</typeparam>
    /// <param name="buffer">The buffer; null for an argument that is left out.</param>
    public static Operand<T> Of<T>(IDeviceBuffer? buffer) => new(buffer, 0);
}

/// <summary>What a recorded operation does with one of its arguments.</summary>
/// <param name="Buffer">The buffer; null for an address that no plan knows.</param>
/// <param name="Writes">False where it only reads.</param>
/// <param name="Bytes">How much of it; 0 where that is not known.</param>
public readonly record struct Access(IDeviceBuffer? Buffer, bool Writes, long Bytes)
{
    /// <summary>A <c>const</c> pointer of a kernel.</summary>
    public static Access Reads<T>(Operand<T> operand) => new(operand.Buffer, false, operand.Bytes);

    /// <summary>A pointer of a kernel that is not <c>const</c>: written, and perhaps read before.</summary>
    public static Access WritesTo<T>(Operand<T> operand) => new(operand.Buffer, true, operand.Bytes);
}
