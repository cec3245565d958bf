using System.Globalization;
using System.Xml.Linq;
using Lur.Metrics;
using Lur.Runs;
using static Lur.Reports.Html;

namespace Lur.Reports;

/// <summary>A reproduction as a page of its own.</summary>
public static class ReproPage
{
    /// <summary>More methods than this are not told apart in one drawing.</summary>
    private const int MaxDrawn = 24;

    /// <summary>The text of the page.</summary>
    public static string Render(ReproTable table)
    {
        var title = $"{table.Name}: {table.Rows.Count} runs, {Seeds(table)}";
        var (drawn, reference) = Drawn(table);
        return Page(
            title,
            E(
                "header",
                E("h1", title),
                E("p", Class("soft"), table.Description),
                E("dl", Class("facts"), Facts(table).Select(f => E("div", E("dt", f.Name), E("dd", f.Text))))
            ),
            E(
                "section",
                E("h2", "Methods"),
                RowsTable(
                    table,
                    table.Sorted,
                    $"Mean{(table.Seeds.Count > 1 ? " and standard deviation" : "")} over {Seeds(table)}; "
                        + (
                            table.Draws
                                ? "UA and agreement in percent; loss gaps are to the retrained model of the same seed."
                                : "the gap is the mean distance to the retrained model of the same seed in UA, RA, TA and MIA, in points."
                        )
                ),
                Balance(table),
                E("div", Class("figures"), MethodCharts.Of(drawn, reference)),
                Remarks(table, drawn).Select(r => E("p", Class("soft"), r))
            ),
            table.Sweeps.Select((sweep, i) => Section(table, sweep, $"sweep-{i + 1}")),
            E(
                "details",
                E("summary", "What the columns mean"),
                E(
                    "dl",
                    Class("facts"),
                    ColumnsOf(table)
                        .Select(c => Glossary.Find(c.Key))
                        .OfType<GlossaryEntry>()
                        .Select(e => E("div", E("dt", e.Title), E("dd", e.What + " " + e.Reading)))
                )
            )
        );
    }

    private static (string Name, object Text)[] Facts(ReproTable table) =>
        [
            ("Data", table.Data),
            ("Original model", table.Model),
            ("Forget set", string.Join(", ", table.Forget)),
            ("Seeds", string.Join(", ", table.Seeds)),
            ("Reference", table.Reference?.Label ?? "none: without a retrained model there are no gaps"),
            .. table.Draws ? [("Judge", (object)table.Judged)] : Array.Empty<(string, object)>(),
            ("Machine", table.Machine),
            ("Version", table.Commit),
            ("To measure again", E("code", table.Command)),
        ];

    /// <summary>A sweep as a drawing that stands alone, with a background of its own.</summary>
    /// <returns>Null where there is nothing to draw: a sweep over more than two options, or without numbers.</returns>
    public static string? SensitivitySvg(ReproTable table, ReproSweep sweep)
    {
        if (sweep.Axes.Count is 0 or > 2)
            return null;
        var grid = new SweepGrid(table, sweep);
        var panels = SensitivityChart.Panels(grid, "sensitivity");
        var reading =
            (table.Reference is null ? "" : $" Dashed: {table.Reference.Label}.")
            + (table.Seeds.Count > 1 ? " Whiskers: one standard deviation over seeds." : "");
        return panels.Count == 0
            ? null
            : PanelSheet.Render(
                $"Sensitivity of {sweep.Method} to {sweep.OptionNames}",
                $"{table.Description} {Capital(Seeds(table))}.{reading}",
                grid.Legend,
                panels
            );
    }

    private static readonly Column[] s_columns =
    [
        new("method", "Run"),
        new("ua", "UA, %", Right: true),
        new("ra", "RA, %", Right: true),
        new("ta", "TA, %", Right: true),
        new("mia", "MIA, %", Right: true),
        new("gap", "Gap, points", Right: true),
        new("seconds", "Time, s", Right: true),
        new("memory", "Device, MB", Right: true),
    ];

    private static Column[] ColumnsOf(ReproTable table) =>
        table.Draws ? [s_columns[0], .. DrawnTable.Columns.Select(c => c.Column), .. s_columns[^2..]] : s_columns;

    private static IEnumerable<XElement> Balance(ReproTable table)
    {
        if (table.Balance.Count == 0)
            yield break;
        yield return E("h3", "Balance of UA and FD");
        yield return E("p", table.BalanceSentence + ".");
        var ranks = new Table(
            "balance",
            new Column("run", "Run"),
            new Column("ua", "Rank by UA", Right: true),
            new Column("fd", "by FD", Right: true),
            new Column("balance", "by both", Right: true),
            new Column("seeds", "Seed by seed", Right: true)
        );
        static string Rank(double rank) => rank.ToString(CultureInfo.InvariantCulture);
        foreach (var r in table.Balance)
            ranks.Add(r.Label, Rank(r.Unlearning), Rank(r.Distance), Rank(r.Balance), string.Join(", ", r.PerSeed.Select(Rank)));
        yield return Html.Table(ranks, "By UA the greatest is first, by the distance the least; equal values share their ranks.");
    }

    private static XElement RowsTable(ReproTable table, IReadOnlyList<ReproRow> rows, string caption)
    {
        var shown = new Table("runs", ColumnsOf(table));
        foreach (var r in rows)
        {
            shown.Add([
                r.Label,
                .. table.Draws
                    ? DrawnTable.Cells(r.Drawn, "\u00B1")
                    : [Text(r.Unlearning), Text(r.Retain), Text(r.Test), Text(r.Membership), r.IsReference ? "-" : Text(r.Gap)],
                Text(r.Seconds, r.Seconds.Mean < 100 ? 1 : 0),
                Cell.Number(r.DeviceMegabytes, 1),
            ]);
        }

        return Html.Table(shown, caption, [.. rows.Select(r => r.IsReference ? "the reference" : Options(table, r))]);
    }

    /// <summary>Options of a row that its label does not have.</summary>
    private static string Options(ReproTable table, ReproRow row)
    {
        var swept = table.Sweeps.Where(s => s.Labels.Contains(row.Label)).SelectMany(s => s.Axes).Select(a => a.Option).ToArray();
        return string.Join(", ", row.Options.Where(o => !swept.Contains(o.Key)).Select(o => $"{o.Key} {o.Value}"));
    }

    private static Cell Text(SeedSummary s, int decimals = 2) =>
        double.IsFinite(s.Mean) && double.IsFinite(s.Deviation)
            ? $"{Cell.Number(s.Mean, decimals).Text} \u00B1 {Cell.Number(s.Deviation, decimals).Text}"
            : Cell.Number(s.Mean, decimals);

    private static XElement Section(ReproTable table, ReproSweep sweep, string id)
    {
        var heading = E("h2", $"Sensitivity of {sweep.Method} to {sweep.OptionNames}");
        if (sweep.Axes.Count > 2)
        {
            var rows = table.Sorted.Where(r => sweep.RowsOf(table).Contains(r)).ToArray();
            return E(
                "section",
                heading,
                E("p", $"The sweep varies {sweep.Axes.Count} options, more than a drawing shows: its runs stand here in their order."),
                RowsTable(
                    table,
                    rows,
                    $"Runs of the sweep over {sweep.OptionNames}, {(table.Draws ? "the best balance" : "the smallest gap")} first."
                )
            );
        }

        var grid = new SweepGrid(table, sweep);
        var figures = SensitivityChart
            .Panels(grid, id)
            .Select(p => Figure(p.Title, p.Reading, p.Drawing, p.HasLines ? grid.Legend : []))
            .ToArray();
        return E(
            "section",
            heading,
            E(
                "p",
                Class("soft"),
                figures.Length == 0
                    ? "None of the runs of the sweep has numbers."
                    : "The values stand at equal distances, whatever their ratio: 0 would have no place on a logarithmic axis."
            ),
            E("div", Class("figures"), figures)
        );
    }

    /// <summary>The rows that the comparing charts show: all, or those with the smallest gaps.</summary>
    private static (IReadOnlyList<ComparedMethod> Methods, ComparedMethod? Reference) Drawn(ReproTable table)
    {
        var methods = table
            .Sorted.Take(MaxDrawn)
            .Select(r =>
                (
                    Row: r,
                    Method: new ComparedMethod(
                        r.Method,
                        ShortName(table, r),
                        r.Unlearning,
                        r.Retain,
                        r.Test,
                        r.Membership,
                        r.Seconds,
                        SeedSummary.Of([1e6 * r.DeviceMegabytes])
                    )
                    {
                        Drawn = r.Drawn,
                        Gap =
                            table.Reference is { } reference && !r.IsReference
                                ? AverageGap.Compute(r.Scores, reference.Scores)
                                : new(double.NaN, double.NaN, double.NaN, double.NaN),
                    }
                )
            )
            .ToArray();
        return ([.. methods.Select(m => m.Method)], methods.FirstOrDefault(m => m.Row.IsReference).Method);
    }

    /// <summary>Beside a point there is no room for the names of options.</summary>
    private static string ShortName(ReproTable table, ReproRow row) =>
        table.Sweeps.FirstOrDefault(s => s.Labels.Contains(row.Label)) is { } sweep && !row.IsReference
            ? $"{sweep.Method} {string.Join(", ", sweep.ValuesOf(row))}"
            : Shorten(row.Label, 24);

    private static IEnumerable<string> Remarks(ReproTable table, IReadOnlyList<ComparedMethod> drawn)
    {
        foreach (var sweep in table.Sweeps)
            yield return $"Runs of the sweep of {sweep.Method} are named by their values of {sweep.OptionNames}.";
        if (drawn.Count < table.Rows.Count)
            yield return $"Of {table.Rows.Count} runs, the drawings show the {drawn.Count} with the "
                + $"{(table.Draws ? "best balance" : "smallest gaps")}.";
    }

    private static string Seeds(ReproTable table) => table.Seeds.Count == 1 ? "one seed" : $"{table.Seeds.Count} seeds";

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
