using System.Globalization;

namespace Lur.Reports;

/// <summary>Colours by what they stand for. The style sheet of the page has their values, one for a light and one for a dark
/// screen; drawings name them by class.</summary>
internal enum Ink
{
    /// <summary>Axes.</summary>
    Frame = 1,

    /// <summary>Lines of the grid.</summary>
    Grid,

    /// <summary>The retain set.</summary>
    Retain,

    /// <summary>The forget set, and classes that were forgotten.</summary>
    Forget,

    /// <summary>The test set.</summary>
    Test,

    /// <summary>The model before unlearning.</summary>
    Original,

    /// <summary>The model after unlearning, and whatever has a chart for itself.</summary>
    Unlearned,

    /// <summary>A reference to compare with.</summary>
    Reference,

    /// <summary>Lines of a series with an order, from its first value on.</summary>
    First,

    /// <summary>Second of a series.</summary>
    Second,

    /// <summary>Third of a series.</summary>
    Third,

    /// <summary>Fourth of a series.</summary>
    Fourth,

    /// <summary>Fifth of a series.</summary>
    Fifth,

    /// <summary>Sixth of a series.</summary>
    Sixth,
}

/// <summary>Names of inks in style sheets and in drawings.</summary>
internal static class Inks
{
    /// <summary>Class of an element that is filled with an ink, for example f-4.</summary>
    public static string Fill(Ink ink) => string.Create(CultureInfo.InvariantCulture, $"f-{(int)ink}");

    /// <summary>Class of an element that is drawn in the lines of an ink.</summary>
    public static string Stroke(Ink ink) => string.Create(CultureInfo.InvariantCulture, $"s-{(int)ink}");

    /// <summary>A colour that stands for an ink while ScottPlot draws: nearly black, and no colour that it draws by itself.
    /// A dashed line has a colour of its own: Skia's SVG has no dashes, the style sheet has.</summary>
    public static ScottPlot.Color Of(Ink ink, double opacity = 1, bool dashed = false) =>
        new ScottPlot.Color(0, 1, (byte)((16 * (int)ink) + (dashed ? 1 : 0))).WithOpacity(opacity);

    /// <summary>The classes that a colour of a drawing stands for; null for another colour.</summary>
    /// <param name="color">As SVG has it, for example #000130.</param>
    /// <param name="use">"fill" or "stroke".</param>
    public static string? Classes(string color, string use)
    {
        if (
            color.Length != 7
            || !color.StartsWith("#0001", StringComparison.Ordinal)
            || !int.TryParse(color.AsSpan(5), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var blue)
        )
            return null;
        return string.Create(CultureInfo.InvariantCulture, $"{use[0]}-{blue / 16}{(blue % 16 == 1 ? " dashed" : "")}");
    }
}
