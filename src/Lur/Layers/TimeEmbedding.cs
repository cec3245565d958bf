namespace Lur.Layers;

/// <summary>Sinusoids of time steps (Vaswani et al. 2017): int [N] -> [N, width]. Formulas:
/// <c>kernels/operators/time_embedding.cu</c>.</summary>
/// <param name="name">Name for plans.</param>
/// <param name="width">Length of a row.</param>
/// <param name="shift">diffusers' freq_shift: taken from the number of frequencies in the exponent.</param>
/// <param name="flip">diffusers' flip_sin_to_cos: cosines first.</param>
public sealed class TimeEmbedding(string name, int width, double shift, bool flip) : Layer(name)
{
    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => new(inputs[0][0], width);

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var t = Network.Input(pass, node);
        var y = pass.Activation($"{Name}/y", OutputShape([t.Shape]));
        pass.Launch.TimeEmbedding.TimeEmbeddingForward(pass.Device.Rows(y.Shape[0], width), y, t, y.Shape[0], width, shift, flip ? 1 : 0);
        return y;
    }

    /// <summary>Nothing: time steps have no gradient.</summary>
    public override void Backward(NetworkPass pass, Node node) { }

    /// <summary>Never asked for: nothing before it depends on the weights.</summary>
    public override void ForwardTangent(NetworkPass pass, Node node) { }

    /// <summary>Never asked for: nothing before it depends on the weights.</summary>
    public override void BackwardTangent(NetworkPass pass, Node node) { }
}
