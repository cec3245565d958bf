using Lur.Device;

namespace Lur.Layers;

/// <summary>Maximum over square windows. x [N, H, W, C] -> y [N, H', W', C], H' = (H + 2 pad - size) / stride + 1.
/// The winning tap is kept; ties go to the first, NaN wins, as torch. Formulas: <c>kernels/operators/pool.cu</c>.</summary>
public sealed class MaxPool : Layer
{
    private readonly int _size,
        _stride,
        _pad;

    /// <summary>Creates the layer.</summary>
    public MaxPool(string name, int size, int stride, int pad)
        : base(name) => (_size, _stride, _pad) = (size, stride, pad);

    private sealed record Cache(Value X, Value Y, Value Tap);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        var x = inputs[0];
        int h = ((x[1] + (2 * _pad) - _size) / _stride) + 1,
            w = ((x[2] + (2 * _pad) - _size) / _stride) + 1;
        if (h < 1 || w < 1)
            throw new ArgumentException($"'{Name}': an input of {x[1]} x {x[2]} pixels is smaller than the window of {_size}.");
        return new Shape(x[0], h, w, x[3]);
    }

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var x = Network.Input(pass, node);
        var output = OutputShape([x.Shape]);
        var y = pass.Activation($"{Name}/y", output);
        var tap = pass.Program.Raw($"{pass.Name}/{Name}/tap", ValueRole.Cache, output, 1);
        pass.Remember(node.Index, new Cache(x, y, tap));
        var kernels = pass.Launch.Pool;
        var shape = pass.Device.Rows(output.Rows, output.Innermost);
        kernels.MaxPoolForward(shape, y, tap, x, GeometryOf(x.Shape, output));
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var (x, y, tap) = pass.Recall<Cache>(node.Index);
        var dx = pass.GradientOf(x, out var accumulate);
        EmitBackward(pass, dx, pass.GradientOf(y), tap, accumulate);
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node)
    {
        var (x, y, tap) = pass.Recall<Cache>(node.Index);
        var (tx, ty) = (pass.TangentOf(x), pass.TangentOf(y));
        var (kernels, o) = (pass.Launch.Pool, y.Shape);
        var shape = pass.Device.Rows(o.Rows, o.Innermost);
        kernels.MaxPoolForwardTangent(shape, ty, tx, tap, GeometryOf(x.Shape, y.Shape));
    }

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var (x, y, tap) = pass.Recall<Cache>(node.Index);
        var tdx = pass.TangentGradientOf(x, out var accumulate);
        EmitBackward(pass, tdx, pass.TangentGradientOf(y), tap, accumulate);
    }

    private WindowGeometry GeometryOf(Shape x, Shape y) =>
        new()
        {
            N = x[0],
            H = x[1],
            W = x[2],
            C = x[3],
            K = x[3],
            R = _size,
            S = _size,
            Stride = _stride,
            Pad = _pad,
            OH = y[1],
            OW = y[2],
        };

    private void EmitBackward(NetworkPass pass, Value dx, Value dy, Value tap, bool accumulate)
    {
        var (kernels, s) = (pass.Launch.Pool, dx.Shape);
        var shape = pass.Device.Rows(s.Rows, s.Innermost);
        kernels.MaxPoolBackward(shape, dx, dy, tap, GeometryOf(dx.Shape, dy.Shape), accumulate ? 1 : 0);
    }
}
