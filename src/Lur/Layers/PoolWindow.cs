using Lur.Device;

namespace Lur.Layers;

/// <summary>Square windows of a pooling over [N, H, W, C].</summary>
/// <param name="Size">Side, 1 to 16.</param>
/// <param name="Stride">Distance of windows.</param>
/// <param name="Pad">Border on all sides, at most half the size.</param>
internal readonly record struct PoolWindow(int Size, int Stride, int Pad)
{
    /// <summary>[N, H', W', C], H' = (H + 2 pad - size) / stride + 1.</summary>
    /// <exception cref="ArgumentException">The input is smaller than a window.</exception>
    public Shape Output(string name, Shape x)
    {
        int h = ((x[1] + (2 * Pad) - Size) / Stride) + 1,
            w = ((x[2] + (2 * Pad) - Size) / Stride) + 1;
        if (h < 1 || w < 1)
            throw new ArgumentException($"'{name}': an input of {x[1]} x {x[2]} pixels is smaller than the window of {Size}.");
        return new Shape(x[0], h, w, x[3]);
    }

    /// <summary>The sizes as kernels take them.</summary>
    public WindowGeometry Geometry(Shape x, Shape y) =>
        new()
        {
            N = x[0],
            H = x[1],
            W = x[2],
            C = x[3],
            K = x[3],
            R = Size,
            S = Size,
            Stride = Stride,
            Top = Pad,
            Left = Pad,
            OH = y[1],
            OW = y[2],
        };
}
