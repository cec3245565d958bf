using System.Globalization;
using Lur.Metrics;
using Lur.Runs;

namespace Lur.Reports;

/// <summary>A column of what models draw, with the decimals that people read.</summary>
/// <param name="Column">The column; its key names the number (<see cref="DrawnNumbers"/>).</param>
/// <param name="Decimals">Decimals.</param>
public sealed record DrawnColumn(Column Column, int Decimals);

/// <summary>Tables of models that draw: the columns that comparisons and reproductions share.</summary>
public static class DrawnTable
{
    /// <summary>The columns, in the order of the tables.</summary>
    public static IReadOnlyList<DrawnColumn> Columns { get; } =
    [
        new(new Column("ua", "UA", Right: true), 1),
        new(new Column("entropy", "Entropy", Right: true), 3),
        new(new Column("agreement", "Agreement", Right: true), 1),
        new(new Column("fd", "FD", Right: true), 2),
        new(new Column("floor", "Floor", Right: true), 2),
        new(new Column("precision", "Precision", Right: true), 3),
        new(new Column("recall", "Recall", Right: true), 3),
        new(new Column("forgottenLossGap", "Forgotten loss gap", Right: true), 4),
        new(new Column("keptLossGap", "Kept loss gap", Right: true), 4),
    ];

    /// <summary>Cells of the columns: mean, and deviation where there are several values.</summary>
    /// <param name="numbers">Numbers by name; one that is missing is no number.</param>
    /// <param name="plusMinus">Sign between mean and deviation.</param>
    public static IEnumerable<Cell> Cells(IReadOnlyDictionary<string, SeedSummary> numbers, string plusMinus)
    {
        ArgumentNullException.ThrowIfNull(numbers);
        return Columns.Select(c => Summary(numbers.GetValueOrDefault(c.Column.Key) ?? SeedSummary.Of([]), c.Decimals, plusMinus));
    }

    /// <summary>A comparison for people.</summary>
    /// <param name="comparison">Of models that draw.</param>
    /// <param name="plusMinus">Sign between mean and deviation.</param>
    /// <param name="verdicts">With the verdicts in a column.</param>
    public static Table Shown(Comparison comparison, string plusMinus, bool verdicts)
    {
        ArgumentNullException.ThrowIfNull(comparison);
        var table = new Table(
            "methods",
            [
                new Column("method", "Method"),
                new Column("seeds", "Seeds", Right: true),
                .. Columns.Select(c => c.Column),
                .. verdicts ? [new Column("verdict", "Verdict")] : Array.Empty<Column>(),
                new Column("seconds", "RTE", Right: true),
            ]
        );
        foreach (var m in comparison.Methods)
            table.Add([
                m.Title,
                m.Unlearning.Count,
                .. Cells(m.Drawn, plusMinus),
                .. verdicts ? [ComparisonTable.VerdictOf(comparison, m)] : Array.Empty<Cell>(),
                Summary(m.Seconds, m.Seconds.Mean < 100 ? 1 : 0, plusMinus, " s"),
            ]);
        return table;
    }

    /// <summary>A comparison for programs: shares in percent, time in seconds, memory in bytes.</summary>
    /// <param name="comparison">Of models that draw.</param>
    public static Table Data(Comparison comparison)
    {
        ArgumentNullException.ThrowIfNull(comparison);
        string[] names = [.. DrawnNumbers.Names, "seconds", "preparation", "memory"];
        var table = new Table(
            "methods",
            [
                new Column("name", "name"),
                new Column("method", "method"),
                new Column("seeds", "seeds"),
                .. names.SelectMany(n => new[] { new Column(n, n), new Column(n + "Std", n + "_std") }),
                new Column("verdict", "verdict"),
            ]
        );
        foreach (var m in comparison.Methods)
        {
            SeedSummary Of(string name) =>
                name switch
                {
                    "seconds" => m.Seconds,
                    "preparation" => m.PreparationSeconds,
                    "memory" => m.Bytes,
                    _ => m.Drawn.GetValueOrDefault(name) ?? SeedSummary.Of([]),
                };
            table.Add([
                m.Name,
                m.Title,
                m.Unlearning.Count,
                .. names.SelectMany(n => new[] { ComparisonTable.Number(Of(n).Mean), ComparisonTable.Number(Of(n).Deviation) }),
                m.Verdict?.ToString() ?? (ReferenceEquals(m, comparison.Reference) ? "Reference" : ""),
            ]);
        }

        return table;
    }

    private static Cell Summary(SeedSummary s, int decimals, string plusMinus, string unit = "") =>
        !double.IsFinite(s.Mean) || !double.IsFinite(s.Deviation)
            ? Cell.Number(s.Mean, decimals, unit)
            : new Cell(
                s.Mean,
                s.Mean.ToString($"F{decimals}", CultureInfo.InvariantCulture)
                    + $" {plusMinus} "
                    + Cell.Number(s.Deviation, decimals, unit).Text
            );
}
