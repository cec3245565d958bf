using Lur.Tensors;

namespace Lur.Models;

/// <summary>Names that a tensor of a UNet has in files: of diffusers now, and before version 0.17 in attention blocks.</summary>
internal static class UNetNames
{
    /// <summary>Extents in files of a tensor of a UNet with transformers: the projections around one are filters of one pixel or matrices,
    /// which hold the same numbers in the same order.</summary>
    public static IReadOnlyList<long[]> ProjectionShapes(ParameterSlot slot, long[] shape) =>
        !slot.Name.EndsWith(".proj_in.weight", StringComparison.Ordinal)
        && !slot.Name.EndsWith(".proj_out.weight", StringComparison.Ordinal)
            ? [shape]
        : slot.Kind == ParameterKind.Filter ? [shape, [shape[0], shape[1]]]
        : [shape, [.. shape, 1, 1]];

    private static readonly (string New, string Old)[] s_attention =
    [
        (".to_q.", ".query."),
        (".to_k.", ".key."),
        (".to_v.", ".value."),
        (".to_out.0.", ".proj_attn."),
    ];

    /// <summary>The names; the first is written.</summary>
    public static IReadOnlyList<string> Of(string name)
    {
        if (!name.Contains(".attentions.", StringComparison.Ordinal))
            return [name];
        foreach (var (now, old) in s_attention)
            if (name.Contains(now, StringComparison.Ordinal))
                return [name, name.Replace(now, old, StringComparison.Ordinal)];
        return [name];
    }
}
