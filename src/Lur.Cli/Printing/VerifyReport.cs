using System.Globalization;
using Lur.Metrics;
using Lur.Reports;
using Lur.Runs;

namespace Lur.Cli.Printing;

/// <summary>The tables of a verification.</summary>
internal static class VerifyReport
{
    /// <summary>Prints them, and the verdict in one sentence.</summary>
    public static void Print(CommandContext context, VerifyResult o)
    {
        var facts = Facts(o);
        List<Table> tables = [Metrics(o), facts];
        if (o.Original.Attacks.Count > 0)
        {
            tables.Add(Attacks(o, "attacks", "Membership attacks: forget set judged never seen", r => r.Efficacy, 2, " %"));
            tables.Add(
                Attacks(
                    o,
                    "privacy",
                    "Accuracy of the attacks (0.5 is guessing): retain against test set; of the loss attack: forget against test set",
                    r => r.Accuracy,
                    4,
                    ""
                )
            );
        }

        if (o.Relearning.Count > 0)
            tables.Add(Recovery(o));
        tables.AddRange(o.Relearning.Select(Curve));
        Print(context, tables, facts, o.Verdict.Verdict.ToString(), o.Verdict.Sentence, o.Verdict.Provisional);
    }

    /// <summary>Prints tables and a verdict: among the facts in JSON, as a sentence behind them otherwise.</summary>
    public static void Print(
        CommandContext context,
        IReadOnlyList<Table> tables,
        Table facts,
        string verdict,
        string sentence,
        string provisional
    )
    {
        if (context.Json)
        {
            facts.Add("verdict", verdict);
            facts.Add("sentence", sentence);
            if (provisional.Length > 0)
                facts.Add("provisional", provisional);
        }

        TablePrinter.Print(context, tables);
        if (!context.Json)
            context.Say(sentence);
    }

    private static Table Metrics(VerifyResult o)
    {
        var table = new Table(
            "metrics",
            new Column("metric", "Metric"),
            new Column("original", "Original", Right: true),
            new Column("unlearned", "Unlearned", Right: true),
            new Column("retrained", "Retrained", Right: true),
            new Column("gap", "Gap", Right: true),
            new Column("band", "Band", Right: true),
            new Column("inside", "Inside")
        );
        foreach (var (name, m) in VerifyResult.MetricNames.Zip(o.Verdict.Metrics))
        {
            table.Add(
                name,
                Cell.Number(m.Values.Original, 2, " %"),
                Summary(m.Values.Unlearned),
                Summary(m.Values.Retrained),
                Cell.Number(m.Gap),
                Cell.Number(m.Band),
                m.Inside is { } inside ? (inside ? "yes" : "no") : "-"
            );
        }

        return table;
    }

    private static Table Facts(VerifyResult o)
    {
        var facts = new Table("facts", new Column("fact", "Fact"), new Column("value", "Value"));
        if (o.Retrained.Count > 0)
        {
            facts.Add("average gap to Retrain", Cell.Number(o.Gap, 2, " points"));
            facts.Add("tug of war (1 is Retrain)", Cell.Number(o.TugOfWar, 4));
            facts.Add(
                "forget set below Retrain's",
                o.Over.BelowRetrain is true || o.Over.LossAboveRetrain is true
                    ? "yes: accuracy or loss is worse than a model's that never saw it"
                    : "no"
            );
        }

        if (o.Original.Earlier is { } earlier)
        {
            var retrained =
                o.Retrained.Count == 0
                    ? ""
                    : FormattableString.Invariant($", Retrain {VerifyResult.EarlierAccuracy(o.Retrained).Mean:F2} %");
            facts.Add(
                "earlier requests",
                string.Create(
                    System.Globalization.CultureInfo.InvariantCulture,
                    $"{earlier.Count} samples, classified correctly {VerifyResult.EarlierAccuracy(o.Unlearned).Mean:F2} % "
                        + $"(original {earlier.Accuracy:F2} %{retrained})"
                )
            );
        }

        facts.Add("distance to the original weights", Cell.Number(o.Distance.Relative, 4, " of their norm"));
        if (o.Damage.WorstClass >= 0)
            facts.Add(
                "class that lost most",
                FormattableString.Invariant($"{o.Classes[o.Damage.WorstClass]}, {o.Damage.WorstChange:+0.0;-0.0} points")
            );
        return facts;
    }

    private static Table Attacks(VerifyResult o, string key, string title, Func<AttackResult, double> value, int decimals, string unit)
    {
        var table = new Table(
            key,
            new Column("attack", "Attack"),
            new Column("original", "Original", Right: true),
            new Column("unlearned", "Unlearned", Right: true),
            new Column("retrained", "Retrained", Right: true)
        )
        {
            Title = title,
        };
        for (var i = 0; i < o.Original.Attacks.Count; i++)
        {
            var (original, unlearned, retrained) = o.Attack(i, value);
            if (double.IsNaN(original) && double.IsNaN(unlearned.Mean))
                continue;
            var name = o.Original.Attacks[i].Name;
            table.Add(
                new Cell(name, Glossary.AttackTitle(name)),
                Cell.Number(original, decimals, unit),
                Summary(unlearned, decimals, unit),
                Summary(retrained, decimals, unit)
            );
        }

        return table;
    }

    private static Table Curve(RelearningOutcome o)
    {
        var table = new Table(
            o.Shots == 0 ? "relearning" : $"relearning{o.Shots}",
            new Column("step", "Step", Right: true),
            new Column("unlearnedForget", "Forget accuracy", Right: true),
            new Column("unlearnedTest", "Test accuracy", Right: true),
            new Column("retrainedForget", "Retrain's forget accuracy", Right: true),
            new Column("retrainedTest", "Retrain's test accuracy", Right: true)
        )
        {
            Title = $"Relearning, {o.Title}: accuracies while training goes on",
        };
        var retrained = RelearningOutcome.Summaries(o.Retrained).ToDictionary(p => p.Step);
        foreach (var (step, forget, test) in RelearningOutcome.Summaries(o.Unlearned))
        {
            var reference = retrained.TryGetValue(step, out var r);
            table.Add(step, Summary(forget), Summary(test), Summary(reference ? r.Forget : null), Summary(reference ? r.Test : null));
        }

        return table;
    }

    /// <summary>How soon what was forgotten is back.</summary>
    private static Table Recovery(VerifyResult o)
    {
        var table = new Table(
            "recovery",
            new Column("shots", "Relearning"),
            new Column("unlearned", "Unlearned", Right: true),
            new Column("retrained", "Retrained", Right: true)
        )
        {
            Title = "Steps until the forget accuracy is back at half of the original's",
        };
        static Cell Steps(int? steps, RelearningOutcome r) =>
            steps is { } n
                ? n
                : new Cell(null, $"not within {r.Unlearned[0].Points[^1].Step.ToString("N0", CultureInfo.InvariantCulture)}");
        foreach (var r in o.Relearning)
            table.Add(
                new Cell(r.Shots, r.Title),
                Steps(o.StepsToRecover(r.Unlearned), r),
                r.Retrained.Count == 0 ? Cell.Number(double.NaN) : Steps(o.StepsToRecover(r.Retrained), r)
            );
        return table;
    }

    private static Cell Summary(SeedSummary? s, int decimals = 2, string unit = " %")
    {
        if (s is null || !double.IsFinite(s.Mean))
            return Cell.Number(double.NaN);
        var mean = Cell.Number(s.Mean, decimals, s.Count < 2 ? unit : "");
        return s.Count < 2 ? mean : new Cell(s.Mean, $"{mean.Text} +- {Cell.Number(s.Deviation, decimals, unit).Text}");
    }
}
