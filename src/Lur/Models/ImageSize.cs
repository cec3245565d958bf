using System.Globalization;

namespace Lur.Models;

/// <summary>Size of the images that a model takes.</summary>
/// <param name="Height">Rows, pixels.</param>
/// <param name="Width">Columns, pixels.</param>
/// <param name="Channels">Channels.</param>
public readonly record struct ImageSize(int Height, int Width, int Channels)
{
    private const int Largest = 4096;

    /// <summary>Numbers of an image, each channel for itself.</summary>
    public int Numbers => Channels * Height * Width;

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    /// <returns>False for another text, or an extent below 1 or above 4096.</returns>
    public static bool TryParse(string text, out ImageSize size)
    {
        int[] extents =
        [
            .. text.Split('x').Select(t => int.TryParse(t, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0),
        ];
        var valid = extents.Length == 3 && extents.All(e => e is >= 1 and <= Largest);
        size = valid ? new ImageSize(extents[1], extents[2], extents[0]) : default;
        return valid;
    }

    /// <summary>CHANNELSxHEIGHTxWIDTH, as torch orders them: <c>3x32x32</c>.</summary>
    public override string ToString() => FormattableString.Invariant($"{Channels}x{Height}x{Width}");
}
