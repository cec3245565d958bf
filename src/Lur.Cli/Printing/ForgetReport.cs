using Lur.Reports;
using Lur.Runs;

namespace Lur.Cli.Printing;

/// <summary>The table at the end of a forgetting run: what was forgotten and what was kept.</summary>
internal static class ForgetReport
{
    /// <summary>Prints the metrics and the accuracy per class, before and after, and the time by stage.</summary>
    /// <param name="context">Where to.</param>
    /// <param name="r">What the run came to.</param>
    public static void Print(CommandContext context, ForgetResult r)
    {
        if (r.Outcome is DenoisingOutcome denoising)
        {
            PrintDenoising(context, r, denoising);
            return;
        }

        Table metrics = Metrics(r),
            perClass = PerClass(r),
            time = Times(r.Stages);
        // A long table of classes scrolls the metrics away; result.json and --json have it.
        TablePrinter.Print(
            context,
            context.Json ? [metrics, perClass, time, Facts(r)]
                : r.Classes.Count <= 20 ? [perClass, time, metrics]
                : [time, metrics]
        );
    }

    /// <summary>Says in one sentence how it came out, and what to run next. In JSON both are among the facts.</summary>
    public static void Conclude(CommandContext context, ForgetResult r)
    {
        if (context.Json)
            return;
        context.Output.WriteLine();
        context.Say(RunSpeech.Conclusion(r));
        if (Next(r) is { } next)
            context.Note($"next: {next}");
    }

    /// <summary>The command that says whether the samples are forgotten as if the model had never seen them, or makes such a model to
    /// compare with; none for a model that has not.</summary>
    private static string? Next(ForgetResult r) =>
        r.Method.Name == Unlearning.Retrain.Definition.Name ? null
        : r.Set.Specifications.Any(s => s.StartsWith("caption:", StringComparison.Ordinal)) ? $"lur verify {Shell(r.Folder)}"
        : $"lur verify {Shell(r.Folder)} --retrain 1,2,3{(r.Outcome is DenoisingOutcome ? "" : " --relearn")}";

    private static void PrintDenoising(CommandContext context, ForgetResult r, DenoisingOutcome outcome)
    {
        Table sets = DenoisingReport.Sets(outcome),
            perClass = DenoisingReport.PerClass(r, outcome),
            time = Times(r.Stages);
        TablePrinter.Print(
            context,
            context.Json ? [sets, perClass, time, Facts(r)]
                : r.Classes.Count <= 20 ? [perClass, time, sets]
                : [time, sets]
        );
    }

    /// <summary>A path as a shell takes it.</summary>
    private static string Shell(string path) =>
        path.All(c => char.IsLetterOrDigit(c) || c is '/' or '.' or '-' or '_' or '\\' or ':')
            ? path
            : $"'{path.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static Table Facts(ForgetResult r)
    {
        var facts = new Table("facts", new Column("fact", "Fact"), new Column("value", "Value"));
        facts.Add("conclusion", RunSpeech.Conclusion(r));
        facts.Add("next", Next(r));
        return facts;
    }

    private static Table Metrics(ForgetResult r)
    {
        var metrics = new Table(
            "metrics",
            new Column("metric", "Metric"),
            new Column("original", "Original", Right: true),
            new Column("unlearned", "Unlearned", Right: true),
            new Column("meaning", "Meaning")
        );
        var whole = r.Set.WholeClasses.Count > 0;
        var (b, a) = (r.Original.Metrics, r.Unlearned.Metrics);
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
            Percent(r.Original.MembershipInference),
            Percent(r.Unlearned.MembershipInference),
            "forget set judged never seen by a membership attack"
        );
        if (whole)
            metrics.Add(
                "FTA",
                Percent(b.ForgottenClassTestAccuracy),
                Percent(a.ForgottenClassTestAccuracy),
                "test images of the forgotten class classified as it"
            );
        if (r.Original.Earlier is { } before && r.Unlearned.Earlier is { } after)
            metrics.Add(
                "earlier",
                Percent(before.Accuracy),
                Percent(after.Accuracy),
                $"earlier requests: {after.Count} samples classified correctly"
            );
        return metrics;
    }

    private static Table PerClass(ForgetResult r)
    {
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
        for (var c = 0; c < r.Classes.Count; c++)
        {
            perClass.Add(
                r.Classes[c],
                Percent(r.Original.Metrics.PerClassTestAccuracy[c]),
                Percent(r.Unlearned.Metrics.PerClassTestAccuracy[c]),
                r.Set.WholeClasses.Contains(c) ? "forgotten" : ""
            );
        }

        return perClass;
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
