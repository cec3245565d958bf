using System.Globalization;
using Lur.Checkpoints;

namespace Lur.Models;

/// <summary>The UNet of the public code of Selective Amnesia (Heng, Soh 2023), which that of SalUn (Fan et al. 2024) took over: its
/// tensor names, and what its tensors say of it.</summary>
internal static class SelectiveAmnesiaNames
{
    private const string Classes = "classes_emb.weight",
        Null = "null_classes_emb",
        Input = "conv_in.weight";

    // The last are parts of names, the first whole modules.
    private static readonly (string Ours, string Theirs)[] s_modules =
    [
        ("time_embedding.linear_1.", "temb.dense.0."),
        ("time_embedding.linear_2.", "temb.dense.1."),
        ("class_embedding.linear_1.", "cemb.dense.0."),
        ("class_embedding.linear_2.", "cemb.dense.1."),
        ("class_table.", "classes_emb."),
        ("conv_norm_out.", "norm_out."),
        ("mid_block.resnets.0.", "mid.block_1."),
        ("mid_block.resnets.1.", "mid.block_2."),
        ("mid_block.attentions.0.", "mid.attn_1."),
        (".resnets.", ".block."),
        (".attentions.", ".attn."),
        (".downsamplers.0.", ".downsample."),
        (".upsamplers.0.", ".upsample."),
        (".time_emb_proj.", ".temb_cemb_proj."),
        (".conv_shortcut.", ".nin_shortcut."),
        (".group_norm.", ".norm."),
        (".to_q.", ".q."),
        (".to_k.", ".k."),
        (".to_v.", ".v."),
        (".to_out.0.", ".proj_out."),
    ];

    /// <summary>The name of a tensor in that code's files.</summary>
    /// <param name="name">The name in a network that is built here.</param>
    /// <param name="levels">Levels of the network: that code counts those of the way up from the top.</param>
    public static string Of(string name, int levels)
    {
        if (name == UNet.NullRow)
            return Null;
        foreach (var (ours, theirs) in s_modules)
            name = name.Replace(ours, theirs, StringComparison.Ordinal);
        var parts = name.Split('.');
        if (parts[0] == "down_blocks")
            parts[0] = "down";
        else if (parts[0] == "up_blocks")
            (parts[0], parts[1]) = ("up", Text(levels - 1 - int.Parse(parts[1], CultureInfo.InvariantCulture)));
        return string.Join('.', parts);
    }

    /// <summary>True for a file of that code.</summary>
    public static bool Recognizes(SafeTensorsFile file) =>
        file.Contains(Input) && file.Contains(Classes) && file.Contains("temb.dense.0.weight") && file.Contains("cemb.dense.0.weight");

    /// <summary>What the tensors say of the network. The rest is as that code has it for every data set: 32 groups, epsilon 1e-6, one
    /// head, zeros right and below, sines first; dropout 0.1 as its configurations.</summary>
    /// <param name="file">A file that is recognised.</param>
    /// <param name="size">Images of the data set; null: attention stands at 16 x 16 pixels, which tells it.</param>
    /// <exception cref="UserErrorException">They make no such network.</exception>
    public static UNetSpec Read(SafeTensorsFile file, ImageSize? size)
    {
        const int largest = 8;
        var levels = Sequences.Range(0, largest).TakeWhile(l => file.Contains(Block(l, 0))).Count();
        var layers = Sequences.Range(0, 64).TakeWhile(j => file.Contains(Block(0, j))).Count();
        if (levels == 0)
            throw new UserErrorException(
                $"'{file.Path}' has the embeddings of Selective Amnesia's UNet, and no block '{Block(0, 0)}'; it is not whole."
            );
        var attention = Sequences.Range(0, levels).Select(l => file.Contains($"down.{Text(l)}.attn.0.q.weight")).ToValues();
        var row = Array.IndexOf(attention, true);
        if (size is null && row < 0)
            throw new UserErrorException($"'{file.Path}' does not say the size of its images; give the data set it was trained on.");
        var (height, width) = size is { } s ? (s.Height, s.Width) : (16 << row, 16 << row);
        return new UNetSpec
        {
            Widths = [.. Sequences.Range(0, levels).Select(l => Extent(file, Block(l, 0), 0))],
            Layers = layers,
            DownAttention = attention,
            UpAttention = Sequences.Range(0, levels).Reverse().Select(l => file.Contains($"up.{Text(l)}.attn.0.q.weight")).ToValues(),
            MidAttention = file.Contains("mid.attn_1.q.weight"),
            Groups = 32,
            Epsilon = 1e-6,
            EndPadding = true,
            FrequencyShift = 1,
            CosinesFirst = false,
            Dropout = 0.1,
            Condition = ClassCondition.Concatenated,
            ClassCount = Extent(file, Classes, 0),
            NullRow = file.Contains(Null),
            Outputs = Extent(file, "conv_out.weight", 0),
            Input = new ImageSize(height, width, Extent(file, Input, 1)),
        };
    }

    private static string Block(int level, int block) => $"down.{Text(level)}.block.{Text(block)}.conv1.weight";

    private static int Extent(SafeTensorsFile file, string name, int axis)
    {
        var shape = file[name].Shape;
        return shape.Count > axis && shape[axis] is >= 1 and <= 1 << 20
            ? (int)shape[axis]
            : throw new UserErrorException(
                $"'{file.Path}': the tensor '{name}' has the shape {file[name].ShapeText}, which no such network has."
            );
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
