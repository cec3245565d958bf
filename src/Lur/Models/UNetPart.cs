using Lur.Tensors;

namespace Lur.Models;

/// <summary>A part of a UNet that may be trained alone, by a name or by parts of the names of its tensors.</summary>
public static class UNetPart
{
    /// <summary>All of it.</summary>
    public const string All = "all";

    private static readonly (string Name, Func<ParameterSlot, bool> Holds)[] s_named =
    [
        (All, _ => true),
        ("full", _ => true),
        ("attention", slot => Has(slot, ".attentions.")),
        ("up", slot => slot.Name.StartsWith("up_blocks.", StringComparison.Ordinal)),
        ("xattn", IsCross),
        ("xattn-strict", slot => Has(slot, ".attn2.to_k.") || Has(slot, ".attn2.to_v.")),
        ("selfattn", IsSelf),
        ("attn", slot => IsCross(slot) || IsSelf(slot)),
        ("noxattn", slot => !IsCross(slot) && !IsEnd(slot)),
        ("esd-u", slot => !IsCross(slot) && !slot.IsNormalization && !slot.Name.Split('.').Any(IsNormalizationName)),
    ];

    /// <summary>The names.</summary>
    public static string Names { get; } = string.Join(", ", s_named.Select(p => p.Name));

    /// <summary>True for a choice of all tensors.</summary>
    /// <param name="part">Names of parts, or parts of names of tensors; empty for all.</param>
    public static bool IsAll(IReadOnlyList<string> part)
    {
        ArgumentNullException.ThrowIfNull(part);
        return part.Count == 0 || part.Any(p => p is All or "full");
    }

    /// <summary>Whether a tensor belongs to a part: to any one that is named.</summary>
    /// <param name="part">Names of parts, or parts of names of tensors.</param>
    /// <param name="slot">The tensor.</param>
    public static bool Holds(IReadOnlyList<string> part, ParameterSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        if (IsAll(part))
            return true;
        foreach (var name in part)
        {
            var named = Array.Find(s_named, p => p.Name == name);
            if (named.Holds is null ? Has(slot, name) : named.Holds(slot))
                return true;
        }

        return false;
    }

    private static bool Has(ParameterSlot slot, string name) => slot.Name.Contains(name, StringComparison.Ordinal);

    private static bool IsCross(ParameterSlot slot) => Has(slot, ".attn2.");

    private static bool IsSelf(ParameterSlot slot) => Has(slot, ".attn1.");

    // What the public code of ESD leaves out beside the cross-attentions.
    private static bool IsEnd(ParameterSlot slot) =>
        new[] { "time_embedding.", "conv_norm_out.", "conv_out." }.Any(n => slot.Name.StartsWith(n, StringComparison.Ordinal));

    private static bool IsNormalizationName(string part) => part.StartsWith("norm", StringComparison.Ordinal) || part == "conv_norm_out";
}
