using Lur.Data;
using Lur.Reports;
using Lur.Runs;

namespace Lur.Cli.Runs;

/// <summary>The table at the end of a forgetting run: what was forgotten and what was kept.</summary>
internal static class ForgetReport
{
    /// <summary>Prints the metrics and the accuracy per class, before and after, and the time by stage.</summary>
    /// <param name="context">Where to.</param>
    /// <param name="classes">Names of the classes.</param>
    /// <param name="before">The original model.</param>
    /// <param name="after">The unlearned model.</param>
    /// <param name="set">What was forgotten.</param>
    /// <param name="stages">Seconds of each stage, evaluations included.</param>
    public static void Print(
        CommandContext context,
        IReadOnlyList<string> classes,
        Assessment before,
        Assessment after,
        ForgetSet set,
        IReadOnlyList<(string Stage, double Seconds)> stages
    )
    {
        var metrics = new Table(
            "metrics",
            new Column("metric", "Metric"),
            new Column("original", "Original", Right: true),
            new Column("unlearned", "Unlearned", Right: true),
            new Column("meaning", "Meaning")
        );
        var whole = set.WholeClasses.Count > 0;
        var (b, a) = (before.Metrics, after.Metrics);
        metrics.Add("UA", Percent(b.UnlearningAccuracy), Percent(a.UnlearningAccuracy), "forget set misclassified");
        metrics.Add("RA", Percent(b.RetainAccuracy), Percent(a.RetainAccuracy), "retain set classified correctly");
        metrics.Add(
            "TA",
            Percent(b.TestAccuracy),
            Percent(a.TestAccuracy),
            whole ? "test set without the forgotten class" : "test set classified correctly"
        );
        metrics.Add(
            "MIA",
            Percent(before.MembershipInference),
            Percent(after.MembershipInference),
            "forget set judged never seen by a membership attack"
        );
        if (whole)
            metrics.Add(
                "FTA",
                Percent(b.ForgottenClassTestAccuracy),
                Percent(a.ForgottenClassTestAccuracy),
                "test images of the forgotten class classified as it"
            );

        var perClass = new Table(
            "perClass",
            new Column("class", "Class"),
            new Column("original", "Original", Right: true),
            new Column("unlearned", "Unlearned", Right: true),
            new Column("forgotten", "Forgotten")
        )
        {
            Title = "Test accuracy per class",
        };
        for (var c = 0; c < classes.Count; c++)
        {
            perClass.Add(
                classes[c],
                Percent(b.PerClassTestAccuracy[c]),
                Percent(a.PerClassTestAccuracy[c]),
                set.WholeClasses.Contains(c) ? "forgotten" : ""
            );
        }

        var time = Times(stages);
        // A long table of classes scrolls the metrics away; result.json and --json have it.
        TablePrinter.Print(
            context,
            context.Json ? [metrics, perClass, time]
                : classes.Count <= 20 ? [perClass, time, metrics]
                : [time, metrics]
        );
    }

    /// <summary>Run-time efficiency by stage, without the evaluations around it.</summary>
    private static Table Times(IReadOnlyList<(string Stage, double Seconds)> stages)
    {
        var table = new Table("time", new Column("stage", "Stage"), new Column("seconds", "Time", Right: true));
        var counted = stages.Where(s => RunFolder.IsCounted(s.Stage)).ToArray();
        foreach (var (stage, seconds) in counted)
            table.Add(stage, Cell.Number(seconds, 2, " s"));
        table.Add("RTE", Cell.Number(counted.Sum(s => s.Seconds), 2, " s"));
        return table;
    }

    private static Cell Percent(double value) => Cell.Number(value, 2, " %");
}
