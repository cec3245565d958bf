using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Lur.Checkpoints;

/// <summary>Conversions between a file's floating types and float or double; narrowing rounds to nearest even.</summary>
public static class FloatCodec
{
    /// <summary>Bytes of values in a floating element type.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="type">F64, F32, F16 or BF16.</param>
    /// <param name="values">The values.</param>
    /// <exception cref="ArgumentException">Not a floating type.</exception>
    public static byte[] Encode<T>(TensorType type, ReadOnlySpan<T> values)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (type == TensorTypes.Of<T>())
            return MemoryMarshal.AsBytes(values).ToArray();
        var bytes = new byte[checked(values.Length * type.Size())];
        for (var i = 0; i < values.Length; i++)
            Write(type, bytes, i, double.CreateTruncating(values[i]));
        return bytes;
    }

    /// <summary>Values from bytes in a floating element type.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="type">F64, F32, F16 or BF16.</param>
    /// <param name="bytes">As many elements as the destination has.</param>
    /// <param name="destination">Receives them.</param>
    /// <exception cref="ArgumentException">Not a floating type.</exception>
    public static void Decode<T>(TensorType type, ReadOnlySpan<byte> bytes, Span<T> destination)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (type == TensorTypes.Of<T>())
        {
            bytes.CopyTo(MemoryMarshal.AsBytes(destination));
            return;
        }
        for (var i = 0; i < destination.Length; i++)
            destination[i] = T.CreateTruncating(ReadOne(type, bytes, i));
    }

    private static double ReadOne(TensorType type, ReadOnlySpan<byte> bytes, int i)
    {
        ref var p = ref Unsafe.Add(ref MemoryMarshal.GetReference(bytes), (nint)i * type.Size());
        return type switch
        {
            TensorType.F64 => Unsafe.ReadUnaligned<double>(ref p),
            TensorType.F32 => Unsafe.ReadUnaligned<float>(ref p),
            TensorType.F16 => (double)Unsafe.ReadUnaligned<Half>(ref p),
            TensorType.BF16 => BitConverter.UInt32BitsToSingle((uint)Unsafe.ReadUnaligned<ushort>(ref p) << 16),
            _ => throw new ArgumentException($"{type.Name()} is not a floating type.", nameof(type)),
        };
    }

    private static void Write(TensorType type, byte[] bytes, int i, double value)
    {
        var p = bytes.AsSpan(i * type.Size());
        switch (type)
        {
            case TensorType.F64:
                MemoryMarshal.Write(p, value);
                break;
            case TensorType.F32:
                MemoryMarshal.Write(p, (float)value);
                break;
            case TensorType.F16:
                MemoryMarshal.Write(p, (Half)value);
                break;
            case TensorType.BF16:
                MemoryMarshal.Write(p, ToBFloat16((float)value));
                break;
            default:
                throw new ArgumentException($"{type.Name()} is not a floating type.", nameof(type));
        }
    }

    // From double through float: a double rounding can differ from the direct one in the last bit of a tie; values here
    // come from float storage, for which the first step is exact.
    private static ushort ToBFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
            return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
