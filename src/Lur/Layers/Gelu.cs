namespace Lur.Layers;

/// <summary>Which function a <see cref="Gelu"/> is.</summary>
public enum GeluKind
{
    /// <summary>x P(x), P the distribution function of the standard normal, by the error function.</summary>
    Exact,

    /// <summary>x / (1 + exp(-1.702 x)).</summary>
    Quick,
}

/// <summary>A Gaussian error linear unit, element by element, any shape. Formulas: <c>kernels/operators/gelu.cu</c>.</summary>
/// <param name="name">Name for plans.</param>
/// <param name="kind">Which function.</param>
public sealed class Gelu(string name, GeluKind kind) : Layer(name)
{
    private readonly int _quick = kind == GeluKind.Quick ? 1 : 0;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var x = Network.Input(pass, node);
        var (y, n) = (pass.Activation($"{Name}/y", x.Shape), x.Shape.Count);
        pass.Launch.Gelu.GeluForward(pass.Device.Elements(n), y, x, n, _quick);
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var (x, dy) = (Network.Input(pass, node), pass.GradientOf(Network.Output(pass, node)));
        var (dx, n) = (pass.GradientOf(x, out var accumulate), x.Shape.Count);
        pass.Launch.Gelu.GeluBackward(pass.Device.Elements(n), dx, x, dy, n, _quick, accumulate ? 1 : 0);
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node)
    {
        var (x, ty) = (Network.Input(pass, node), pass.TangentOf(Network.Output(pass, node)));
        var (tx, n) = (pass.TangentOf(x), x.Shape.Count);
        pass.Launch.Gelu.GeluBackward(pass.Device.Elements(n), ty, x, tx, n, _quick, 0);
    }

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var (x, y) = (Network.Input(pass, node), Network.Output(pass, node));
        var (tx, dy, tdy) = (pass.TangentOf(x), pass.GradientOf(y), pass.TangentGradientOf(y));
        var (tdx, n) = (pass.TangentGradientOf(x, out var accumulate), x.Shape.Count);
        pass.Launch.Gelu.GeluBackwardTangent(pass.Device.Elements(n), tdx, x, tx, dy, tdy, n, _quick, accumulate ? 1 : 0);
    }
}
