using Lur.Data;

namespace Lur.Cli.Runs;

/// <summary>The table at the end of a forgetting run: what was forgotten and what was kept.</summary>
internal static class ForgetReport
{
    /// <summary>Prints the metrics and the accuracy per class, before and after.</summary>
    public static void Print(CommandContext context, IReadOnlyList<string> classes, Assessment before, Assessment after, ForgetSet set)
    {
        var metrics = new Table("metrics", new Column("metric", "Metric"), new Column("original", "Original", Right: true), new Column("unlearned", "Unlearned", Right: true), new Column("meaning", "Meaning"));
        var whole = set.WholeClasses.Count > 0;
        var (b, a) = (before.Metrics, after.Metrics);
        metrics.Add("UA", Percent(b.UnlearningAccuracy), Percent(a.UnlearningAccuracy), "forget set misclassified");
        metrics.Add("RA", Percent(b.RetainAccuracy), Percent(a.RetainAccuracy), "retain set classified correctly");
        metrics.Add("TA", Percent(b.TestAccuracy), Percent(a.TestAccuracy), whole ? "test set without the forgotten class" : "test set classified correctly");
        metrics.Add("MIA", Percent(before.MembershipInference), Percent(after.MembershipInference), "forget set judged never seen by a membership attack");
        if (whole) metrics.Add("FTA", Percent(b.ForgottenClassTestAccuracy), Percent(a.ForgottenClassTestAccuracy), "test images of the forgotten class classified as it");

        var perClass = new Table("perClass", new Column("class", "Class"), new Column("original", "Original", Right: true), new Column("unlearned", "Unlearned", Right: true), new Column("forgotten", "Forgotten"))
        {
            Title = "Test accuracy per class",
        };
        for (var c = 0; c < classes.Count; c++)
        {
            perClass.Add(classes[c], Percent(b.PerClassTestAccuracy[c]), Percent(a.PerClassTestAccuracy[c]), set.WholeClasses.Contains(c) ? "forgotten" : "");
        }

        // A long table of classes scrolls the metrics away; result.json and --json have it.
        TablePrinter.Print(context, context.Json ? [metrics, perClass] : classes.Count <= 20 ? [perClass, metrics] : [metrics]);
    }

    private static Cell Percent(double value) => Cell.Number(value, 2, " %");
}
