using Lur.Layers;
using Lur.Tensors;

namespace Lur.Models;

/// <summary>First layers of a ResNet.</summary>
public enum ResNetStem
{
    /// <summary>3x3 convolution, stride 1, no pooling: images up to 64 pixels.</summary>
    Small,

    /// <summary>7x7 convolution, stride 2, then 3x3 max-pool, stride 2: larger images.</summary>
    Large,
}

/// <summary>Residual blocks of He et al. (CVPR 2016).</summary>
public enum ResNetBlock
{
    /// <summary>Two 3x3 convolutions.</summary>
    Basic,

    /// <summary>1x1, 3x3 and 1x1; the last has four times the channels of the others. The 3x3 has the stride, as in torchvision.</summary>
    Bottleneck,
}

/// <summary>Everything that fixes a ResNet's architecture.</summary>
/// <param name="Name">Depth or blocks per stage as given, e.g. <c>resnet18</c>, <c>resnet[1,2,1]</c>.</param>
/// <param name="Block">Kind of the residual blocks.</param>
/// <param name="Blocks">Blocks per stage.</param>
/// <param name="BaseWidth">Channels of the first convolution and of the 3x3 ones of the first stage; they double per stage.</param>
/// <param name="Stem">First layers.</param>
/// <param name="Outputs">Logits.</param>
/// <param name="Input">Images.</param>
public sealed record ResNetSpec(
    string Name,
    ResNetBlock Block,
    IReadOnlyList<int> Blocks,
    int BaseWidth,
    ResNetStem Stem,
    int Outputs,
    ImageSize Input
) : ModelSpec
{
    /// <inheritdoc/>
    public override ModelFamily Family => ResNetFamily.Instance;

    /// <inheritdoc/>
    public override int Outputs { get; init; } = Outputs;

    /// <inheritdoc/>
    public override ImageSize Input { get; init; } = Input;

    /// <inheritdoc/>
    public override string Text => $"{Name}{Kind}:w{BaseWidth}:stem{(Stem == ResNetStem.Small ? 3 : 7)}";

    /// <inheritdoc/>
    public override Network Build() => ResNet.Build(this);

    /// <inheritdoc/>
    public override bool IsHead(ParameterSlot slot) => slot.Name.StartsWith("fc.", StringComparison.Ordinal);

    /// <summary>The last two stages and the head where there are up to ten outputs, else the last stage and the head: what the
    /// public code of ScissorHands resets for CIFAR-10 and for data sets of more classes.</summary>
    public override bool IsLate(ParameterSlot slot)
    {
        var stages = Outputs <= 10 ? 2 : 1;
        return IsHead(slot)
            || Enumerable
                .Range(Blocks.Count - stages + 1, stages)
                .Any(s => slot.Name.StartsWith(FormattableString.Invariant($"layer{s}."), StringComparison.Ordinal));
    }

    // A name with a depth says which blocks it has; brackets are basic unless they say otherwise.
    private string Kind => Block == ResNetBlock.Bottleneck && Name.Contains('[', StringComparison.Ordinal) ? ":bottleneck" : "";
}
