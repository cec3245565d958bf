using Lur.Tensors;

namespace Lur.Models;

/// <summary>A part of a UNet that may be trained alone.</summary>
public enum UNetPart
{
    /// <summary>All of it.</summary>
    [Choice("all")]
    All,

    /// <summary>Its attentions.</summary>
    [Choice("attention")]
    Attention,

    /// <summary>Its way up.</summary>
    [Choice("up")]
    Up,
}

/// <summary>What belongs to a <see cref="UNetPart"/>.</summary>
public static class UNetParts
{
    /// <summary>Whether a tensor belongs to a part.</summary>
    public static bool Holds(this UNetPart part, ParameterSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        return part.Holds(slot.Name);
    }

    /// <summary>Whether a tensor of a name belongs to a part: a rule for <see cref="Layers.Network.TrainOnly"/>.</summary>
    public static bool Holds(this UNetPart part, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return part switch
        {
            UNetPart.Attention => name.Contains(".attentions.", StringComparison.Ordinal),
            UNetPart.Up => name.StartsWith("up_blocks.", StringComparison.Ordinal),
            _ => true,
        };
    }
}
