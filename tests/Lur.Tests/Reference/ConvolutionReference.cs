using Lur.Layers;

namespace Lur.Tests.Reference;

/// <summary>The three maps of a convolution by their definition, in float64; NHWC and KRSC.</summary>
public static class ConvolutionReference
{
    /// <summary>y = F(x, w).</summary>
    public static double[] Forward(ConvolutionShape shape, double[] x, double[] w)
    {
        var y = new double[shape.OutputLength];
        Visit(
            shape,
            (i, j, k) =>
            {
                for (var c = 0; c < shape.C; c++)
                    y[k] += x[i + c] * w[j + c];
            }
        );
        return y;
    }

    /// <summary>dx: the adjoint of F(., w).</summary>
    public static double[] InputGradient(ConvolutionShape shape, double[] dy, double[] w)
    {
        var dx = new double[shape.InputLength];
        Visit(
            shape,
            (i, j, k) =>
            {
                for (var c = 0; c < shape.C; c++)
                    dx[i + c] += dy[k] * w[j + c];
            }
        );
        return dx;
    }

    /// <summary>dw: the adjoint of F(x, .).</summary>
    public static double[] FilterGradient(ConvolutionShape shape, double[] x, double[] dy)
    {
        var dw = new double[shape.FilterLength];
        Visit(
            shape,
            (i, j, k) =>
            {
                for (var c = 0; c < shape.C; c++)
                    dw[j + c] += dy[k] * x[i + c];
            }
        );
        return dw;
    }

    // Every product of the definition once: indices of the first channel in x and in w, and of the element of y.
    private static void Visit(ConvolutionShape s, Action<int, int, int> products)
    {
        for (var n = 0; n < s.N; n++)
        for (var oh = 0; oh < s.OutH; oh++)
        for (var ow = 0; ow < s.OutW; ow++)
        for (var r = 0; r < s.R; r++)
        for (var t = 0; t < s.S; t++)
        {
            var (h, w) = ((oh * s.Stride) - s.Pad + r, (ow * s.Stride) - s.Columns.Begin + t);
            if (h < 0 || h >= s.H || w < 0 || w >= s.W)
                continue;
            for (var k = 0; k < s.K; k++)
                products(
                    ((((n * s.H) + h) * s.W) + w) * s.C,
                    ((((k * s.R) + r) * s.S) + t) * s.C,
                    (((((n * s.OutH) + oh) * s.OutW) + ow) * s.K) + k
                );
        }
    }
}
