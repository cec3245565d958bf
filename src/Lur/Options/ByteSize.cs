using System.Globalization;

namespace Lur;

/// <summary>A number of bytes, as an option: 1000000, 500MB, 2GiB, 64M, 1.5G; empty for 0. A letter alone is binary, as in coreutils:
/// 64M is
/// 64MiB.</summary>
/// <param name="Bytes">Number of bytes.</param>
public readonly record struct ByteSize(long Bytes) : IOptionText<ByteSize>
{
    // Longest first: every unit ends in the shortest.
    private static readonly (string Unit, long Factor)[] s_units =
    [
        ("KiB", 1024),
        ("MiB", 1048576),
        ("GiB", 1073741824),
        ("TiB", 1099511627776),
        ("KB", 1000),
        ("MB", 1000000),
        ("GB", 1000000000),
        ("TB", 1000000000000),
        ("K", 1024),
        ("M", 1048576),
        ("G", 1073741824),
        ("T", 1099511627776),
        ("B", 1),
        ("", 1),
    ];

    /// <inheritdoc/>
    public static string Expected => "a size of at least 1 byte, for example 64M, 500MB or 1.5GiB";

    /// <summary>The text in the unit that needs the fewest digits.</summary>
    public string Text
    {
        get
        {
            var bytes = Bytes;
            if (bytes == 0)
                return "";
            var (unit, factor) = s_units.Where(u => u.Unit != "B" && bytes % u.Factor == 0).MaxBy(u => u.Factor);
            return (bytes / factor).ToString(CultureInfo.InvariantCulture) + unit;
        }
    }

    /// <inheritdoc/>
    public static bool TryParse(string text, out ByteSize value)
    {
        value = default;
        if (text.Length == 0)
            return true;
        var (unit, factor) = s_units.First(u => text.EndsWith(u.Unit, StringComparison.OrdinalIgnoreCase));
        if (
            !double.TryParse(
                text[..^unit.Length],
                NumberStyles.AllowDecimalPoint | NumberStyles.AllowTrailingWhite,
                CultureInfo.InvariantCulture,
                out var number
            ) || !(number * factor is >= 1 and < long.MaxValue)
        )
            return false;
        value = new ByteSize((long)(number * factor));
        return true;
    }

    /// <summary>A number of bytes.</summary>
    public static implicit operator ByteSize(long bytes) => new(bytes);

    /// <summary>The number of bytes.</summary>
    public static implicit operator long(ByteSize size) => size.Bytes;

    /// <inheritdoc/>
    public override string ToString() => Text;
}
