using Lur.Device;
using Lur.Layers;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

/// <summary>Random tensors, exact in float, and the maps of two terms of them, rounded to a format, by definition.</summary>
internal sealed class ConvolutionData
{
    public ConvolutionData(ConvolutionShape shape, ProductPrecision format = ProductPrecision.Float32, bool maps = true)
    {
        var random = TestRandom.ForCurrentTest();
        double[] Values(long n) => Array.ConvertAll(random.NormalArray(n), v => (double)(float)v);
        double[] Round(double[] v) => format == ProductPrecision.Float32 ? v : RoundedNumbers.Round(format, v);
        Shape = shape;
        (X, X2, W, W2) = (Values(shape.InputLength), Values(shape.InputLength), Values(shape.FilterLength), Values(shape.FilterLength));
        (Dy, Dy2) = (Values(shape.OutputLength), Values(shape.OutputLength));
        if (!maps)
            return;
        var (x, x2, w, w2, dy, dy2) = (Round(X), Round(X2), Round(W), Round(W2), Round(Dy), Round(Dy2));
        (Y11, Y22) = (ConvolutionReference.Forward(shape, x, w), ConvolutionReference.Forward(shape, x2, w2));
        (Dx11, Dx22) = (ConvolutionReference.InputGradient(shape, dy, w), ConvolutionReference.InputGradient(shape, dy2, w2));
        (Dw11, Dw22) = (ConvolutionReference.FilterGradient(shape, x, dy), ConvolutionReference.FilterGradient(shape, x2, dy2));
    }

    public ConvolutionShape Shape { get; }

    public double[] X { get; }

    public double[] X2 { get; }

    public double[] W { get; }

    public double[] W2 { get; }

    public double[] Dy { get; }

    public double[] Dy2 { get; }

    public double[] Y11 { get; } = [];

    public double[] Y22 { get; } = [];

    public double[] Dx11 { get; } = [];

    public double[] Dx22 { get; } = [];

    public double[] Dw11 { get; } = [];

    public double[] Dw22 { get; } = [];
}
