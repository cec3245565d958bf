using System.Globalization;

namespace Lur.Cli;

/// <summary>A column: the key names it in JSON, the header names it for people.</summary>
/// <param name="Key">JSON property name, lower camel case.</param>
/// <param name="Header">Heading.</param>
/// <param name="Right">Aligned right, as numbers are.</param>
internal sealed record Column(string Key, string Header, bool Right = false);

/// <summary>A value with the text people read; JSON gets the value.</summary>
/// <param name="Value">string, bool, int, long, double or null.</param>
/// <param name="Text">What is printed.</param>
internal readonly record struct Cell(object? Value, string Text)
{
    public static implicit operator Cell(string? text) => new(text, text ?? "");

    public static implicit operator Cell(int value) => new(value, value.ToString("N0", CultureInfo.InvariantCulture));

    public static implicit operator Cell(long value) => new(value, value.ToString("N0", CultureInfo.InvariantCulture));

    public static implicit operator Cell(bool value) => new(value, value ? "yes" : "no");

    /// <summary>A number with a fixed count of decimals; NaN is printed as "-" and is null in JSON.</summary>
    public static Cell Number(double value, int decimals = 2, string unit = "")
    {
        var text = double.IsNaN(value) ? "-" : value.ToString($"F{decimals}", CultureInfo.InvariantCulture) + unit;
        return new Cell(double.IsFinite(value) ? value : null, text);
    }

    /// <summary>A share in percent, given as 0..1; JSON keeps the share.</summary>
    public static Cell Percent(double share, int decimals = 1) =>
        new(double.IsFinite(share) ? share : null, Number(100 * share, decimals, double.IsNaN(share) ? "" : " %").Text);

    /// <summary>A count of bytes in binary units; JSON keeps the count.</summary>
    public static Cell Bytes(long bytes) => new(bytes, FormatBytes(bytes));

    /// <summary>Formats a count of bytes, for example 1.5 MiB.</summary>
    public static string FormatBytes(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        double value = bytes;
        var unit = 0;
        while (Math.Abs(value) >= 1024 && unit < units.Length - 1)
        {
            value /= 1024;
            unit++;
        }
        return string.Create(CultureInfo.InvariantCulture, $"{value:0.##} {units[unit]}");
    }
}

/// <summary>A table to print; as JSON it is an array of objects, and the key names it where several are printed together.</summary>
internal sealed class Table(string key, params Column[] columns)
{
    private readonly List<Cell[]> _rows = [];

    public string Key { get; } = key;

    public IReadOnlyList<Column> Columns { get; } = columns;

    public IReadOnlyList<Cell[]> Rows => _rows;

    /// <summary>Printed above the table; not in JSON.</summary>
    public string? Title { get; init; }

    public void Add(params Cell[] cells)
    {
        if (cells.Length != Columns.Count)
            throw new ArgumentException($"A row of {cells.Length} cells in a table of {Columns.Count} columns.", nameof(cells));
        _rows.Add(cells);
    }
}
