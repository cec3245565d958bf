using Lur.Layers;

namespace Lur.Models;

/// <summary>Appends a text encoder of CLIP to a network, so that a model can be trained through it. Names of tensors are
/// transformers'.</summary>
public static class ClipText
{
    /// <summary>Name of an input of token ids, int [N, T].</summary>
    public const string Tokens = "tokens";

    /// <summary>Name of an input of rows of the table of tokens, [N, T, C].</summary>
    public const string Rows = "token_rows";

    /// <summary>Name of the tensor with a row for each token.</summary>
    public const string Table = "text_model.embeddings.token_embedding.weight";

    /// <summary>Appends the whole encoder.</summary>
    /// <param name="network">The network.</param>
    /// <param name="spec">The encoder.</param>
    /// <param name="tokens">Node or input of the ids, int [N, T], T at most <see cref="ClipTextSpec.Positions"/>, each id below
    /// <see cref="ClipTextSpec.Vocabulary"/>.</param>
    /// <param name="prefix">Stands before the names of the tensors; empty as in a file of its own.</param>
    /// <returns>Node of the last hidden state, [N, T, C], behind the final normalisation.</returns>
    public static int Append(Network network, ClipTextSpec spec, int tokens, string prefix)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(spec);
        return AppendBehindTable(network, spec, network.Add(TableOf(spec, prefix), tokens), prefix);
    }

    internal static Embedding TableOf(ClipTextSpec spec, string prefix) =>
        new(prefix + Table[..^".weight".Length], spec.Vocabulary, spec.Width);

    /// <summary>Appends what stands behind the table of tokens, from the positions on.</summary>
    /// <param name="network">The network.</param>
    /// <param name="spec">The encoder.</param>
    /// <param name="rows">Node or input of the rows, [N, T, C].</param>
    /// <param name="prefix">Stands before the names of the tensors.</param>
    /// <returns>Node of the last hidden state, [N, T, C].</returns>
    public static int AppendBehindTable(Network network, ClipTextSpec spec, int rows, string prefix)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(spec);
        var (name, c) = (prefix + "text_model.", spec.Width);
        var x = network.Add(new PositionEmbedding(name + "embeddings.position_embedding", spec.Positions, c), rows);
        for (var i = 0; i < spec.Layers; i++)
            x = Layer(network, spec, $"{name}encoder.layers.{i}", x);
        return network.Add(new LayerNorm(name + "final_layer_norm", c, spec.Epsilon), x);
    }

    // x += attention(norm1(x)), then x += fc2(gelu(fc1(norm2(x)))); transformers lists the attention before its normalisation.
    private static int Layer(Network network, ClipTextSpec spec, string name, int x)
    {
        var c = spec.Width;
        Linear Project(string what) => new($"{name}.self_attn.{what}_proj", c, c);
        Linear k = Project("k"),
            v = Project("v"),
            q = Project("q"),
            o = Project("out");
        foreach (var projection in new[] { k, v, q, o })
            network.Register(projection);
        var h = network.Add(new LayerNorm(name + ".layer_norm1", c, spec.Epsilon), x);
        // A token sees itself and those before it.
        var attention = new Attention(name + ".self_attn", spec.Heads, causal: true);
        h = network.Add(attention, network.Add(q, h), network.Add(k, h), network.Add(v, h));
        x = network.Add(new Add(name + ".attended"), x, network.Add(o, h));
        Linear fc1 = new(name + ".mlp.fc1", c, spec.Hidden),
            fc2 = new(name + ".mlp.fc2", spec.Hidden, c);
        network.Register(fc1);
        network.Register(fc2);
        h = network.Add(fc1, network.Add(new LayerNorm(name + ".layer_norm2", c, spec.Epsilon), x));
        h = network.Add(fc2, network.Add(new Gelu(name + ".mlp.activation", spec.Activation), h));
        return network.Add(new Add(name), x, h);
    }
}
