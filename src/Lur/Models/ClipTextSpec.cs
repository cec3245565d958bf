using Lur.Layers;

namespace Lur.Models;

/// <summary>The text encoder of CLIP (Radford et al. 2021), as transformers' CLIPTextModel.</summary>
public sealed record ClipTextSpec
{
    /// <summary>Rows of the table of tokens: every id is below it.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>Channels C of a token.</summary>
    public required int Width { get; init; }

    /// <summary>Channels inside a feed-forward part.</summary>
    public required int Hidden { get; init; }

    /// <summary>Transformer layers.</summary>
    public required int Layers { get; init; }

    /// <summary>Heads of an attention; they divide the width.</summary>
    public required int Heads { get; init; }

    /// <summary>The most tokens of a prompt.</summary>
    public int Positions { get; init; } = 77;

    /// <summary>What the feed-forward parts apply.</summary>
    public GeluKind Activation { get; init; } = GeluKind.Quick;

    /// <summary>Added to the variance in every normalisation.</summary>
    public double Epsilon { get; init; } = 1e-5;

    /// <summary>Reads a config.json. A projection behind the last layer is left out: Stable Diffusion reads the rows before it.</summary>
    /// <param name="path">Its file, for messages.</param>
    /// <param name="json">Its text.</param>
    /// <exception cref="UserErrorException">It is no such configuration, or one of a network that is not built here.</exception>
    public static ClipTextSpec Read(string path, ReadOnlySpan<byte> json)
    {
        var c = new ConfigReader(path, json);
        c.RequireOneOf("model_type", "clip_text_model", "clip_text_model");
        if (c.Boolean("use_attention_mask", false))
            throw c.Refusal("use_attention_mask", "true", "false: every token is looked at, those that fill up among them");
        var activation = c.RequireOneOf("hidden_act", "quick_gelu", "quick_gelu", "gelu");
        var width = c.Count("hidden_size", 512, 1, UNetText.WidthLimit);
        var heads = c.Count("num_attention_heads", 8, 1, UNetText.WidthLimit);
        c.RequireDivides("num_attention_heads", heads, [width]);
        return new ClipTextSpec
        {
            Vocabulary = c.Count("vocab_size", 49408, 1, 1 << 24),
            Width = width,
            Hidden = c.Count("intermediate_size", 2048, 1, UNetText.WidthLimit),
            Layers = c.Count("num_hidden_layers", 12, 1, 256),
            Heads = heads,
            Positions = c.Count("max_position_embeddings", 77, 1, 65536),
            Activation = activation == "gelu" ? GeluKind.Exact : GeluKind.Quick,
            Epsilon = c.Number("layer_norm_eps", 1e-5, v => v > 0),
        };
    }

    /// <summary>The text of a config.json that <see cref="Read"/> and transformers read.</summary>
    public string ToJson() =>
        JsonText.Of(w =>
        {
            w.WriteStartObject();
            w.WriteStartArray("architectures");
            w.WriteStringValue("CLIPTextModel");
            w.WriteEndArray();
            w.WriteNumber("attention_dropout", 0.0);
            w.WriteString("hidden_act", Activation == GeluKind.Exact ? "gelu" : "quick_gelu");
            w.WriteNumber("hidden_size", Width);
            w.WriteNumber("intermediate_size", Hidden);
            w.WriteNumber("layer_norm_eps", Epsilon);
            w.WriteNumber("max_position_embeddings", Positions);
            w.WriteString("model_type", "clip_text_model");
            w.WriteNumber("num_attention_heads", Heads);
            w.WriteNumber("num_hidden_layers", Layers);
            w.WriteNumber("vocab_size", Vocabulary);
            w.WriteEndObject();
        }) + "\n";

    /// <summary>Builds the network: tokens int [N, length] to rows [N, length, C].</summary>
    /// <param name="length">Tokens of a prompt, at most <see cref="Positions"/>.</param>
    public Network Build(int length)
    {
        var network = new Network();
        ClipText.Append(network, this, network.AddInput(ClipText.Tokens, new Shape(length)), "");
        return network;
    }

    /// <summary>Builds what stands behind the table of tokens: rows of it [N, length, C], or others, to rows [N, length, C]. The layout is
    /// that of the whole encoder, so it takes the same weights.</summary>
    /// <param name="length">Rows of a prompt, at most <see cref="Positions"/>.</param>
    public Network BuildBehindTable(int length)
    {
        var network = new Network();
        network.Register(ClipText.TableOf(this, ""));
        ClipText.AppendBehindTable(network, this, network.AddInput(ClipText.Rows, new Shape(length, Width)), "");
        return network;
    }
}
