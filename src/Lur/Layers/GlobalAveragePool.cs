namespace Lur.Layers;

/// <summary>Mean over all positions: x [N, H, W, C] -> y [N, C]. Linear, so its tangent passes are its passes.
/// Formulas: <c>kernels/operators/pool.cu</c>.</summary>
public sealed class GlobalAveragePool(string name) : Layer(name)
{
    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => new(inputs[0][0], inputs[0].Innermost);

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var x = Network.Input(pass, node);
        var y = pass.Activation($"{Name}/y", OutputShape([x.Shape]));
        EmitMean(pass, y, x);
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var dy = pass.GradientOf(Network.Output(pass, node));
        var dx = pass.GradientOf(Network.Input(pass, node), out var accumulate);
        EmitSpread(pass, dx, dy, accumulate);
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node) =>
        EmitMean(pass, pass.TangentOf(Network.Output(pass, node)), pass.TangentOf(Network.Input(pass, node)));

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var tdy = pass.TangentGradientOf(Network.Output(pass, node));
        var tdx = pass.TangentGradientOf(Network.Input(pass, node), out var accumulate);
        EmitSpread(pass, tdx, tdy, accumulate);
    }

    private static void EmitMean(NetworkPass pass, Value y, Value x)
    {
        var (kernels, n, c) = (pass.Launch.Pool, x.Shape[0], x.Shape.Innermost);
        var positions = x.Shape.Rows / n;
        var shape = pass.Device.ColumnSums(x.Shape.Rows, c, n);
        kernels.MeanPoolForward(shape, y, x, n, positions, c);
    }

    private static void EmitSpread(NetworkPass pass, Value dx, Value dy, bool accumulate)
    {
        var (kernels, n, c) = (pass.Launch.Pool, dx.Shape[0], dx.Shape.Innermost);
        var positions = dx.Shape.Rows / n;
        var shape = pass.Device.Rows(dx.Shape.Rows, c);
        kernels.MeanPoolBackward(shape, dx, dy, n, positions, c, accumulate ? 1 : 0);
    }
}
