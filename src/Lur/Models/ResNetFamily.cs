using System.Globalization;
using Lur.Checkpoints;

namespace Lur.Models;

/// <summary>ResNets with torchvision's tensor names.</summary>
/// <remarks>Depths 50 and 152 have two meanings in the literature: the bottleneck networks of ImageNet and the 6n+2 networks of
/// CIFAR. Here the name is the former, as in torchvision; the latter are spelled in brackets.</remarks>
public sealed class ResNetFamily : ModelFamily
{
    private static readonly Dictionary<string, (ResNetBlock Block, int[] Blocks)> s_fourStages = new(StringComparer.Ordinal)
    {
        ["resnet10"] = (ResNetBlock.Basic, [1, 1, 1, 1]),
        ["resnet18"] = (ResNetBlock.Basic, [2, 2, 2, 2]),
        ["resnet34"] = (ResNetBlock.Basic, [3, 4, 6, 3]),
        ["resnet50"] = (ResNetBlock.Bottleneck, [3, 4, 6, 3]),
        ["resnet101"] = (ResNetBlock.Bottleneck, [3, 4, 23, 3]),
        ["resnet152"] = (ResNetBlock.Bottleneck, [3, 8, 36, 3]),
    };

    private ResNetFamily() { }

    /// <summary>The family.</summary>
    public static ResNetFamily Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => "ResNet";

    /// <inheritdoc/>
    public override string Grammar =>
        "resnet10, resnet18, resnet34, resnet50, resnet101, resnet152 (the last three with bottleneck blocks), resnet20 or another "
        + "6n+2 depth (50 and 152 as resnet[8,8,8]:w16 and resnet[25,25,25]:w16), or resnet[2,2,2] with blocks per stage; options "
        + ":wN, :stem3, :stem7, and behind brackets :bottleneck";

    /// <inheritdoc/>
    public override bool Claims(string text) => text.StartsWith("resnet", StringComparison.Ordinal);

    /// <summary>Reads <c>resnet18</c>, <c>resnet18:w16</c>, <c>resnet50</c>, <c>resnet20</c>, <c>resnet[1,2,1]:w8:stem7</c>,
    /// <c>resnet[1,2]:bottleneck:w8</c>: resnet10, 18, 34 (basic blocks) and 50, 101, 152 (bottleneck blocks) have four stages at
    /// width 64; resnet20, 32, 44, 56, 110 and any other 6n+2 but 50 and 152 three stages of basic blocks at width 16; brackets
    /// give blocks per stage at width 64. Then options: <c>wN</c> (width of the first stage), <c>stem3</c> or <c>stem7</c>, and
    /// <c>bottleneck</c> behind brackets. Without a stem option images up to 64 pixels take the 3x3 stem.</summary>
    /// <inheritdoc/>
    public override ResNetSpec Parse(string text, ImageSize input, int outputs)
    {
        var parts = text.Split(':');
        var (block, blocks, width) = ParseDepth(parts[0], text);
        var stem = Math.Max(input.Height, input.Width) <= 64 ? ResNetStem.Small : ResNetStem.Large;
        foreach (var option in parts.Skip(1))
        {
            if (option == "stem3")
                stem = ResNetStem.Small;
            else if (option == "stem7")
                stem = ResNetStem.Large;
            else if (option.Length > 1 && option[0] == 'w' && TryPositive(option.AsSpan(1), out var w) && w <= 1024)
                width = w;
            else if (option == "bottleneck" && parts[0].Contains('[', StringComparison.Ordinal))
                block = ResNetBlock.Bottleneck;
            else
                throw new UserErrorException(
                    $"Model '{text}': the option '{option}' is not one of wN (width, 1 to 1024), stem3, stem7, or bottleneck behind "
                        + "brackets."
                );
        }

        return new ResNetSpec(parts[0], block, blocks, width, stem, outputs, input);
    }

    /// <inheritdoc/>
    public override bool Recognizes(SafeTensorsFile file) =>
        file.Contains("conv1.weight") && file.Contains("fc.weight") && file.Contains("layer1.0.conv1.weight");

    /// <inheritdoc/>
    public override ResNetSpec Read(SafeTensorsFile file, string? text, ImageSize? input)
    {
        var outputs = OutputsOf(file);
        var block = file.Contains("layer1.0.conv3.weight") ? ResNetBlock.Bottleneck : ResNetBlock.Basic;
        if (text is null)
            return Infer(file, block, outputs, input);
        var spec = Parse(text, input ?? throw new ArgumentNullException(nameof(input)), outputs);
        // Up to version 0.1 resnet50 and resnet152 were the 6n+2 networks; a file of that time says so by its tensors.
        return block == ResNetBlock.Basic && spec.Name is "resnet50" or "resnet152" ? ThreeStages(spec) : spec;
    }

    private static ResNetSpec ThreeStages(ResNetSpec spec)
    {
        var n = spec.Name == "resnet50" ? 8 : 25;
        return spec with { Name = FormattableString.Invariant($"resnet[{n},{n},{n}]"), Block = ResNetBlock.Basic, Blocks = [n, n, n] };
    }

    private ResNetSpec Infer(SafeTensorsFile file, ResNetBlock block, int outputs, ImageSize? input)
    {
        var stem = file["conv1.weight"].Shape;
        if (stem.Count != 4)
            throw new UserErrorException($"'{file.Path}': conv1.weight has {stem.Count} extents, expected 4.");
        var blocks = new List<int>();
        for (var stage = 1; file.Contains($"layer{stage}.0.conv1.weight"); stage++)
        {
            var count = 0;
            while (file.Contains($"layer{stage}.{count}.conv1.weight"))
                count++;
            blocks.Add(count);
        }

        var (kind, large) = (block == ResNetBlock.Bottleneck ? ":bottleneck" : "", stem[2] == 7);
        var text = FormattableString.Invariant($"resnet[{string.Join(',', blocks)}]{kind}:w{stem[0]}:stem{(large ? 7 : 3)}");
        var size = large ? 224 : 32;
        return Parse(text, new ImageSize(input?.Height ?? size, input?.Width ?? size, (int)stem[1]), outputs);
    }

    private static int OutputsOf(SafeTensorsFile file)
    {
        var shape = file.Contains("fc.weight") ? file["fc.weight"].Shape : [];
        return shape.Count == 2 && shape[0] is >= 1 and <= 1_000_000
            ? (int)shape[0]
            : throw new UserErrorException($"'{file.Path}': fc.weight is missing or not a matrix, so the number of classes is unknown.");
    }

    private (ResNetBlock Block, int[] Blocks, int Width) ParseDepth(string name, string text)
    {
        if (s_fourStages.TryGetValue(name, out var four))
            return (four.Block, four.Blocks, 64);
        if (name.StartsWith("resnet[", StringComparison.Ordinal) && name.EndsWith(']'))
        {
            var blocks = Array.ConvertAll(name[7..^1].Split(','), b => b.Length <= 2 && TryPositive(b, out var n) ? n : 0);
            if (blocks.Length <= 6 && blocks.All(b => b is >= 1 and <= 64))
                return (ResNetBlock.Basic, blocks, 64);
        }

        if (name.Length > 6 && TryPositive(name.AsSpan(6), out var depth) && depth is >= 8 and <= 1202 && (depth - 2) % 6 == 0)
        {
            var n = (depth - 2) / 6;
            return (ResNetBlock.Basic, [n, n, n], 16);
        }

        throw new UserErrorException($"Model '{text}' is not known: use {Grammar}.");
    }

    private static bool TryPositive(ReadOnlySpan<char> text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value > 0;
}
