using Lur.Layers;
using Lur.Tensors;

namespace Lur.Models;

/// <summary>How a UNet takes the class of an image.</summary>
public enum ClassCondition
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>A row of a table is added to the time embedding.</summary>
    Table,

    /// <summary>The label is embedded as a time step is, by a network of its own.</summary>
    TimeStep,

    /// <summary>A row of a table goes through a network of its own and beside the time embedding, as in the public code of Selective
    /// Amnesia.</summary>
    Concatenated,

    /// <summary>The blocks with attention are transformers that attend to rows of a text, as diffusers' UNet2DConditionModel: classes are
    /// prompts.</summary>
    Prompt,
}

/// <summary>Everything that fixes a UNet of Ho et al. (2020) as diffusers' UNet2DModel generalises it.</summary>
public sealed record UNetSpec : ModelSpec
{
    /// <summary>Rows of a prompt of the text encoders of Stable Diffusion.</summary>
    public const int UsualContextLength = 77;

    /// <summary>Channels of each level.</summary>
    public required IReadOnlyList<int> Widths { get; init; }

    /// <summary>Residual blocks of a level on the way down; one more on the way up.</summary>
    public int Layers { get; init; } = 2;

    /// <summary>Whether a level has attention on the way down.</summary>
    public required IReadOnlyList<bool> DownAttention { get; init; }

    /// <summary>The same on the way up, from the deepest level upwards.</summary>
    public required IReadOnlyList<bool> UpAttention { get; init; }

    /// <summary>Channels of a head; 0: one head. Without meaning where prompts are the condition.</summary>
    public int HeadWidth { get; init; }

    /// <summary>Heads of the attentions of each level, where prompts are the condition; empty otherwise.</summary>
    public IReadOnlyList<int> Heads { get; init; } = [];

    /// <summary>Rows of a prompt; 0 without prompts.</summary>
    public int ContextLength { get; init; }

    /// <summary>Length of a row of a prompt; 0 without prompts.</summary>
    public int ContextWidth { get; init; }

    /// <summary>The text encoder that is trained with it, so that it is told tokens; null where it is told rows.</summary>
    public ClipTextSpec? Encoder { get; init; }

    /// <summary>True where the projections around a transformer are matrices; false: filters of one pixel.</summary>
    public bool LinearProjection { get; init; }

    /// <summary>Blocks of a transformer.</summary>
    public int TransformerBlocks { get; init; } = 1;

    /// <summary>Groups of every normalisation.</summary>
    public int Groups { get; init; } = 32;

    /// <summary>Added to the variance in every normalisation.</summary>
    public double Epsilon { get; init; } = 1e-5;

    /// <summary>Groups of the normalisation before the attention in the middle; null: as the rest, and none with
    /// <see cref="ScaleShift"/>.</summary>
    public int? MidGroups { get; init; }

    /// <summary>True for an attention in the middle.</summary>
    public bool MidAttention { get; init; } = true;

    /// <summary>Divides the outputs of the blocks in the middle.</summary>
    public double MidScale { get; init; } = 1;

    /// <summary>True to halve with zeros right and below alone; false: on all sides.</summary>
    public bool EndPadding { get; init; }

    /// <summary>Taken from the number of frequencies in the exponent of the time embedding.</summary>
    public double FrequencyShift { get; init; }

    /// <summary>True for cosines first.</summary>
    public bool CosinesFirst { get; init; } = true;

    /// <summary>True where the time scales and shifts behind the second normalisation; false: is added before it.</summary>
    public bool ScaleShift { get; init; }

    /// <summary>Probability of dropout inside residual blocks.</summary>
    public double Dropout { get; init; }

    /// <summary>True where images in [0, 1] are stretched to [-1, 1] first.</summary>
    public bool CenterInput { get; init; }

    /// <summary>How it takes the class.</summary>
    public ClassCondition Condition { get; init; }

    /// <summary>Classes it can draw; 0 without condition, and where it is given the rows of a prompt in place of its number. The table has
    /// as many rows, and one more with <see cref="NullRow"/>.</summary>
    public int ClassCount { get; init; }

    /// <summary>True where a last row of the table stands for no class, which guidance needs.</summary>
    public bool NullRow { get; init; }

    /// <summary>Rows of the table.</summary>
    public int TableRows => ClassCount + (NullRow ? 1 : 0);

    /// <inheritdoc/>
    public override ModelFamily Family => UNetFamily.Instance;

    /// <summary>Channels of the output.</summary>
    public override required int Outputs { get; init; }

    /// <inheritdoc/>
    public override required ImageSize Input { get; init; }

    /// <inheritdoc/>
    public override int Classes => ClassCount;

    /// <inheritdoc/>
    public override string Text => UNetText.Write(this);

    /// <inheritdoc/>
    public override Network Build() => new UNet(this).Build();

    /// <inheritdoc/>
    public override IReadOnlyList<string> FileNames(ParameterSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        return Condition == ClassCondition.Concatenated ? [SelectiveAmnesiaNames.Of(slot.Name, Widths.Count)]
            : Condition == ClassCondition.Prompt ? [slot.Name]
            : UNetNames.Of(slot.Name);
    }

    /// <inheritdoc/>
    /// <remarks>The projections of an attention are matrices, or convolutions with filters of one pixel, as the public code of Selective
    /// Amnesia and old files of diffusers have them.</remarks>
    public override IReadOnlyList<long[]> FileShapes(ParameterSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        var shape = Family.FileShape(slot);
        if (slot.Name == UNet.NullRow)
            return [shape, [1, .. shape]];
        if (Condition == ClassCondition.Prompt)
            return UNetNames.ProjectionShapes(slot, shape);
        if (slot.Kind != ParameterKind.Matrix || !slot.Name.Contains(".attentions.", StringComparison.Ordinal))
            return [shape];
        return Condition == ClassCondition.Concatenated
            ?
            [
                [.. shape, 1, 1],
                shape,
            ]
            : [shape, [.. shape, 1, 1]];
    }

    /// <summary>Noise has mean 0 and deviation 1 in every data set: what it is added to lies in [-1, 1].</summary>
    public override InputNormalization OwnNormalization
    {
        get
        {
            double[] half = [.. Sequences.Repeat(0.5, Input.Channels)];
            return new InputNormalization(half, half);
        }
    }

    /// <summary>No crop: it shows a border, which would be drawn too.</summary>
    public override Augmentation Suited(Augmentation ofData) => ofData.Flip ? Augmentation.FlipOnly : Augmentation.None;

    /// <inheritdoc/>
    public override bool IsHead(ParameterSlot slot) => slot.Name.StartsWith("conv_out.", StringComparison.Ordinal);

    /// <inheritdoc/>
    public override bool HasClassAxis(ParameterSlot slot) => slot.Name is "class_embedding.weight" or "class_table.weight";

    /// <summary>The attentions on the way up: what the public code of ScissorHands resets in Stable Diffusion, carried over. All of the
    /// way up where there is none.</summary>
    public override bool IsLate(ParameterSlot slot)
    {
        var up = slot.Name.StartsWith("up_blocks.", StringComparison.Ordinal);
        return up && (!UpAttention.Contains(true) || slot.Name.Contains(".attentions.", StringComparison.Ordinal));
    }
}
