using Lur.Tensors;

namespace Lur.Layers;

/// <summary>The tokens of a prompt for each sample: ids int [N] -> int [N, tokens], from a table of prompts that is state; zeros for an id
/// below 0. Formulas: <c>kernels/operators/prompt_tokens.cu</c>.</summary>
/// <param name="name">Name of the table.</param>
/// <param name="prompts">Prompts of the table; every id is below it.</param>
/// <param name="tokens">Tokens of a prompt.</param>
public sealed class PromptTokens(string name, int prompts, int tokens) : Layer(name)
{
    private ParameterSlot _table = null!;

    /// <inheritdoc/>
    public override void Register(ParameterLayout parameters, ParameterLayout buffers)
    {
        ArgumentNullException.ThrowIfNull(buffers);
        _table = buffers.Add(Name, ParameterKind.Given, new Shape(prompts, tokens));
    }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => new(inputs[0][0], tokens);

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        ArgumentNullException.ThrowIfNull(pass);
        var ids = Network.Input(pass, node);
        var n = ids.Shape[0];
        var y = pass.Program.Raw($"{pass.Name}/{Name}/y", ValueRole.Activation, new Shape(n, tokens), sizeof(int));
        pass.Launch.PromptTokens.PromptTokens(pass.Device.Rows(n, tokens), y, pass.Buffers.At(_table), ids, n, tokens);
        return y;
    }

    /// <summary>Nothing: ids have no gradient.</summary>
    public override void Backward(NetworkPass pass, Node node) { }

    /// <summary>Never asked for: nothing before it depends on the weights.</summary>
    public override void ForwardTangent(NetworkPass pass, Node node) { }

    /// <summary>Never asked for: nothing before it depends on the weights.</summary>
    public override void BackwardTangent(NetworkPass pass, Node node) { }
}
