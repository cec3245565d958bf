namespace Lur.Layers;

/// <summary>Maximum over square windows. x [N, H, W, C] -> y [N, H', W', C], H' = (H + 2 pad - size) / stride + 1.
/// The winning tap is kept; ties go to the first, NaN wins, as torch. Formulas: <c>kernels/operators/pool.cu</c>.</summary>
public sealed class MaxPool : Layer
{
    private readonly PoolWindow _window;

    /// <summary>Creates the layer.</summary>
    public MaxPool(string name, int size, int stride, int pad)
        : base(name) => _window = new PoolWindow(size, stride, pad);

    private sealed record Cache(Value X, Value Y, Value Tap);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => _window.Output(Name, inputs[0]);

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
        kernels.MaxPoolForward(shape, y, tap, x, _window.Geometry(x.Shape, output));
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
        kernels.MaxPoolForwardTangent(shape, ty, tx, tap, _window.Geometry(x.Shape, y.Shape));
    }

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var (x, y, tap) = pass.Recall<Cache>(node.Index);
        var tdx = pass.TangentGradientOf(x, out var accumulate);
        EmitBackward(pass, tdx, pass.TangentGradientOf(y), tap, accumulate);
    }

    private void EmitBackward(NetworkPass pass, Value dx, Value dy, Value tap, bool accumulate)
    {
        var (kernels, s) = (pass.Launch.Pool, dx.Shape);
        var shape = pass.Device.Rows(s.Rows, s.Innermost);
        kernels.MaxPoolBackward(shape, dx, dy, tap, _window.Geometry(dx.Shape, dy.Shape), accumulate ? 1 : 0);
    }
}
