using System.Globalization;
using System.Text.RegularExpressions;

namespace Lur.Models;

/// <summary>First layers of a ResNet.</summary>
public enum ResNetStem
{
    /// <summary>3x3 convolution, stride 1, no pooling: images up to 64 pixels.</summary>
    Small,

    /// <summary>7x7 convolution, stride 2, then 3x3 max-pool, stride 2: larger images.</summary>
    Large,
}

/// <summary>Everything that fixes a ResNet's architecture.</summary>
/// <param name="Family">Name as given, e.g. <c>resnet18</c>.</param>
/// <param name="Blocks">Basic blocks per stage.</param>
/// <param name="BaseWidth">Channels of the first stage; they double per stage.</param>
/// <param name="Stem">First layers.</param>
/// <param name="Classes">Outputs.</param>
/// <param name="Height">Image height, pixels.</param>
/// <param name="Width">Image width, pixels.</param>
/// <param name="Channels">Image channels.</param>
public sealed partial record ResNetSpec(
    string Family,
    IReadOnlyList<int> Blocks,
    int BaseWidth,
    ResNetStem Stem,
    int Classes,
    int Height,
    int Width,
    int Channels
)
{
    private static readonly Dictionary<string, int[]> FourStages = new(StringComparer.Ordinal)
    {
        ["resnet10"] = [1, 1, 1, 1],
        ["resnet18"] = [2, 2, 2, 2],
        ["resnet34"] = [3, 4, 6, 3],
    };

    /// <summary>Reads <c>resnet18</c>, <c>resnet18:w16</c>, <c>resnet20</c>, <c>resnet[1,2,1]:w8:stem7</c>: a family
    /// (resnet10, 18, 34 with four stages at width 64; resnet20, 32, 44, 56, 110 and any 6n+2 with three stages at width 16;
    /// or blocks per stage in brackets), then options <c>wN</c> (width of the first stage) and <c>stem3</c> or <c>stem7</c>.
    /// Without a stem option images up to 64 pixels take the 3x3 stem.</summary>
    /// <exception cref="UserErrorException">The text does not name a network.</exception>
    public static ResNetSpec Parse(string text, int classes, int height, int width, int channels)
    {
        var parts = text.Split(':');
        var (blocks, baseWidth) = ParseFamily(parts[0], text);
        ResNetStem? stem = null;
        foreach (var option in parts.Skip(1))
        {
            if (option == "stem3")
                stem = ResNetStem.Small;
            else if (option == "stem7")
                stem = ResNetStem.Large;
            else if (option.Length > 1 && option[0] == 'w' && TryPositive(option.AsSpan(1), out var w) && w <= 1024)
                baseWidth = w;
            else
                throw new UserErrorException($"Model '{text}': the option '{option}' is not one of wN (width, 1 to 1024), stem3, stem7.");
        }

        stem ??= Math.Max(height, width) <= 64 ? ResNetStem.Small : ResNetStem.Large;
        return new ResNetSpec(parts[0], blocks, baseWidth, stem.Value, classes, height, width, channels);
    }

    /// <summary>The text that <see cref="Parse"/> reads back, with every choice spelled out.</summary>
    public override string ToString() => $"{Family}:w{BaseWidth}:stem{(Stem == ResNetStem.Small ? 3 : 7)}";

    private static (int[] Blocks, int Width) ParseFamily(string family, string text)
    {
        if (FourStages.TryGetValue(family, out var four))
            return (four, 64);
        if (BracketPattern().Match(family) is { Success: true } match)
        {
            var blocks = match.Groups[1].Value.Split(',').Select(b => int.Parse(b, CultureInfo.InvariantCulture)).ToArray();
            if (blocks.Length <= 6 && blocks.All(b => b is >= 1 and <= 64))
                return (blocks, 64);
        }

        if (
            family.StartsWith("resnet", StringComparison.Ordinal)
            && TryPositive(family.AsSpan(6), out var depth)
            && depth is >= 8 and <= 1202
            && (depth - 2) % 6 == 0
        )
        {
            var n = (depth - 2) / 6;
            return ([n, n, n], 16);
        }

        throw new UserErrorException(
            $"Model '{text}' is not known: use resnet10, resnet18, resnet34, resnet20 (or another 6n+2 depth), "
                + "or resnet[2,2,2] with blocks per stage; options :wN, :stem3, :stem7."
        );
    }

    private static bool TryPositive(ReadOnlySpan<char> text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value > 0;

    [GeneratedRegex(@"^resnet\[(\d{1,2}(?:,\d{1,2})*)\]$")]
    private static partial Regex BracketPattern();
}
