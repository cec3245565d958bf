namespace Lur.Tensors;

/// <summary>How a vector of float32 numbers lies in memory.</summary>
public enum Packing
{
    /// <summary>Four bytes each.</summary>
    None,

    /// <summary>Two bytes each, IEEE 754 binary16; every number is one of its numbers.</summary>
    Float16,

    /// <summary>Two bytes each, the upper half of a float32; every number is one of its numbers.</summary>
    BFloat16,
}

/// <summary>Conversions that lose nothing.</summary>
internal static class Packed
{
    /// <summary>True where a number is one of a packing's.</summary>
    public static bool Holds(Packing packing, float value) =>
        packing switch
        {
            Packing.Float16 => BitConverter.SingleToInt32Bits((float)(Half)value) == BitConverter.SingleToInt32Bits(value),
            Packing.BFloat16 => (BitConverter.SingleToInt32Bits(value) & 0xffff) == 0,
            _ => true,
        };

    /// <summary>Rounds numbers to some that a packing holds.</summary>
    public static void Round(Packing packing, Span<float> values)
    {
        for (var i = 0; i < values.Length && packing != Packing.None; i++)
            values[i] =
                packing == Packing.Float16
                    ? (float)(Half)values[i]
                    : BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(values[i]) & ~0xffff);
    }

    /// <summary>Two bytes of each number.</summary>
    /// <exception cref="ArgumentException">A number is none of the packing's.</exception>
    public static short[] Narrow(Packing packing, ReadOnlySpan<float> values)
    {
        var narrow = new short[values.Length];
        for (var i = 0; i < narrow.Length; i++)
        {
            if (!Holds(packing, values[i]))
                throw new ArgumentException($"{values[i]} is no number of {packing}.", nameof(values));
            narrow[i] =
                packing == Packing.Float16
                    ? BitConverter.HalfToInt16Bits((Half)values[i])
                    : (short)(BitConverter.SingleToInt32Bits(values[i]) >> 16);
        }

        return narrow;
    }

    /// <summary>The numbers again.</summary>
    public static void Widen(Packing packing, ReadOnlySpan<short> narrow, Span<float> values)
    {
        for (var i = 0; i < narrow.Length; i++)
            values[i] =
                packing == Packing.Float16
                    ? (float)BitConverter.Int16BitsToHalf(narrow[i])
                    : BitConverter.Int32BitsToSingle(narrow[i] << 16);
    }
}
