using System.Globalization;
using System.Text;
using Lur.Metrics;
using Lur.Runs;

namespace Lur.Reports;

/// <summary>A comparison as a table: for people with deviations beside their means, for programs with a column for each.</summary>
public static class ComparisonTable
{
    /// <summary>The table for people.</summary>
    /// <param name="comparison">What to show.</param>
    /// <param name="plusMinus">Sign between mean and deviation.</param>
    /// <param name="verdicts">With the verdicts in a column.</param>
    public static Table Shown(Comparison comparison, string plusMinus = "+-", bool verdicts = true)
    {
        if (comparison.Draws)
            return DrawnTable.Shown(comparison, plusMinus, verdicts);
        Column[] columns =
        [
            new("method", "Method"),
            new("seeds", "Seeds", Right: true),
            new("ua", "UA", Right: true),
            new("ra", "RA", Right: true),
            new("ta", "TA", Right: true),
            new("mia", "MIA", Right: true),
            new("gap", "Gap", Right: true),
            new("tow", "ToW", Right: true),
            new("verdict", "Verdict"),
            new("seconds", "RTE", Right: true),
            new("preparation", "Prep.", Right: true),
            new("memory", "Memory", Right: true),
        ];
        var table = new Table("methods", [.. columns.Where(c => verdicts || c.Key != "verdict")]);
        Cell Summary(SeedSummary s, int decimals = 2, string unit = " %") =>
            double.IsFinite(s.Deviation)
                ? $"{Cell.Number(s.Mean, decimals).Text} {plusMinus} {Cell.Number(s.Deviation, decimals, unit).Text}"
                : Cell.Number(s.Mean, decimals, unit);
        foreach (var m in comparison.Methods)
        {
            Cell[] cells =
            [
                m.Title,
                m.Unlearning.Count,
                Summary(m.Unlearning),
                Summary(m.Retain),
                Summary(m.Test),
                Summary(m.Membership),
                Cell.Number(m.Gap.Mean),
                Cell.Number(m.TugOfWar, 3),
                VerdictOf(comparison, m),
                Summary(m.Seconds, m.Seconds.Mean < 100 ? 1 : 0, " s"),
                Cell.Number(m.PreparationSeconds.Mean, m.Seconds.Mean < 100 ? 1 : 0, " s"),
                double.IsFinite(m.Bytes.Mean) ? Cell.FormatBytes((long)m.Bytes.Mean) : "-",
            ];
            table.Add([.. cells.Where((_, c) => verdicts || columns[c].Key != "verdict")]);
        }

        return table;
    }

    /// <summary>The verdict in words.</summary>
    public static string VerdictOf(Comparison comparison, ComparedMethod method) =>
        ReferenceEquals(method, comparison.Reference) ? "the reference"
        : method.Verdict is { } v ? Glossary.Find(v.ToString())?.Title ?? v.ToString()
        : "-";

    /// <summary>The table for programs: shares in percent, time in seconds, memory in bytes.</summary>
    public static Table Data(Comparison comparison)
    {
        if (comparison.Draws)
            return DrawnTable.Data(comparison);
        string[] summaries = ["ua", "ra", "ta", "mia", "seconds", "preparation", "memory"];
        var table = new Table(
            "methods",
            [
                new("name", "name"),
                new("method", "method"),
                new("seeds", "seeds"),
                .. summaries.SelectMany(s => new Column[] { new(s, s), new(s + "Std", s + "_std") }),
                new("gapUa", "gap_ua"),
                new("gapRa", "gap_ra"),
                new("gapTa", "gap_ta"),
                new("gapMia", "gap_mia"),
                new("gap", "gap"),
                new("tow", "tow"),
                new("verdict", "verdict"),
            ]
        );
        foreach (var m in comparison.Methods)
        {
            table.Add([
                m.Name,
                m.Title,
                m.Unlearning.Count,
                .. new[] { m.Unlearning, m.Retain, m.Test, m.Membership, m.Seconds, m.PreparationSeconds, m.Bytes }.SelectMany(s =>
                    new[] { Number(s.Mean), Number(s.Deviation) }
                ),
                Number(m.Gap.UnlearningAccuracy),
                Number(m.Gap.RetainAccuracy),
                Number(m.Gap.TestAccuracy),
                Number(m.Gap.MembershipInference),
                Number(m.Gap.Mean),
                Number(m.TugOfWar),
                m.Verdict?.ToString() ?? (ReferenceEquals(m, comparison.Reference) ? "Reference" : ""),
            ]);
        }

        return table;
    }

    /// <summary>A table as comma-separated values (RFC 4180); what is missing is empty.</summary>
    public static string Csv(Table table)
    {
        var text = new StringBuilder().AppendJoin(',', table.Columns.Select(c => Quoted(c.Header))).Append('\n');
        foreach (var row in table.Rows)
            text.AppendJoin(',', row.Select(c => Quoted(c.Text))).Append('\n');
        return text.ToString();
    }

    internal static Cell Number(double value) =>
        new(
            double.IsFinite(value) ? value : null,
            double.IsFinite(value) ? Math.Round(value, 6).ToString(CultureInfo.InvariantCulture) : ""
        );

    private static string Quoted(string text) =>
        text.AsSpan().IndexOfAny("\",\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
