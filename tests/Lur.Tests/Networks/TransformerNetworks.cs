using Lur.Layers;

namespace Lur.Tests.Networks;

/// <summary>Transformer blocks as text-to-image models have them, for <see cref="GraphTests"/>: every layer also where its input does
/// not depend on the weights, and where another layer reads it too.</summary>
internal static class TransformerNetworks
{
    /// <summary>Pixels that attend to one another and to a text, at an odd size below another.</summary>
    public static Network OfImages()
    {
        var n = new Network(5, 3, 4);
        var text = n.AddInput("text", new Shape(7, 6));
        int Row(string name, int from, int width = 4) => n.Add(new Linear(name, width, 4, bias: false), from);
        var x = n.Add(new Convolution("down", 4, 4, 3, 2, bias: true), -1);
        var y = n.Add(new LayerNorm("norm1", 4), x);
        y = n.Add(new Attention("self", 2), Row("self.q", y), Row("self.k", y), Row("self.v", y));
        x = n.Add(new Add("skip1"), n.Add(new Linear("self.out", 4, 4), y), x);
        y = n.Add(new LayerNorm("norm2", 4), x);
        y = n.Add(new Attention("cross", 2), Row("cross.q", y), Row("cross.k", text, 6), Row("cross.v", text, 6));
        x = n.Add(new Add("skip2"), n.Add(new Linear("cross.out", 4, 4), y), x);
        y = n.Add(new Geglu("gate"), n.Add(new Linear("up", 4, 10), n.Add(new LayerNorm("norm3", 4), x)));
        x = n.Add(new Add("skip3"), n.Add(new Linear("back", 5, 4), y), x);
        x = n.Add(new Concat("concat"), n.Add(new Upsample("to", 5, 3), x), n.Add(new LayerNorm("images", 4), -1), -1);
        n.Add(new GlobalAveragePool("pool"), n.Add(new Gelu("gelu", GeluKind.Exact), x));
        return n;
    }

    /// <summary>Rows of which each sees those before it; gates of what has no tangent, and of what two layers read.</summary>
    public static Network OfText()
    {
        var n = new Network();
        var rows = n.AddInput("rows", new Shape(5, 4));
        var x = n.Add(new PositionEmbedding("position", 7, 4), rows);
        int Row(string name, int from) => n.Add(new Linear(name, 4, 4), from);
        var y = n.Add(new LayerNorm("norm1", 4), x);
        y = n.Add(new Attention("self", 2, causal: true), Row("q", y), Row("k", y), Row("v", y));
        x = n.Add(new Add("skip1"), y, x);
        y = n.Add(new Gelu("quick", GeluKind.Quick), n.Add(new Linear("fc1", 4, 6), n.Add(new LayerNorm("norm2", 4), x)));
        x = n.Add(new Add("skip2"), n.Add(new Linear("fc2", 6, 4), y), x);
        x = n.Add(new Add("sum"), n.Add(new PositionEmbedding("again", 5, 4), x), n.Add(new LayerNorm("bare", 4), rows));
        y = n.Add(
            new Concat("both"),
            n.Add(new Geglu("gate"), x),
            n.Add(new Geglu("fixed"), n.Add(new Gelu("rows", GeluKind.Exact), rows))
        );
        n.Add(new Concat("out"), n.Add(new Gelu("last", GeluKind.Quick), y), n.Add(new Gelu("exact", GeluKind.Exact), y), y);
        return n;
    }
}
