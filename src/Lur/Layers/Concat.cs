using Lur.Device;

namespace Lur.Layers;

/// <summary>Inputs side by side along the channels: [..., C1], [..., C2], ... -> [..., C1 + C2 + ...]. Formulas:
/// <c>kernels/operators/concat.cu</c>.</summary>
public sealed class Concat(string name) : Layer(name)
{
    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        var channels = 0;
        foreach (var input in inputs)
        {
            if (input.WithInnermost(1) != inputs[0].WithInnermost(1))
                throw new ArgumentException($"'{Name}': {input} does not go beside {inputs[0]}.");
            channels += input.Innermost;
        }

        return inputs[0].WithInnermost(channels);
    }

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        Value[] parts = [.. node.Inputs.Select((_, i) => Network.Input(pass, node, i))];
        var y = pass.Activation($"{Name}/y", OutputShape(Array.ConvertAll(parts, p => p.Shape)));
        Join(pass, y, parts);
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var dy = pass.GradientOf(Network.Output(pass, node));
        Split(pass, node, dy, i => Network.NeedsInputGradient(pass, node, i), Target);

        (Value, bool) Target(Value x) => (pass.GradientOf(x, out var accumulate), accumulate);
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node) =>
        Join(pass, pass.TangentOf(Network.Output(pass, node)), [.. node.Inputs.Select((_, i) => Network.InputTangent(pass, node, i))]);

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var tdy = pass.TangentGradientOf(Network.Output(pass, node));
        Split(pass, node, tdy, node.HasInputTangent, Target);

        (Value, bool) Target(Value x) => (pass.TangentGradientOf(x, out var accumulate), accumulate);
    }

    private static void Join(NetworkPass pass, Value y, Value[] parts)
    {
        var first = 0;
        foreach (var part in parts)
        {
            var (rows, width) = (part.Shape.Rows, part.Shape.Innermost);
            pass.Launch.Concat.ConcatForward(
                pass.Device.Rows(rows, width),
                Part(pass, y, part),
                part,
                rows,
                width,
                first,
                y.Shape.Innermost
            );
            first += width;
        }
    }

    // Of the whole a launch touches as many elements as the part has.
    private static Operand<Real> Part(NetworkPass pass, Operand<Real> whole, Value part) =>
        whole.Taking(part.Shape.Count, pass.Program.Precision.Size());

    private static void Split(NetworkPass pass, Node node, Value dy, Func<int, bool> wanted, Func<Value, (Value, bool)> target)
    {
        var first = 0;
        for (var i = 0; i < node.Inputs.Count; i++)
        {
            var x = Network.Input(pass, node, i);
            var (rows, width) = (x.Shape.Rows, x.Shape.Innermost);
            if (wanted(i))
            {
                var (dx, accumulate) = target(x);
                var shape = pass.Device.Rows(rows, width);
                pass.Launch.Concat.ConcatBackward(shape, dx, Part(pass, dy, x), rows, width, first, dy.Shape.Innermost, accumulate ? 1 : 0);
            }

            first += width;
        }
    }
}
