namespace Lur.Layers;

/// <summary>y = scale (a + b), both of one shape: the end of a residual block. Formulas: <c>kernels/operators/add.cu</c>.</summary>
/// <param name="name">Name for plans.</param>
/// <param name="scale">Factor.</param>
public sealed class Add(string name, double scale = 1) : Layer(name)
{
    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) =>
        inputs[0] == inputs[1] ? inputs[0] : throw new ArgumentException($"'{Name}' adds {inputs[1]} to {inputs[0]}.");

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var (a, b) = (Network.Input(pass, node), Network.Input(pass, node, 1));
        var y = pass.Activation($"{Name}/y", OutputShape([a.Shape, b.Shape]));
        pass.Launch.Add.AddForward(pass.Device.Elements(y.Shape.Count), y, a, b, y.Shape.Count, scale);
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var dy = pass.GradientOf(Network.Output(pass, node));
        for (var i = 0; i < 2; i++)
            if (Network.NeedsInputGradient(pass, node, i))
                Scaled(pass, pass.GradientOf(Network.Input(pass, node, i), out var accumulate), dy, accumulate);
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node)
    {
        var ty = pass.TangentOf(Network.Output(pass, node));
        var (a, b) = (Network.Input(pass, node), Network.Input(pass, node, 1));
        if (node.HasInputTangent() && node.HasInputTangent(1))
            pass.Launch.Add.AddForward(
                pass.Device.Elements(ty.Shape.Count),
                ty,
                pass.TangentOf(a),
                pass.TangentOf(b),
                ty.Shape.Count,
                scale
            );
        else
            Scaled(pass, ty, pass.TangentOf(node.HasInputTangent() ? a : b), accumulate: false);
    }

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var tdy = pass.TangentGradientOf(Network.Output(pass, node));
        for (var i = 0; i < 2; i++)
            if (node.HasInputTangent(i))
                Scaled(pass, pass.TangentGradientOf(Network.Input(pass, node, i), out var accumulate), tdy, accumulate);
    }

    private void Scaled(NetworkPass pass, Value to, Value from, bool accumulate) =>
        pass.Launch.Add.AddBackward(pass.Device.Elements(to.Shape.Count), to, from, to.Shape.Count, scale, accumulate ? 1 : 0);
}
