using System.Globalization;
using Lur.Metrics;
using Lur.Metrics.Generation;
using Lur.Reports;
using Lur.Runs;

namespace Lur.Cli.Printing;

/// <summary>The tables of a verification of models that draw.</summary>
internal static class GenerationReport
{
    /// <summary>Prints them, and the verdict in one sentence.</summary>
    public static void Print(CommandContext context, GenerationVerifyResult r)
    {
        var facts = Facts(r);
        List<Table> tables = [Metrics(r), Classes(r), .. r.Attacks.Select(a => Attack(a)), facts];
        VerifyReport.Print(context, tables, facts, r.Verdict.Verdict.ToString(), r.Verdict.Sentence, r.Verdict.Provisional);
    }

    private static Table Metrics(GenerationVerifyResult r)
    {
        var table = Sides("metrics", new Column("metric", "Metric"));
        void Add(string name, Func<Verification.Generation.GenerativeAssessment, double> value, int decimals, string unit)
        {
            var (original, unlearned, retrained) = r.Of(value);
            if (double.IsFinite(original) || double.IsFinite(unlearned.Mean))
                table.Add(
                    name,
                    Cell.Number(original, decimals, unit),
                    Summary(unlearned, decimals, unit),
                    Summary(retrained, decimals, unit)
                );
        }

        Add("forgotten: not classed as asked (UA)", a => a.UnlearningAccuracy, 1, " %");
        Add("forgotten: probability of the class", a => a.Forgotten.Average(f => f.MeanProbability), 3, "");
        Add("forgotten: entropy, nats", a => a.Forgotten.Average(f => f.MeanEntropy), 3, "");
        Add("forgotten: seen by the original model", a => a.DiffusionClassified, 1, " %");
        Add("forgotten: gain by the label on test images", a => GenerationVerifyResult.LabelGain(a).Mean, 4, "");
        Add("kept: classed as asked", a => a.KeptAgreement, 1, " %");
        Add("kept: distance in the judge's features", a => a.Kept.Distance, 2, "");
        Add("kept: real to real at that count", _ => r.Original.Kept.Floor, 2, "");
        Add("kept: precision", a => a.Kept.Precision, 3, "");
        Add("kept: recall", a => a.Kept.Recall, 3, "");
        if (r.Inception is not { } inception)
            return table;
        Add("kept: FID", a => a.Inception!.Distance, 2, "");
        Add("kept: FID of real images", _ => inception.Floor.Distance, 2, "");
        Add("kept: KID x 1000", a => 1000 * a.Inception!.Kernel.Mean, 3, "");
        Add("kept: KID x 1000 of real images", _ => 1000 * inception.Floor.Kernel.Mean, 3, "");
        Add("kept: spread of KID x 1000", a => 1000 * a.Inception!.Kernel.Deviation, 3, "");
        return table;
    }

    private static Table Classes(GenerationVerifyResult r)
    {
        var table = new Table(
            "classes",
            new Column("class", "Class"),
            new Column("original", "Original", Right: true),
            new Column("unlearned", "Unlearned", Right: true),
            new Column("retrained", "Retrained", Right: true),
            new Column("distance", "Distance", Right: true),
            new Column("score", "Class moves score", Right: true),
            new Column("loss", "Loss change", Right: true),
            new Column("retrainedLoss", "Retrained loss", Right: true)
        )
        {
            Title = "Images of each class that are classed as it; of the unlearned model also the rest, losses with 95 % intervals",
        };
        var own = r.LossChange(r.Unlearned);
        var retrained = r.Retrained.Count == 0 ? null : r.LossChange(r.Retrained);
        for (var c = 0; c < r.Classes.Count; c++)
        {
            var label = c;
            var agreement = r.Of(a => a.Agreement[label]);
            table.Add(
                r.Classes[c] + (r.Forgotten.Contains(c) ? " (forgotten)" : ""),
                Cell.Number(agreement.Original, 1, " %"),
                Summary(agreement.Unlearned, 1, " %"),
                Summary(agreement.Retrained, 1, " %"),
                Summary(r.Of(a => a.PerClass[label].Distance).Unlearned, 2, ""),
                Summary(r.Of(a => a.ScoreDistances[label]).Unlearned, 4, ""),
                Change(own[c]),
                retrained is null ? Cell.Number(double.NaN) : Change(retrained[c])
            );
        }

        return table;
    }

    internal static Table Attack(DrawingAttack attack)
    {
        var table = new Table(
            attack.Name,
            new Column("at", DrawingAttack.HeadOf(attack.Unit), Right: true),
            new Column("unlearned", "Unlearned", Right: true),
            new Column("retrained", "Retrained", Right: true)
        )
        {
            Title = $"What was forgotten in the images, {attack.Title}",
        };
        for (var i = 0; i < attack.Points.Count; i++)
        {
            SeedSummary? At(IReadOnlyList<double[]> models) => models.Count == 0 ? null : SeedSummary.Of([.. models.Select(m => m[i])]);
            table.Add(attack.Points[i], Summary(At(attack.Unlearned), 1, " %"), Summary(At(attack.Retrained), 1, " %"));
        }

        return table;
    }

    private static Table Facts(GenerationVerifyResult r)
    {
        var facts = new Table("facts", new Column("fact", "Fact"), new Column("value", "Value"));
        facts.Add("judge", $"{r.Judge.Architecture}, right on {Cell.Number(r.Judge.TestAccuracy, 1, " %").Text} of the test images");
        facts.Add(
            string.Create(CultureInfo.InvariantCulture, $"with noise up to {r.Judge.Noise} on them"),
            $"right on {Cell.Number(r.Judge.NoisyAccuracy, 1, " %").Text}"
        );
        facts.Add("judge's file", r.Judge.Path);
        var s = r.Sampling;
        facts.Add(
            "images",
            string.Create(
                CultureInfo.InvariantCulture,
                $"{s.Samples} of each class, DDIM with {s.Steps} steps, guidance {s.Guidance}, seed {s.Seed}"
            )
        );
        if (r.Inception is { } inception)
            Inception(facts, inception);
        facts.Add("distance to the original weights", Cell.Number(r.Distance.Relative, 4, " of their norm"));
        return facts;
    }

    private static void Inception(Table facts, InceptionFacts inception)
    {
        facts.Add("InceptionV3's file", inception.Path);
        if (inception.Statistics is { } statistics)
            facts.Add("statistics for the FID", statistics);
        var kernel = inception.Floor.Kernel;
        facts.Add(
            "FID and KID",
            string.Create(
                CultureInfo.InvariantCulture,
                $"{inception.Images} images on each side; KID over {kernel.Subsets} subsets of {kernel.SubsetSize}"
            )
        );
        if (inception.Reservation is { } reservation)
            facts.Add("mind", reservation);
    }

    internal static Table Sides(string key, Column first) =>
        new(
            key,
            first,
            new Column("original", "Original", Right: true),
            new Column("unlearned", "Unlearned", Right: true),
            new Column("retrained", "Retrained", Right: true)
        );

    internal static Cell Change(PairedDifference d)
    {
        if (!double.IsFinite(d.Mean))
            return Cell.Number(double.NaN);
        var half = (d.Interval.High - d.Interval.Low) / 2;
        return new Cell(d.Mean, d.Mean.ToString("+0.0000;-0.0000", CultureInfo.InvariantCulture) + " +- " + Cell.Number(half, 4).Text);
    }

    internal static Cell Summary(SeedSummary? s, int decimals, string unit)
    {
        if (s is null || !double.IsFinite(s.Mean))
            return Cell.Number(double.NaN);
        var mean = Cell.Number(s.Mean, decimals, s.Count < 2 ? unit : "");
        return s.Count < 2 ? mean : new Cell(s.Mean, $"{mean.Text} +- {Cell.Number(s.Deviation, decimals, unit).Text}");
    }
}
