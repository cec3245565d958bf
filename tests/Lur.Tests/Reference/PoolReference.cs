namespace Lur.Tests.Reference;

/// <summary>Pooling over NHWC in float64, window by window.</summary>
/// <param name="N">Images.</param>
/// <param name="H">Height of the input.</param>
/// <param name="W">Width of the input.</param>
/// <param name="C">Channels.</param>
/// <param name="Size">Side of the window.</param>
/// <param name="Stride">Distance of windows.</param>
/// <param name="Pad">Border on every side; its elements never win.</param>
internal sealed record PoolReference(int N, int H, int W, int C, int Size, int Stride, int Pad)
{
    public int OutHeight => (H + 2 * Pad - Size) / Stride + 1;

    public int OutWidth => (W + 2 * Pad - Size) / Stride + 1;

    public int InputLength => N * H * W * C;

    public int OutputLength => N * OutHeight * OutWidth * C;

    /// <summary>Calls visit(output index, input index, tap) for every element of every window, in row order.</summary>
    private void Windows(Action<int, int, int> visit)
    {
        for (var n = 0; n < N; n++)
        for (var oh = 0; oh < OutHeight; oh++)
        for (var ow = 0; ow < OutWidth; ow++)
        for (var c = 0; c < C; c++)
        for (var tap = 0; tap < Size * Size; tap++)
        {
            var (h, w) = (oh * Stride - Pad + tap / Size, ow * Stride - Pad + tap % Size);
            if (h >= 0 && h < H && w >= 0 && w < W)
                visit(((n * OutHeight + oh) * OutWidth + ow) * C + c, ((n * H + h) * W + w) * C + c, tap);
        }
    }

    /// <summary>Maximum of every window and its tap: the first one of equals, a NaN before any number.</summary>
    public (double[] Y, byte[] Tap) MaxForward(double[] x)
    {
        var y = new double[OutputLength];
        var tap = new byte[OutputLength];
        var seen = new bool[OutputLength];
        Windows(
            (o, i, t) =>
            {
                if (!seen[o] || (double.IsNaN(x[i]) && !double.IsNaN(y[o])) || x[i] > y[o])
                    (seen[o], y[o], tap[o]) = (true, x[i], (byte)t);
            }
        );
        return (y, tap);
    }

    public double[] MaxBackward(double[] dy, byte[] tap)
    {
        var dx = new double[InputLength];
        Windows((o, i, t) => dx[i] += tap[o] == t ? dy[o] : 0);
        return dx;
    }

    public double[] MaxForwardTangent(double[] tx, byte[] tap)
    {
        var ty = new double[OutputLength];
        Windows((o, i, t) => ty[o] += tap[o] == t ? tx[i] : 0);
        return ty;
    }

    /// <summary>Mean of the elements of every window that lie inside the input.</summary>
    public double[] AverageForward(double[] x)
    {
        var (y, counts) = (new double[OutputLength], Counts());
        Windows((o, i, _) => y[o] += x[i] / counts[o]);
        return y;
    }

    public double[] AverageBackward(double[] dy)
    {
        var (dx, counts) = (new double[InputLength], Counts());
        Windows((o, i, _) => dx[i] += dy[o] / counts[o]);
        return dx;
    }

    private int[] Counts()
    {
        var counts = new int[OutputLength];
        Windows((o, _, _) => counts[o]++);
        return counts;
    }

    public double[] MeanForward(double[] x)
    {
        var y = new double[N * C];
        for (var i = 0; i < InputLength; i++)
            y[i / (H * W * C) * C + i % C] += x[i] / (H * W);
        return y;
    }

    public double[] MeanBackward(double[] dy) =>
        [.. Enumerable.Range(0, InputLength).Select(i => dy[i / (H * W * C) * C + i % C] / (H * W))];
}
