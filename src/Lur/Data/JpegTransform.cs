namespace Lur.Data;

/// <summary>The inverse cosine transform of a block of 8 x 8, in integers: the accurate method of Loeffler, Ligtenberg and Moschytz
/// (ICASSP 1989), with 13 bits of fraction as in libjpeg, so that results are the same on every machine.</summary>
internal static class JpegTransform
{
    private const int Bits = 13,
        FirstBits = 2;

    /// <summary>Transforms and writes a block, or the mean of its squares of some pixels.</summary>
    /// <param name="block">Coefficients by rows, dequantised.</param>
    /// <param name="target">Where its first sample goes.</param>
    /// <param name="stride">Samples from a row of the target to the next.</param>
    /// <param name="reduction">Pixels a side that become one: 1, 2, 4 or 8.</param>
    public static void Write(Span<int> block, Span<byte> target, int stride, int reduction)
    {
        for (var x = 0; x < 8; x++)
            Pass(block[x..], 8, Bits - FirstBits);
        for (var y = 0; y < 8; y++)
            Pass(block[(8 * y)..], 1, Bits + FirstBits + 3);
        for (var i = 0; i < 64; i++)
            block[i] = Math.Clamp(block[i] + 128, 0, 255);
        if (reduction > 1)
        {
            Reduce(block, target, stride, reduction);
            return;
        }
        for (var y = 0; y < 8; y++)
        for (var x = 0; x < 8; x++)
            target[y * stride + x] = (byte)block[8 * y + x];
    }

    private static void Reduce(ReadOnlySpan<int> block, Span<byte> target, int stride, int reduction)
    {
        var side = 8 / reduction;
        for (var y = 0; y < side; y++)
        for (var x = 0; x < side; x++)
        {
            var sum = reduction * reduction / 2;
            for (var i = 0; i < reduction * reduction; i++)
                sum += block[8 * (y * reduction + i / reduction) + x * reduction + i % reduction];
            target[y * stride + x] = (byte)(sum / (reduction * reduction));
        }
    }

    private static int Fix(double value) => (int)(value * (1 << Bits) + 0.5);

    private static readonly int s_0298 = Fix(0.298631336),
        s_0390 = Fix(0.390180644),
        s_0541 = Fix(0.541196100),
        s_0765 = Fix(0.765366865),
        s_0899 = Fix(0.899976223),
        s_1175 = Fix(1.175875602),
        s_1501 = Fix(1.501321110),
        s_1847 = Fix(1.847759065),
        s_1961 = Fix(1.961570560),
        s_2053 = Fix(2.053119869),
        s_2562 = Fix(2.562915447),
        s_3072 = Fix(3.072711026);

    // One dimension, in place; damaged files bring any coefficient, so sums are long.
    private static void Pass(Span<int> v, int step, int shift)
    {
        long z1 = (v[2 * step] + (long)v[6 * step]) * s_0541,
            t2 = z1 - (long)v[6 * step] * s_1847,
            t3 = z1 + (long)v[2 * step] * s_0765,
            t0 = (v[0] + (long)v[4 * step]) << Bits,
            t1 = (v[0] - (long)v[4 * step]) << Bits;
        long e0 = t0 + t3,
            e3 = t0 - t3,
            e1 = t1 + t2,
            e2 = t1 - t2;
        long a0 = v[7 * step],
            a1 = v[5 * step],
            a2 = v[3 * step],
            a3 = v[step];
        long b1 = a0 + a3,
            b2 = a1 + a2,
            b3 = a0 + a2,
            b4 = a1 + a3,
            b5 = (b3 + b4) * s_1175;
        a0 *= s_0298;
        a1 *= s_2053;
        a2 *= s_3072;
        a3 *= s_1501;
        b1 *= -s_0899;
        b2 *= -s_2562;
        b3 = b5 - b3 * s_1961;
        b4 = b5 - b4 * s_0390;
        a0 += b1 + b3;
        a1 += b2 + b4;
        a2 += b2 + b3;
        a3 += b1 + b4;
        var half = 1L << (shift - 1);
        v[0] = (int)((e0 + a3 + half) >> shift);
        v[7 * step] = (int)((e0 - a3 + half) >> shift);
        v[step] = (int)((e1 + a2 + half) >> shift);
        v[6 * step] = (int)((e1 - a2 + half) >> shift);
        v[2 * step] = (int)((e2 + a1 + half) >> shift);
        v[5 * step] = (int)((e2 - a1 + half) >> shift);
        v[3 * step] = (int)((e3 + a0 + half) >> shift);
        v[4 * step] = (int)((e3 - a0 + half) >> shift);
    }
}
