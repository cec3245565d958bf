namespace Lur.Layers;

/// <summary>y = x / (1 + exp(-x)), element by element, any shape. Formulas: <c>kernels/operators/silu.cu</c>.</summary>
public sealed class Silu(string name) : Layer(name)
{
    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var x = Network.Input(pass, node);
        var y = pass.Activation($"{Name}/y", x.Shape);
        var n = x.Shape.Count;
        pass.Launch.Silu.SiluForward(pass.Device.Elements(n), y, x, n);
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var (x, dy) = (Network.Input(pass, node), pass.GradientOf(Network.Output(pass, node)));
        var (dx, n) = (pass.GradientOf(x, out var accumulate), x.Shape.Count);
        pass.Launch.Silu.SiluBackward(pass.Device.Elements(n), dx, x, dy, n, accumulate ? 1 : 0);
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node)
    {
        var (x, ty) = (Network.Input(pass, node), pass.TangentOf(Network.Output(pass, node)));
        var (tx, n) = (pass.TangentOf(x), x.Shape.Count);
        pass.Launch.Silu.SiluBackward(pass.Device.Elements(n), ty, x, tx, n, 0);
    }

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var (x, y) = (Network.Input(pass, node), Network.Output(pass, node));
        var (tx, dy, tdy) = (pass.TangentOf(x), pass.GradientOf(y), pass.TangentGradientOf(y));
        var (tdx, n) = (pass.TangentGradientOf(x, out var accumulate), x.Shape.Count);
        pass.Launch.Silu.SiluBackwardTangent(pass.Device.Elements(n), tdx, x, tx, dy, tdy, n, accumulate ? 1 : 0);
    }
}
