using Lur.Tensors;

namespace Lur.Models;

/// <summary>A part of a UNet that may be trained alone, by a name or by parts of the names of its tensors.</summary>
public static class UNetPart
{
    /// <summary>All of it.</summary>
    public const string All = "all";

    private static readonly (string Name, Func<string, bool> Holds)[] s_named =
    [
        (All, _ => true),
        ("full", _ => true),
        ("attention", name => Has(name, ".attentions.")),
        ("up", name => name.StartsWith("up_blocks.", StringComparison.Ordinal)),
        ("xattn", IsCross),
        ("xattn-strict", name => Has(name, ".attn2.to_k.") || Has(name, ".attn2.to_v.")),
        ("selfattn", IsSelf),
        ("attn", name => IsCross(name) || IsSelf(name)),
        ("noxattn", name => !IsCross(name) && !IsEnd(name)),
        ("esd-u", name => !IsCross(name) && !name.Split('.').Any(p => p.Contains("norm", StringComparison.Ordinal))),
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
        return Holds(part, slot.Name);
    }

    /// <summary>Whether a tensor of a name belongs to a part: a rule for <see cref="Layers.Network.TrainOnly"/>.</summary>
    /// <param name="part">Names of parts, or parts of names of tensors.</param>
    /// <param name="name">Name of the tensor.</param>
    public static bool Holds(IReadOnlyList<string> part, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (IsAll(part))
            return true;
        foreach (var one in part)
        {
            var named = Array.Find(s_named, p => p.Name == one);
            if (named.Holds is null ? Has(name, one) : named.Holds(name))
                return true;
        }

        return false;
    }

    private static bool Has(string name, string part) => name.Contains(part, StringComparison.Ordinal);

    private static bool IsCross(string name) => Has(name, ".attn2.");

    private static bool IsSelf(string name) => Has(name, ".attn1.");

    // What the public code of ESD leaves out beside the cross-attentions.
    private static bool IsEnd(string name) =>
        new[] { "time_embedding.", "conv_norm_out.", "conv_out." }.Any(n => name.StartsWith(n, StringComparison.Ordinal));
}
