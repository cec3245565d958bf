using Lur.Device;

namespace Lur.Layers;

/// <summary>A gated activation: x [..., 2 C] -> y [..., C], the first half of a row, the value, times the GELU of the second, the gate.
/// Formulas: <c>kernels/operators/geglu.cu</c>.</summary>
/// <param name="name">Name for plans.</param>
public sealed class Geglu(string name) : Layer(name)
{
    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The rows have no halves.</exception>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) =>
        inputs[0].Innermost % 2 == 0
            ? inputs[0].WithInnermost(inputs[0].Innermost / 2)
            : throw new ArgumentException($"'{Name}' halves rows; its input has rows of {inputs[0].Innermost}.");

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var x = Network.Input(pass, node);
        var y = pass.Activation($"{Name}/y", OutputShape([x.Shape]));
        pass.Launch.Geglu.GegluForward(Rows(pass, y), y, x, y.Shape.Rows, y.Shape.Innermost);
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var (x, y) = (Network.Input(pass, node), Network.Output(pass, node));
        var dx = pass.GradientOf(x, out var accumulate);
        pass.Launch.Geglu.GegluBackward(Rows(pass, y), dx, x, pass.GradientOf(y), y.Shape.Rows, y.Shape.Innermost, accumulate ? 1 : 0);
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node)
    {
        var (x, y) = (Network.Input(pass, node), Network.Output(pass, node));
        pass.Launch.Geglu.GegluForwardTangent(Rows(pass, y), pass.TangentOf(y), x, pass.TangentOf(x), y.Shape.Rows, y.Shape.Innermost);
    }

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var (x, y) = (Network.Input(pass, node), Network.Output(pass, node));
        var tdx = pass.TangentGradientOf(x, out var accumulate);
        pass.Launch.Geglu.GegluBackwardTangent(
            Rows(pass, y),
            tdx,
            x,
            pass.TangentOf(x),
            pass.GradientOf(y),
            pass.TangentGradientOf(y),
            y.Shape.Rows,
            y.Shape.Innermost,
            accumulate ? 1 : 0
        );
    }

    private static LaunchShape Rows(NetworkPass pass, Value y) => pass.Device.Rows(y.Shape.Rows, y.Shape.Innermost);
}
