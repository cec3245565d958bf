using System.Globalization;
using System.Text.Json;
using System.Xml.Linq;
using Lur.Runs;
using static Lur.Reports.Html;

namespace Lur.Reports;

/// <summary>What report.html has of a diffusion model in the place of accuracies: denoising losses.</summary>
internal static class DenoisingPage
{
    private static readonly (string Key, string Title)[] s_sets =
    [
        ("forgetLoss", "forget set"),
        ("retainLoss", "retain set"),
        ("testLoss", "test set"),
    ];

    /// <summary>Losses of the sets.</summary>
    public static XElement Sets(RunFolder run)
    {
        var table = Losses("losses", new Column("part", "Images"));
        foreach (var (key, title) in s_sets)
            Add(table, run, title, ["original", key], ["unlearned", key], ["changes", key]);
        return Table(table, "Denoising loss before and after, with a 95 % interval of the change, image by image.");
    }

    /// <summary>Losses of the classes; null where there are none.</summary>
    public static XElement? PerClass(RunFolder run)
    {
        const string name = "perClassTestLoss";
        if (run.Result.Find("unlearned", name) is not { ValueKind: JsonValueKind.Object } classes)
            return null;
        var (table, forgotten) = (Losses("perClass", new Column("class", "Class")), run.ForgottenClasses);
        foreach (var c in classes.EnumerateObject())
        {
            var title = c.Name + (forgotten.Contains(c.Name) ? " (forgotten)" : "");
            Add(table, run, title, ["original", name, c.Name], ["unlearned", name, c.Name], ["changes", name, c.Name]);
        }

        return Table(table, "Denoising loss on the test images of each class.");
    }

    private static Table Losses(string key, Column first) =>
        new(
            key,
            first,
            new Column("original", "Original", Right: true),
            new Column("unlearned", "Unlearned", Right: true),
            new Column("change", "Change", Right: true),
            new Column("interval", "95 % interval", Right: true)
        );

    private static void Add(Table table, RunFolder run, string title, string[] before, string[] after, string[] change)
    {
        var (mean, low, high) = (
            run.Result.Number([.. change, "mean"]),
            run.Result.Number([.. change, "low"]),
            run.Result.Number([.. change, "high"])
        );
        table.Add(
            title,
            Cell.Number(run.Result.Number(before), 4),
            Cell.Number(run.Result.Number(after), 4),
            Signed(mean),
            double.IsFinite(low) ? $"{Signed(low)} to {Signed(high)}" : "-"
        );
    }

    private static string Signed(double value) =>
        double.IsFinite(value) ? value.ToString("+0.0000;\u22120.0000;0.0000", CultureInfo.InvariantCulture) : "-";
}
