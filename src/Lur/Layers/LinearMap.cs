namespace Lur.Layers;

/// <summary>A layer y = A x without parameters, A fixed by the shapes: its tangent passes are its passes.</summary>
/// <param name="name">Name for plans.</param>
public abstract class LinearMap(string name) : Layer(name)
{
    /// <inheritdoc/>
    public sealed override Value Forward(NetworkPass pass, Node node)
    {
        var x = Network.Input(pass, node);
        var y = pass.Activation($"{Name}/y", OutputShape([x.Shape]));
        Apply(pass, y, x);
        return y;
    }

    /// <inheritdoc/>
    public sealed override void Backward(NetworkPass pass, Node node)
    {
        var dy = pass.GradientOf(Network.Output(pass, node));
        var dx = pass.GradientOf(Network.Input(pass, node), out var accumulate);
        ApplyTranspose(pass, dx, dy, accumulate);
    }

    /// <inheritdoc/>
    public sealed override void ForwardTangent(NetworkPass pass, Node node) =>
        Apply(pass, pass.TangentOf(Network.Output(pass, node)), pass.TangentOf(Network.Input(pass, node)));

    /// <inheritdoc/>
    public sealed override void BackwardTangent(NetworkPass pass, Node node)
    {
        var tdy = pass.TangentGradientOf(Network.Output(pass, node));
        var tdx = pass.TangentGradientOf(Network.Input(pass, node), out var accumulate);
        ApplyTranspose(pass, tdx, tdy, accumulate);
    }

    /// <summary>y = A x.</summary>
    protected abstract void Apply(NetworkPass pass, Value y, Value x);

    /// <summary>dx = A' dy, or dx += A' dy.</summary>
    protected abstract void ApplyTranspose(NetworkPass pass, Value dx, Value dy, bool accumulate);
}
