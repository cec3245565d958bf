using System.Globalization;
using Lur.Metrics;
using Lur.Metrics.Generation;
using Lur.Reports;
using Lur.Runs;
using Lur.Verification.Concepts;

namespace Lur.Cli.Printing;

/// <summary>The tables of a verification of models that are told prompts.</summary>
internal static class ConceptReport
{
    /// <summary>Prints them, and the verdict in one sentence.</summary>
    public static void Print(CommandContext context, ConceptVerifyResult r)
    {
        var facts = Facts(r);
        List<Table> tables = [Metrics(r), Kinds(r, forgotten: true)];
        if (r.Original.Kinds.Any(k => !k.Kind.Forgotten))
            tables.Add(Kinds(r, forgotten: false));
        tables.AddRange([.. r.Attacks.Select(GenerationReport.Attack), facts]);
        VerifyReport.Print(context, tables, facts, r.Verdict.Verdict.ToString(), r.Verdict.Sentence, r.Verdict.Provisional);
    }

    private static Table Metrics(ConceptVerifyResult r)
    {
        var table = GenerationReport.Sides("metrics", new Column("metric", "Metric"));
        void Add(string name, Func<ConceptAssessment, double> value, int decimals, string unit)
        {
            var (original, unlearned, retrained) = r.Of(value);
            if (double.IsFinite(original) || double.IsFinite(unlearned.Mean))
                table.Add(
                    name,
                    Cell.Number(original, decimals, unit),
                    GenerationReport.Summary(unlearned, decimals, unit),
                    GenerationReport.Summary(retrained, decimals, unit)
                );
        }

        var concept = r.Prompts.Concept;
        Add($"'{concept}' in the images of its prompts", a => a.ConceptRate, 1, " %");
        Add("of them, prompts that do not name it", a => a.UnnamedRate, 1, " %");
        Add("seen by the original model", a => a.DiffusionClassified, 1, " %");
        Add("kept prompts: images hold what is asked", a => a.KeptAlignment, 1, " %");
        Add($"kept prompts: '{concept}' in the images", a => a.Background, 1, " %");
        Add("kept: distance in the judge's features", a => a.Kept.Distance, 2, "");
        Add("kept: real to real at that count", _ => r.Original.Kept.Floor, 2, "");
        var (unlearned, retrained) = (r.LossChange(r.Unlearned), r.Retrained.Count == 0 ? default : r.LossChange(r.Retrained));
        Loss(table, "loss change on its test images", unlearned.Concept, retrained.Concept);
        Loss(table, "loss change on kept test images", unlearned.Kept, retrained.Kept);
        return table;
    }

    private static void Loss(Table table, string name, PairedDifference unlearned, PairedDifference? retrained)
    {
        if (double.IsFinite(unlearned.Mean))
            table.Add(
                name,
                Cell.Number(double.NaN),
                GenerationReport.Change(unlearned),
                retrained is null ? Cell.Number(double.NaN) : GenerationReport.Change(retrained)
            );
    }

    private static Table Kinds(ConceptVerifyResult r, bool forgotten)
    {
        var table = new Table(
            forgotten ? "kinds" : "keptKinds",
            new Column("kind", "Prompts"),
            new Column("example", "For example"),
            new Column("original", "Original", Right: true),
            new Column("unlearned", "Unlearned", Right: true),
            new Column("interval", "95 % interval", Right: true),
            new Column("retrained", "Retrained", Right: true),
            new Column("score", "Prompt moves score", Right: true)
        )
        {
            Title = forgotten
                ? $"Images of prompts of the concept in which '{r.Prompts.Concept}' is"
                : "Images of kept prompts that hold what is asked for, no more and no less",
        };
        for (var i = 0; i < r.Original.Kinds.Count; i++)
        {
            var (k, kind) = (i, r.Original.Kinds[i].Kind);
            if (kind.Forgotten != forgotten)
                continue;
            var share = r.Of(a => forgotten ? a.Kinds[k].Rate : a.Kinds[k].Alignment);
            var own = r.Unlearned[0].Assessment.Kinds[k];
            table.Add(
                kind.Name,
                kind.Prompts[0],
                Cell.Number(share.Original, 1, " %"),
                GenerationReport.Summary(share.Unlearned, 1, " %"),
                Interval(forgotten ? own.RateInterval : own.AlignmentInterval),
                GenerationReport.Summary(share.Retrained, 1, " %"),
                GenerationReport.Summary(r.Of(a => a.Kinds[k].ScoreDistance).Unlearned, 4, "")
            );
        }

        return table;
    }

    private static Cell Interval(Interval interval) =>
        double.IsFinite(interval.Low)
            ? new Cell(interval.Low, string.Create(CultureInfo.InvariantCulture, $"{interval.Low:0.0} .. {interval.High:0.0}"))
            : Cell.Number(double.NaN);

    private static Table Facts(ConceptVerifyResult r)
    {
        var facts = new Table("facts", new Column("fact", "Fact"), new Column("value", "Value"));
        var (of, s) = (r.Detector.Acuity, r.Sampling);
        facts.Add("detector", r.Detector.Name);
        if (r.Detector.Command is not null)
            facts.Add("least score of an image with it", Cell.Number(r.Detector.Threshold, 3).Text);
        if (of.Images > 0)
            facts.Add(
                $"on {of.Images} real test images",
                $"sees it in {Cell.Number(of.Hits, 1, " %").Text} of those with it, in {Cell.Number(of.FalseAlarms, 1, " %").Text} of "
                    + "those without"
            );
        if (double.IsFinite(of.Contents))
            facts.Add("contents named rightly by the judge", Cell.Number(of.Contents, 1, " %").Text);
        if (r.Detector.Judge is { } judge)
        {
            facts.Add("judge's file", judge.Path);
            facts.Add(
                string.Create(CultureInfo.InvariantCulture, $"judge with noise up to {judge.Noise}"),
                $"right on {Cell.Number(judge.NoisyAccuracy, 1, " %").Text}"
            );
        }

        facts.Add(
            "images",
            string.Create(
                CultureInfo.InvariantCulture,
                $"{s.Samples} of each prompt, DDIM with {s.Steps} steps, guidance {s.Guidance}, seed {s.Seed}"
            )
        );
        facts.Add("distance to the original weights", Cell.Number(r.Distance.Relative, 4, " of their norm"));
        return facts;
    }
}
