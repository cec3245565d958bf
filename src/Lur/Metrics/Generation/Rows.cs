using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Lur.Metrics.Generation;

/// <summary>Operations on rows of doubles in four lanes, the same on every processor.</summary>
internal static class Rows
{
    private const int Lanes = 4;

    /// <summary>x y.</summary>
    public static double Dot(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        ref var px = ref MemoryMarshal.GetReference(x);
        ref var py = ref MemoryMarshal.GetReference(y[..x.Length]);
        Vector256<double> first = default,
            second = default;
        var i = 0;
        for (; i + (2 * Lanes) <= x.Length; i += 2 * Lanes)
        {
            var at = (nuint)i;
            first = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref px, at), Vector256.LoadUnsafe(ref py, at), first);
            at += Lanes;
            second = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref px, at), Vector256.LoadUnsafe(ref py, at), second);
        }

        first += second;
        var sum = first[0] + first[1] + (first[2] + first[3]);
        for (; i < x.Length; i++)
            sum = Math.FusedMultiplyAdd(x[i], y[i], sum);
        return sum;
    }

    /// <summary>y += a x.</summary>
    public static void AddScaled(Span<double> y, double a, ReadOnlySpan<double> x)
    {
        ref var py = ref MemoryMarshal.GetReference(y);
        ref var px = ref MemoryMarshal.GetReference(x[..y.Length]);
        var scale = Vector256.Create(a);
        var i = 0;
        for (; i + Lanes <= y.Length; i += Lanes)
        {
            var at = (nuint)i;
            Vector256.FusedMultiplyAdd(scale, Vector256.LoadUnsafe(ref px, at), Vector256.LoadUnsafe(ref py, at)).StoreUnsafe(ref py, at);
        }

        for (; i < y.Length; i++)
            y[i] = Math.FusedMultiplyAdd(a, x[i], y[i]);
    }

    /// <summary>(low, high) = (c low - s high, s low + c high): a plane rotation of two rows of the same length.</summary>
    public static void Rotate(Span<double> low, Span<double> high, double c, double s)
    {
        ref var pl = ref MemoryMarshal.GetReference(low);
        ref var ph = ref MemoryMarshal.GetReference(high[..low.Length]);
        var (cosine, sine) = (Vector256.Create(c), Vector256.Create(s));
        var i = 0;
        for (; i + Lanes <= low.Length; i += Lanes)
        {
            var at = (nuint)i;
            var (l, h) = (Vector256.LoadUnsafe(ref pl, at), Vector256.LoadUnsafe(ref ph, at));
            Vector256.FusedMultiplyAdd(cosine, l, -(sine * h)).StoreUnsafe(ref pl, at);
            Vector256.FusedMultiplyAdd(sine, l, cosine * h).StoreUnsafe(ref ph, at);
        }

        for (; i < low.Length; i++)
        {
            var (l, h) = (low[i], high[i]);
            low[i] = Math.FusedMultiplyAdd(c, l, -(s * h));
            high[i] = Math.FusedMultiplyAdd(s, l, c * h);
        }
    }

    /// <summary>Runs a body over [first, last) in parts: on all cores where the work is worth it. The parts do not depend on the
    /// number of cores.</summary>
    /// <param name="first">First index.</param>
    /// <param name="last">One past the last.</param>
    /// <param name="part">Indices a part.</param>
    /// <param name="work">Multiplications of the whole, about.</param>
    /// <param name="body">Called with the first and one past the last index of a part.</param>
    public static void ForParts(int first, int last, int part, long work, Action<int, int> body)
    {
        var parts = (last - first + part - 1) / part;
        void One(int p) => body(first + (p * part), Math.Min(last, first + ((p + 1) * part)));
        // Below this a core has done the work before another has woken: some tens of microseconds.
        if (work < 100_000)
            for (var p = 0; p < parts; p++)
                One(p);
        else
            Parallel.For(0, parts, One);
    }

    /// <summary>The vector v = <paramref name="x"/>, changed in its first element, and the factor t of the reflection H = I - t v v^T
    /// that turns x into (r, 0, 0, ...).</summary>
    /// <returns>r and t; t is 0, and H the identity, where x has that form already.</returns>
    public static (double R, double T) Reflect(Span<double> x)
    {
        var tail = x.Length > 1 ? Dot(x[1..], x[1..]) : 0;
        if (tail == 0)
            return (x.Length == 0 ? 0 : x[0], 0);
        var norm = Math.Sqrt((x[0] * x[0]) + tail);
        // The sign for which x_0 - r does not cancel.
        var r = x[0] > 0 ? -norm : norm;
        x[0] -= r;
        return (r, 2 / ((x[0] * x[0]) + tail));
    }
}
