using System.Globalization;

namespace Lur.Runs;

/// <summary>A log.csv: named columns of numbers, NaN where a cell is empty.</summary>
public sealed class RunLog
{
    private readonly Dictionary<string, double[]> _columns;

    private RunLog(Dictionary<string, double[]> columns, int rows) => (_columns, Rows) = (columns, rows);

    /// <summary>Number of lines below the heading.</summary>
    public int Rows { get; }

    /// <summary>The column of a name; null where there is none, or where it holds no finite number.</summary>
    public double[]? this[string name] => _columns.TryGetValue(name, out var values) && values.Any(double.IsFinite) ? values : null;

    /// <summary>Reads a log.</summary>
    /// <exception cref="UserErrorException">A line does not fit the heading, or a cell is no number.</exception>
    public static RunLog Read(string path)
    {
        var lines = RunFolder.ReadText(path).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (lines.Length == 0)
            return new RunLog([], 0);
        var names = lines[0].Split(',');
        var columns = names.Select(_ => new double[lines.Length - 1]).ToArray();
        for (var row = 1; row < lines.Length; row++)
        {
            var cells = lines[row].Split(',');
            if (cells.Length != names.Length)
                throw new UserErrorException(
                    $"'{path}' has {cells.Length} cells in line {row + 1} and {names.Length} in its heading; restore the file, "
                        + $"or run again."
                );
            for (var c = 0; c < cells.Length; c++)
            {
                columns[c][row - 1] =
                    cells[c].Length == 0 ? double.NaN
                    : double.TryParse(cells[c], NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value
                    : throw new UserErrorException(
                        $"'{path}' has '{cells[c]}' in line {row + 1}, column {names[c]}, where a number belongs; restore the "
                            + $"file, or run again."
                    );
            }
        }

        return new RunLog(
            names.Zip(columns).DistinctBy(p => p.First).ToDictionary(p => p.First, p => p.Second, StringComparer.Ordinal),
            lines.Length - 1
        );
    }
}
