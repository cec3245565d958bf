using Lur.Tensors;

namespace Lur.Layers;

/// <summary>Where the random numbers of a pass come from: draws are a function of the batch, so that a pass that is run again, and every
/// pass of a layer, draws the same.</summary>
/// <param name="State">Seed and number of the first sample, ulong [2 or more].</param>
/// <param name="Name">Names the streams.</param>
/// <param name="First">Added to the number of the first sample: rows before these in the batch.</param>
public sealed record RandomSource(Value State, string Name, int First = 0);

/// <summary>Dropout (Srivastava et al. 2014): an element is 0 with a probability, and the others are enlarged to keep the mean. The
/// identity in a pass that has no <see cref="NetworkPass.Random"/>. Formulas: <c>kernels/operators/dropout.cu</c>.</summary>
/// <param name="name">Names the stream of draws.</param>
/// <param name="probability">Of an element to be 0, in [0, 1).</param>
public sealed class Dropout(string name, double probability) : Layer(name)
{
    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var x = Network.Input(pass, node);
        if (pass.Random is null)
            return x;
        var y = pass.Activation($"{Name}/y", x.Shape);
        Drop(pass, y, x, accumulate: false);
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        if (pass.Random is null)
            return; // one value, one gradient
        var dx = pass.GradientOf(Network.Input(pass, node), out var accumulate);
        Drop(pass, dx, pass.GradientOf(Network.Output(pass, node)), accumulate);
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node)
    {
        if (pass.Random is not null)
            Drop(pass, pass.TangentOf(Network.Output(pass, node)), pass.TangentOf(Network.Input(pass, node)), accumulate: false);
    }

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        if (pass.Random is null)
            return;
        var tdx = pass.TangentGradientOf(Network.Input(pass, node), out var accumulate);
        Drop(pass, tdx, pass.TangentGradientOf(Network.Output(pass, node)), accumulate);
    }

    private void Drop(NetworkPass pass, Value to, Value from, bool accumulate)
    {
        var (random, samples) = (pass.Random!, from.Shape[0]);
        var size = from.Shape.Count / samples;
        pass.Launch.Dropout.DropoutForward(
            pass.Device.Rows((long)samples * ((size + 3) / 4), 4),
            to,
            from,
            random.State,
            RandomStream.StreamOf($"dropout/{random.Name}/{Name}"),
            samples,
            size,
            random.First,
            probability,
            accumulate ? 1 : 0
        );
    }
}
