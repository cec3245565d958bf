using System.Globalization;

namespace Lur.Reports;

/// <summary>A column: the key names it in JSON, the header names it for people.</summary>
/// <param name="Key">JSON property name, lower camel case.</param>
/// <param name="Header">Heading.</param>
/// <param name="Right">Aligned right, as numbers are.</param>
public sealed record Column(string Key, string Header, bool Right = false);

/// <summary>A value with the text people read; JSON gets the value.</summary>
/// <param name="Value">string, bool, int, long, double or null.</param>
/// <param name="Text">What is printed.</param>
public readonly record struct Cell(object? Value, string Text)
{
    /// <summary>A text; null reads as an empty one.</summary>
    public static implicit operator Cell(string? text) => new(text, text ?? "");

    /// <summary>A whole number, with thousands set apart.</summary>
    public static implicit operator Cell(int value) => new(value, value.ToString("N0", CultureInfo.InvariantCulture));

    /// <summary>A whole number, with thousands set apart.</summary>
    public static implicit operator Cell(long value) => new(value, value.ToString("N0", CultureInfo.InvariantCulture));

    /// <summary>yes or no.</summary>
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

    /// <summary>Formats a time, for example 12 s, 3:05, 1:02:03.</summary>
    public static string FormatTime(TimeSpan time)
    {
        var invariant = CultureInfo.InvariantCulture;
        return time.TotalSeconds < 10 ? time.TotalSeconds.ToString("0.0 's'", invariant)
            : time.TotalMinutes < 1 ? time.TotalSeconds.ToString("0 's'", invariant)
            : time.TotalHours < 1 ? time.ToString(@"m\:ss", invariant)
            : string.Create(invariant, $"{(long)time.TotalHours}:{time.Minutes:00}:{time.Seconds:00}");
    }
}

/// <summary>A table to print; as JSON it is an array of objects, and the key names it where several are printed together.</summary>
public sealed class Table(string key, params Column[] columns)
{
    private readonly List<Cell[]> _rows = [];

    /// <summary>Name of the table where several make one JSON object.</summary>
    public string Key { get; } = key;

    /// <summary>Columns, from the left.</summary>
    public IReadOnlyList<Column> Columns { get; } = columns;

    /// <summary>Rows, from the top; each has a cell for every column.</summary>
    public IReadOnlyList<Cell[]> Rows => _rows;

    /// <summary>Printed above the table; not in JSON.</summary>
    public string? Title { get; init; }

    /// <summary>The table as people read it: without the columns in which no row has anything.</summary>
    public Table WithoutEmptyColumns()
    {
        int[] kept =
        [
            .. Enumerable.Range(0, Columns.Count).Where(c => c == 0 || Rows.Count == 0 || Rows.Any(row => row[c].Text is not ("" or "-"))),
        ];
        if (kept.Length == Columns.Count)
            return this;
        var table = new Table(Key, [.. kept.Select(c => Columns[c])]) { Title = Title };
        foreach (var row in Rows)
            table.Add([.. kept.Select(c => row[c])]);
        return table;
    }

    /// <summary>Adds a row.</summary>
    /// <param name="cells">A cell for every column.</param>
    /// <exception cref="ArgumentException">There are more or fewer cells than columns.</exception>
    public void Add(params Cell[] cells)
    {
        if (cells.Length != Columns.Count)
            throw new ArgumentException($"A row of {cells.Length} cells in a table of {Columns.Count} columns.", nameof(cells));
        _rows.Add(cells);
    }
}
