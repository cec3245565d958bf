using System.Globalization;
using Lur.Checkpoints;

namespace Lur.Models;

/// <summary>Names that the tensors of a UNet have in files of the original code of latent diffusion (Rombach et al. 2022), which puts a
/// whole text-to-image model into one file: diffusers' name for each.</summary>
/// <param name="layers">Residual blocks of a level on the way down.</param>
internal sealed class CompVisNames(int layers)
{
    /// <summary>Before the names of the UNet; the other parts have others.</summary>
    public const string Prefix = "model.diffusion_model.";

    private const string Halving = ".0.op.weight";

    private static readonly (string Theirs, string Ours)[] s_modules =
    [
        ("time_embed.0.", "time_embedding.linear_1."),
        ("time_embed.2.", "time_embedding.linear_2."),
        ("input_blocks.0.0.", "conv_in."),
        ("middle_block.0.", "mid_block.resnets.0."),
        ("middle_block.1.", "mid_block.attentions.0."),
        ("middle_block.2.", "mid_block.resnets.1."),
        ("out.0.", "conv_norm_out."),
        ("out.2.", "conv_out."),
    ];

    private static readonly (string Theirs, string Ours)[] s_residual =
    [
        ("in_layers.0.", "norm1."),
        ("in_layers.2.", "conv1."),
        ("emb_layers.1.", "time_emb_proj."),
        ("out_layers.0.", "norm2."),
        ("out_layers.3.", "conv2."),
        ("skip_connection.", "conv_shortcut."),
    ];

    /// <summary>The names of a file; null for a file without a halving, by which the blocks of a level are counted.</summary>
    public static CompVisNames? Of(SafeTensorsFile file)
    {
        var halvings = Blocks(file).Where(b => file.Contains($"{Prefix}input_blocks.{b}{Halving}")).ToArray();
        return halvings.Length > 0 && halvings[0] > 1 ? new CompVisNames(halvings[0] - 1) : null;
    }

    /// <summary>diffusers' name of a tensor; null for one that is not the UNet's.</summary>
    public string? Ours(string name)
    {
        if (!name.StartsWith(Prefix, StringComparison.Ordinal))
            return null;
        name = name[Prefix.Length..];
        foreach (var (theirs, ours) in s_modules)
            if (name.StartsWith(theirs, StringComparison.Ordinal))
                return ours + Residual(name[theirs.Length..]);
        // input_blocks.4.1.norm.weight: block 4, its child 1, and what that calls it.
        return
            name.Split('.', 4) is [var way, var first, var second, var rest]
            && int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out var block)
            && int.TryParse(second, NumberStyles.None, CultureInfo.InvariantCulture, out var child)
            ? way switch
            {
                "input_blocks" when block > 0 => Down(block - 1, child, rest),
                "output_blocks" => Up(block, child, rest),
                _ => null,
            }
            : null;
    }

    /// <summary>Numbers of the blocks on the way down that may be there.</summary>
    private static IEnumerable<int> Blocks(SafeTensorsFile file) =>
        Enumerable
            .Range(1, 128)
            .TakeWhile(b => file.Tensors.Any(t => t.Name.StartsWith($"{Prefix}input_blocks.{b}.", StringComparison.Ordinal)));

    // A level is its blocks and then a halving.
    private string Down(int block, int child, string rest)
    {
        var (level, j) = (block / (layers + 1), block % (layers + 1));
        return j == layers
            ? $"down_blocks.{level}.downsamplers.0.conv.{rest["op.".Length..]}"
            : $"down_blocks.{level}.{Block(j, child, rest)}";
    }

    // The doubling is the last child of a level's last block.
    private string Up(int block, int child, string rest)
    {
        var (level, j) = (block / (layers + 1), block % (layers + 1));
        return child > 0 && rest.StartsWith("conv.", StringComparison.Ordinal)
            ? $"up_blocks.{level}.upsamplers.0.{rest}"
            : $"up_blocks.{level}.{Block(j, child, rest)}";
    }

    private static string Block(int j, int child, string rest) => child == 0 ? $"resnets.{j}.{Residual(rest)}" : $"attentions.{j}.{rest}";

    private static string Residual(string name)
    {
        foreach (var (theirs, ours) in s_residual)
            if (name.StartsWith(theirs, StringComparison.Ordinal))
                return ours + name[theirs.Length..];
        return name;
    }
}
