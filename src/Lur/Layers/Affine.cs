namespace Lur.Layers;

/// <summary>y = factor x + shift with fixed numbers, any shape. Formulas: <c>kernels/operators/add.cu</c>.</summary>
/// <param name="name">Name for plans.</param>
/// <param name="factor">Factor.</param>
/// <param name="shift">Shift.</param>
public sealed class Affine(string name, double factor, double shift) : Layer(name)
{
    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var x = Network.Input(pass, node);
        var y = pass.Activation($"{Name}/y", x.Shape);
        pass.Launch.Add.AddAffineForward(pass.Device.Elements(x.Shape.Count), y, x, x.Shape.Count, factor, shift);
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var dx = pass.GradientOf(Network.Input(pass, node), out var accumulate);
        Scaled(pass, dx, pass.GradientOf(Network.Output(pass, node)), accumulate);
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node) =>
        Scaled(pass, pass.TangentOf(Network.Output(pass, node)), pass.TangentOf(Network.Input(pass, node)), accumulate: false);

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var tdx = pass.TangentGradientOf(Network.Input(pass, node), out var accumulate);
        Scaled(pass, tdx, pass.TangentGradientOf(Network.Output(pass, node)), accumulate);
    }

    private void Scaled(NetworkPass pass, Value to, Value from, bool accumulate) =>
        pass.Launch.Add.AddBackward(pass.Device.Elements(to.Shape.Count), to, from, to.Shape.Count, factor, accumulate ? 1 : 0);
}
