using System.Globalization;
using System.Text.RegularExpressions;
using Lur.Checkpoints;
using Lur.Layers;
using Lur.Models;
using Lur.Tensors;

namespace Lur.Tests.Models;

/// <summary>The worked example of docs/add-a-model-family.md.</summary>
/// <param name="Widths">Channels of each convolution; each halves the image.</param>
/// <param name="Outputs">Logits.</param>
/// <param name="Input">Images.</param>
public sealed record PlainSpec(IReadOnlyList<int> Widths, int Outputs, ImageSize Input) : ModelSpec
{
    public override ModelFamily Family => PlainFamily.Instance;

    public override int Outputs { get; init; } = Outputs;

    public override ImageSize Input { get; init; } = Input;

    public override string Text => FormattableString.Invariant($"plain[{string.Join(',', Widths)}]");

    public override Network Build()
    {
        var network = new Network(Input.Height, Input.Width, Input.Channels);
        var (node, channels) = (-1, Input.Channels); // -1 is the first input of a network: the images
        for (var i = 0; i < Widths.Count; i++)
        {
            node = network.Add(new Convolution($"features.{i}", channels, Widths[i], 3, stride: 2, bias: true), node);
            node = network.Add(new Silu($"activation.{i}"), node);
            channels = Widths[i];
        }

        node = network.Add(new GlobalAveragePool("pool"), node);
        network.Add(new Linear("classifier", channels, Outputs), node);
        network.Shapes(1); // reports an image that is too small now, not in the middle of a run
        return network;
    }

    public override bool IsHead(ParameterSlot slot) => slot.Name.StartsWith("classifier.", StringComparison.Ordinal);

    public override bool IsLate(ParameterSlot slot) =>
        IsHead(slot) || slot.Name.StartsWith(FormattableString.Invariant($"features.{Widths.Count - 1}."), StringComparison.Ordinal);
}

/// <summary>Plain convolutional networks: <c>plain[16,32]</c>.</summary>
public sealed partial class PlainFamily : ModelFamily
{
    private PlainFamily() { }

    public static PlainFamily Instance { get; } = new();

    public override string Name => "plain";

    public override string Grammar => "plain[16,32] with the channels of each convolution, 1 to 1024";

    public override bool Claims(string text) => text.StartsWith("plain", StringComparison.Ordinal);

    public override ModelSpec Parse(string text, ImageSize input, int outputs)
    {
        var match = Pattern().Match(text);
        int[] widths = match.Success ? [.. match.Groups[1].Value.Split(',').Select(w => int.Parse(w, CultureInfo.InvariantCulture))] : [];
        return widths.Length > 0 && widths.All(w => w is >= 1 and <= 1024)
            ? new PlainSpec(widths, outputs, input)
            : throw new UserErrorException($"Model '{text}' is not known: use {Grammar}.");
    }

    public override bool Recognizes(SafeTensorsFile file) => file.Contains("features.0.weight") && file.Contains("classifier.weight");

    public override ModelSpec Read(SafeTensorsFile file, string? text, ImageSize? input)
    {
        var outputs = (int)file["classifier.weight"].Shape[0];
        if (text is not null)
            return Parse(text, input!.Value, outputs);
        var filters = Enumerable.Range(0, 100).Select(i => $"features.{i}.weight").TakeWhile(file.Contains).Select(n => file[n].Shape);
        int[] widths = [.. filters.Select(shape => (int)shape[0])];
        var channels = (int)file["features.0.weight"].Shape[1];
        return new PlainSpec(widths, outputs, new ImageSize(input?.Height ?? 32, input?.Width ?? 32, channels));
    }

    [GeneratedRegex(@"^plain\[(\d{1,4}(?:,\d{1,4})*)\]$")]
    private static partial Regex Pattern();
}
