using Lur.Tensors;

namespace Lur.Layers;

/// <summary>The rows of a prompt for each sample: ids int [N] -> [N, rows, width], from a table of prompts that is state and is not
/// trained; zeros for an id below 0. Formulas: <c>kernels/operators/embedding.cu</c>.</summary>
/// <param name="name">Name of the table.</param>
/// <param name="prompts">Prompts of the table; every id is below it.</param>
/// <param name="rows">Rows of a prompt.</param>
/// <param name="width">Length of a row.</param>
public sealed class PromptTable(string name, int prompts, int rows, int width) : Layer(name)
{
    private ParameterSlot _table = null!;

    /// <inheritdoc/>
    public override void Register(ParameterLayout parameters, ParameterLayout buffers)
    {
        ArgumentNullException.ThrowIfNull(buffers);
        _table = buffers.Add(Name, ParameterKind.Given, new Shape(prompts, rows, width));
    }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => new(inputs[0][0], rows, width);

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var ids = Network.Input(pass, node);
        var y = pass.Activation($"{Name}/y", OutputShape([ids.Shape]));
        var (n, length) = (y.Shape[0], rows * width);
        pass.Launch.Embedding.EmbeddingForward(pass.Device.Rows(n, length), y, pass.Buffers.At(_table), ids, n, length);
        return y;
    }

    /// <summary>Nothing: ids have no gradient.</summary>
    public override void Backward(NetworkPass pass, Node node) { }

    /// <summary>Never asked for: nothing before it depends on the weights.</summary>
    public override void ForwardTangent(NetworkPass pass, Node node) { }

    /// <summary>Never asked for: nothing before it depends on the weights.</summary>
    public override void BackwardTangent(NetworkPass pass, Node node) { }
}
