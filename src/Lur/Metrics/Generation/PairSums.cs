using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Lur.Metrics.Generation;

/// <summary>What is added up over the elements of two rows.</summary>
internal interface IPairTerm
{
    static abstract Vector256<double> Add(Vector256<double> sum, Vector256<double> x, Vector256<double> y);

    static abstract double Add(double sum, double x, double y);
}

/// <summary>x y.</summary>
internal readonly struct ProductTerm : IPairTerm
{
    public static Vector256<double> Add(Vector256<double> sum, Vector256<double> x, Vector256<double> y) =>
        Vector256.FusedMultiplyAdd(x, y, sum);

    public static double Add(double sum, double x, double y) => Math.FusedMultiplyAdd(x, y, sum);
}

/// <summary>(x - y)^2. Not |x|^2 + |y|^2 - 2 x y, which loses the distance of near neighbours far from the origin.</summary>
internal readonly struct SquaredDifferenceTerm : IPairTerm
{
    public static Vector256<double> Add(Vector256<double> sum, Vector256<double> x, Vector256<double> y)
    {
        var difference = x - y;
        return Vector256.FusedMultiplyAdd(difference, difference, sum);
    }

    public static double Add(double sum, double x, double y) => Math.FusedMultiplyAdd(x - y, x - y, sum);
}

/// <summary>Sums over the elements of pairs of rows, for a block of rows against many: products of matrices, distances.</summary>
/// <remarks>Four lanes by definition, and one order of summation for every pair: a value depends on its two rows only, neither on
/// the processor nor on where in a block they lie, so that s(x, y) = s(y, x) bit for bit.</remarks>
internal static class PairSums<TTerm>
    where TTerm : struct, IPairTerm
{
    /// <summary>Rows of a block: with 2048 numbers each they fit a second-level cache (256 KiB) while the others stream by.</summary>
    public const int BlockRows = 16;

    private const int Lanes = 4;

    /// <summary>r_ij = sum over e of term(x_ie, y_je).</summary>
    /// <param name="x">p rows of <paramref name="dimension"/> numbers; <see cref="BlockRows"/> at most to be fast.</param>
    /// <param name="y">q rows.</param>
    /// <param name="dimension">Numbers a row, at least 1.</param>
    /// <param name="results">p rows of q numbers.</param>
    public static void Fill(ReadOnlySpan<double> x, ReadOnlySpan<double> y, int dimension, Span<double> results)
    {
        int rows = x.Length / dimension,
            columns = y.Length / dimension;
        ArgumentOutOfRangeException.ThrowIfLessThan(results.Length, rows * columns);
        ref var x0 = ref MemoryMarshal.GetReference(x);
        ref var y0 = ref MemoryMarshal.GetReference(y);
        ref var r0 = ref MemoryMarshal.GetReference(results);
        var step = (nint)dimension;
        for (var j = 0; j < columns; j += 4)
        {
            ref var yj = ref Unsafe.Add(ref y0, j * step);
            var tile = columns - j >= 4;
            for (var i = 0; i < rows; i += 2)
            {
                ref var xi = ref Unsafe.Add(ref x0, i * step);
                ref var r = ref Unsafe.Add(ref r0, ((nint)i * columns) + j);
                if (tile && rows - i >= 2)
                    Tile(ref xi, ref yj, step, ref r, columns);
                else
                    Rest(ref xi, Math.Min(2, rows - i), ref yj, Math.Min(4, columns - j), step, ref r, columns);
            }
        }
    }

    // 2 x 4 pairs: eight chains of sums hide the latency of an addition, and six loads serve eight terms.
    private static void Tile(ref double x, ref double y, nint step, ref double r, nint columns)
    {
        ref var x1 = ref Unsafe.Add(ref x, step);
        ref var y1 = ref Unsafe.Add(ref y, step);
        ref var y2 = ref Unsafe.Add(ref y1, step);
        ref var y3 = ref Unsafe.Add(ref y2, step);
        Vector256<double> a0 = default,
            a1 = default,
            a2 = default,
            a3 = default,
            b0 = default,
            b1 = default,
            b2 = default,
            b3 = default;
        nint e = 0;
        for (; e + Lanes <= step; e += Lanes)
        {
            var p = Vector256.LoadUnsafe(ref x, (nuint)e);
            var q = Vector256.LoadUnsafe(ref x1, (nuint)e);
            var v = Vector256.LoadUnsafe(ref y, (nuint)e);
            (a0, b0) = (TTerm.Add(a0, p, v), TTerm.Add(b0, q, v));
            v = Vector256.LoadUnsafe(ref y1, (nuint)e);
            (a1, b1) = (TTerm.Add(a1, p, v), TTerm.Add(b1, q, v));
            v = Vector256.LoadUnsafe(ref y2, (nuint)e);
            (a2, b2) = (TTerm.Add(a2, p, v), TTerm.Add(b2, q, v));
            v = Vector256.LoadUnsafe(ref y3, (nuint)e);
            (a3, b3) = (TTerm.Add(a3, p, v), TTerm.Add(b3, q, v));
        }

        r = Finish(a0, ref x, ref y, e, step);
        Unsafe.Add(ref r, 1) = Finish(a1, ref x, ref y1, e, step);
        Unsafe.Add(ref r, 2) = Finish(a2, ref x, ref y2, e, step);
        Unsafe.Add(ref r, 3) = Finish(a3, ref x, ref y3, e, step);
        ref var s = ref Unsafe.Add(ref r, columns);
        s = Finish(b0, ref x1, ref y, e, step);
        Unsafe.Add(ref s, 1) = Finish(b1, ref x1, ref y1, e, step);
        Unsafe.Add(ref s, 2) = Finish(b2, ref x1, ref y2, e, step);
        Unsafe.Add(ref s, 3) = Finish(b3, ref x1, ref y3, e, step);
    }

    private static void Rest(ref double x, int rows, ref double y, int columns, nint step, ref double r, nint stride)
    {
        for (var i = 0; i < rows; i++)
        for (var j = 0; j < columns; j++)
        {
            ref var xi = ref Unsafe.Add(ref x, i * step);
            ref var yj = ref Unsafe.Add(ref y, j * step);
            Vector256<double> sum = default;
            nint e = 0;
            for (; e + Lanes <= step; e += Lanes)
                sum = TTerm.Add(sum, Vector256.LoadUnsafe(ref xi, (nuint)e), Vector256.LoadUnsafe(ref yj, (nuint)e));
            Unsafe.Add(ref r, (i * stride) + j) = Finish(sum, ref xi, ref yj, e, step);
        }
    }

    private static double Finish(Vector256<double> sum, ref double x, ref double y, nint e, nint step)
    {
        var total = sum[0] + sum[1] + (sum[2] + sum[3]);
        for (; e < step; e++)
            total = TTerm.Add(total, Unsafe.Add(ref x, e), Unsafe.Add(ref y, e));
        return total;
    }
}
