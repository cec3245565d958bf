using System.Globalization;
using Lur.Metrics.Generation;
using Lur.Reports;
using Lur.Runs;

namespace Lur.Cli.Printing;

/// <summary>The tables at the end of a forgetting run of a diffusion model: denoising losses.</summary>
internal static class DenoisingReport
{
    /// <summary>Losses of the sets before and after.</summary>
    public static Table Sets(DenoisingOutcome outcome)
    {
        var table = Losses("losses", "Denoising loss", new Column("part", "Images"));
        foreach (var (name, before, after) in outcome.Sets)
            Add(table, name, before.Mean, after.Mean, DenoisingOutcome.Change(before, after));
        return table;
    }

    /// <summary>Losses of the classes before and after.</summary>
    public static Table PerClass(ForgetResult r, DenoisingOutcome outcome)
    {
        const string title = "Denoising loss per class, test images";
        var table = Losses("perClass", title, new Column("class", "Class"), new Column("forgotten", "Forgotten"));
        var n = r.Classes.Count;
        var (before, after, changes) = (outcome.Original.Test.PerClass(n), outcome.Unlearned.Test.PerClass(n), outcome.PerClass(n));
        for (var c = 0; c < n; c++)
            Add(table, r.Classes[c], before[c], after[c], changes[c], r.Set.WholeClasses.Contains(c) ? "forgotten" : "");
        return table;
    }

    private static Table Losses(string key, string title, Column first, params Column[] last) =>
        new(
            key,
            [
                first,
                new Column("original", "Original", Right: true),
                new Column("unlearned", "Unlearned", Right: true),
                new Column("change", "Change", Right: true),
                new Column("interval", "95 % interval", Right: true),
                .. last,
            ]
        )
        {
            Title = title,
        };

    private static void Add(Table table, string name, double before, double after, PairedDifference change, params string[] last) =>
        table.Add([
            name,
            Cell.Number(before, 4),
            Cell.Number(after, 4),
            Signed(change.Mean),
            double.IsFinite(change.Interval.Low) ? $"{Signed(change.Interval.Low)} to {Signed(change.Interval.High)}" : "-",
            .. last.Select(l => (Cell)l),
        ]);

    private static string Signed(double value) =>
        double.IsFinite(value) ? value.ToString("+0.0000;-0.0000;0.0000", CultureInfo.InvariantCulture) : "-";
}
