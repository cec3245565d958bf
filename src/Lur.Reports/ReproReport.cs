using System.Globalization;
using System.Text;
using Lur.Metrics;
using Lur.Runs;

namespace Lur.Reports;

/// <summary>What people read of a reproduction: its table, the page, a drawing of each sweep.</summary>
public static class ReproReport
{
    /// <summary>Writes report.html, table.md, and a drawing of each sweep that can be drawn, into the folder of the reproduction.</summary>
    /// <exception cref="UserErrorException">A file cannot be written, or the library that draws is missing.</exception>
    public static void Write(ReproResult r)
    {
        var page = PageTable(r);
        AtomicFile.WriteText(Path.Combine(r.Folder, ForgetPage.FileName), ReproPage.Render(page));
        foreach (var (sweep, drawn) in r.Recipe.Sweeps.Zip(page.Sweeps))
        {
            if (ReproPage.SensitivitySvg(page, drawn) is { } drawing)
                AtomicFile.WriteText(Path.Combine(r.Folder, $"sensitivity-{sweep.Label}.svg"), drawing);
        }

        AtomicFile.WriteText(Path.Combine(r.Folder, "table.md"), Markdown(r));
    }

    /// <summary>The table, smallest gap first.</summary>
    public static Table Table(ReproResult r)
    {
        var own = r.Recipe.Draws
            ? DrawnTable.Columns.Select(c => c.Column)
            :
            [
                new Column("ua", "UA %", Right: true),
                new Column("ra", "RA %", Right: true),
                new Column("ta", "TA %", Right: true),
                new Column("mia", "MIA %", Right: true),
                new Column("gap", "Avg. gap", Right: true),
            ];
        var table = new Table(
            "methods",
            [new Column("run", "Run"), .. own, new Column("seconds", "RTE s", Right: true), new Column("memory", "Device MB", Right: true)]
        );
        foreach (var row in r.Ranked)
        {
            table.Add([
                row.Run.Label,
                .. r.Recipe.Draws
                    ? DrawnTable.Cells(row.Values, "+-")
                    : ReproResult.Accuracies.Append(ReproResult.Gap).Select(m => Text(row.Values[m])),
                Text(row.Values["seconds"], 1),
                Cell.Number(row.Values["deviceMegabytes"].Mean, 1),
            ]);
        }

        return table;
    }

    /// <summary>The numbers beside those measured before.</summary>
    public static Table Table(ReproComparison comparison)
    {
        var table = new Table(
            "expected",
            new Column("run", "Run"),
            new Column("metric", "Metric"),
            new Column("now", "Now", Right: true),
            new Column("before", "Before", Right: true),
            new Column("inside", "Inside the band")
        )
        {
            Title = $"Against {Path.GetFileName(comparison.Path)} ({comparison.Commit}, {comparison.Machine})",
        };
        foreach (var n in comparison.Numbers)
        {
            var inside = n.Inside ? "yes" : FormattableString.Invariant($"no, band {n.Band:F2}");
            table.Add(n.Label, n.Metric, Cell.Number(n.Now), Cell.Number(n.Before), inside);
        }

        return table;
    }

    private static ReproTable PageTable(ReproResult r) =>
        new()
        {
            Name = r.Recipe.Name,
            Description = r.Recipe.Description,
            Data = r.Recipe.Data,
            Model = r.Recipe.Model,
            Forget = r.Recipe.Forget,
            Seeds = r.Recipe.Seeds,
            Machine = r.Machine,
            Commit = r.Commit,
            Command = r.Command,
            Judged = Judged(r.Drawing),
            Balance = r.Balance,
            BalanceSentence = r.BalanceSentence,
            Rows = [.. r.Rows.Select(row => RowOf(r, row))],
            Sweeps =
            [
                .. r.Recipe.Sweeps.Select(s => new ReproSweep(
                    s.Method.Name,
                    [.. s.Axes.Select(a => new SweepAxis(a.Option, a.Values))],
                    s.Labels
                )),
            ],
        };

    private static ReproRow RowOf(ReproResult r, MeasuredRun row)
    {
        SeedSummary Of(string name) => row.Values.GetValueOrDefault(name) ?? SeedSummary.Of([]);
        return new ReproRow(
            row.Run.Label,
            row.Run.Method.Name,
            row.Run.Options,
            Of("ua"),
            Of("ra"),
            Of("ta"),
            Of("mia"),
            Of(ReproResult.Gap),
            Of("seconds"),
            Of("deviceMegabytes").Mean,
            row.Run == r.Recipe.Reference
        )
        {
            Drawn = r.Recipe.Draws ? row.Values : new Dictionary<string, SeedSummary>(),
        };
    }

    private static string Judged(DrawingFacts? facts)
    {
        if (facts is null)
            return "";
        var accuracies = string.Join(", ", facts.JudgeAccuracies.Select(a => Cell.Number(a, 1).Text));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{facts.Judge}, one a seed, right on {accuracies} % of the test images; {facts.Images} images of each class, DDIM with "
                + $"{facts.Steps} steps, guidance {facts.Guidance}"
        );
    }

    private static Cell Text(SeedSummary s, int decimals = 2) =>
        s.Count < 2 || double.IsNaN(s.Mean)
            ? Cell.Number(s.Mean, decimals)
            : new Cell(
                s.Mean,
                s.Mean.ToString($"F{decimals}", CultureInfo.InvariantCulture)
                    + " +- "
                    + s.Deviation.ToString($"F{decimals}", CultureInfo.InvariantCulture)
            );

    private static string Markdown(ReproResult r)
    {
        var table = Table(r);
        var text = new StringBuilder();
        text.Append(
            CultureInfo.InvariantCulture,
            $"Recipe `{r.Recipe.Name}`: {r.Recipe.Description} Seeds {string.Join(", ", r.Recipe.Seeds)}.\n\n"
        );
        text.Append("| ")
            .AppendJoin(" | ", table.Columns.Select(c => c.Header))
            .Append(" |\n|")
            .Append(string.Concat(table.Columns.Select(c => c.Right ? "---:|" : "---|")))
            .Append('\n');
        foreach (var row in table.Rows)
            text.Append("| ").AppendJoin(" | ", row.Select(c => c.Text)).Append(" |\n");
        if (r.BalanceSentence is { Length: > 0 } sentence)
            text.Append(CultureInfo.InvariantCulture, $"\n{sentence}. Judged by {Judged(r.Drawing)}.\n");
        return text.ToString();
    }
}
