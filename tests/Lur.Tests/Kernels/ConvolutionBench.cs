using Lur.Device;
using Lur.Layers;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>One convolution on one device with its tensors between guards.</summary>
internal sealed class ConvolutionBench : IDisposable
{
    private readonly ConvolutionShape _shape;
    private readonly GuardedBuffer _x,
        _w,
        _y,
        _x2,
        _w2,
        _y2,
        _workspace;

    public ConvolutionBench(
        TestDevice test,
        Precision precision,
        ConvolutionShape shape,
        ConvolutionAlgorithm algorithm,
        ProductPrecision products = ProductPrecision.Float32
    )
    {
        _shape = shape;
        Operator = new ConvolutionOperator(LaunchSet.Immediate(test.Device, precision, products), shape, algorithm);
        (_x, _x2) = (new(test, precision, shape.InputLength), new(test, precision, shape.InputLength));
        (_w, _w2) = (new(test, precision, shape.FilterLength), new(test, precision, shape.FilterLength));
        (_y, _y2) = (new(test, precision, shape.OutputLength), new(test, precision, shape.OutputLength));
        // Exactly as large as asked for and NaN: a read of scratch that nobody wrote shows in the result.
        _workspace = new(test, precision, Math.Max(1, Operator.PairWorkspaceBytes / precision.Size()));
    }

    public ConvolutionOperator Operator { get; }

    /// <summary>y (+)= F(x, w), + F(x2, w2) where given; <paramref name="initial"/> is accumulated to.</summary>
    public double[] Forward(double[] x, double[] w, double[]? x2 = null, double[]? w2 = null, double[]? initial = null)
    {
        Load((_x, x), (_w, w), (_x2, x2), (_w2, w2));
        Prepare(_y, _shape.OutputLength, initial);
        if (x2 is null)
            Operator.Forward(_y.Pointer, _x.Pointer, _w.Pointer, initial is not null, _workspace.Pointer);
        else
            Operator.ForwardPair(_y.Pointer, _x.Pointer, _w.Pointer, _x2.Pointer, _w2.Pointer, initial is not null, _workspace.Pointer);
        return Result(_y);
    }

    /// <summary>dx (+)= the adjoint of F(., w) at dy, + that of the second pair where given.</summary>
    public double[] InputGradient(double[] dy, double[] w, double[]? dy2 = null, double[]? w2 = null, double[]? initial = null)
    {
        Load((_y, dy), (_w, w), (_y2, dy2), (_w2, w2));
        Prepare(_x, _shape.InputLength, initial);
        if (dy2 is null)
            Operator.InputGradient(_x.Pointer, _y.Pointer, _w.Pointer, initial is not null, _workspace.Pointer);
        else
            Operator.InputGradientPair(
                _x.Pointer,
                _y.Pointer,
                _w.Pointer,
                _y2.Pointer,
                _w2.Pointer,
                initial is not null,
                _workspace.Pointer
            );
        return Result(_x);
    }

    /// <summary>dw (+)= the adjoint of F(x, .) at dy, + that of the second pair where given.</summary>
    public double[] FilterGradient(double[] x, double[] dy, double[]? x2 = null, double[]? dy2 = null, double[]? initial = null)
    {
        Load((_x, x), (_y, dy), (_x2, x2), (_y2, dy2));
        Prepare(_w, _shape.FilterLength, initial);
        if (x2 is null)
            Operator.FilterGradient(_w.Pointer, _x.Pointer, _y.Pointer, initial is not null, _workspace.Pointer);
        else
            Operator.FilterGradientPair(
                _w.Pointer,
                _x.Pointer,
                _y.Pointer,
                _x2.Pointer,
                _y2.Pointer,
                initial is not null,
                _workspace.Pointer
            );
        return Result(_w);
    }

    /// <summary>The three maps on the buffers as they are, without a transfer.</summary>
    public void Enqueue()
    {
        Operator.Forward(_y.Pointer, _x.Pointer, _w.Pointer, false, _workspace.Pointer);
        Operator.InputGradient(_x2.Pointer, _y.Pointer, _w.Pointer, false, _workspace.Pointer);
        Operator.FilterGradientPair(_w2.Pointer, _x.Pointer, _y.Pointer, _x2.Pointer, _y.Pointer, false, _workspace.Pointer);
    }

    /// <summary>Sets x and w; reads what <see cref="Enqueue"/> wrote: y, dx, dw.</summary>
    public void Load(double[] x, double[] w) => Load((_x, x), (_w, w));

    public double[][] Results() => [Result(_y), Result(_x2), Result(_w2)];

    public void Dispose()
    {
        foreach (var buffer in new[] { _x, _w, _y, _x2, _w2, _y2, _workspace })
            buffer.Dispose();
    }

    private static void Load(params (GuardedBuffer Buffer, double[]? Values)[] all)
    {
        foreach (var (buffer, values) in all)
            if (values is not null)
                buffer.Set(values);
    }

    // NaN where nothing is accumulated to: a missing write shows, and so does an unwanted read.
    private static void Prepare(GuardedBuffer output, long length, double[]? initial) =>
        output.Set(initial ?? [.. Enumerable.Repeat(double.NaN, (int)length)]);

    private double[] Result(GuardedBuffer output)
    {
        _ = _workspace.Get();
        return output.Get();
    }
}
