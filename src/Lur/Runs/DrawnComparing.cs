using Lur.Metrics;
using Lur.Metrics.Generation;

namespace Lur.Runs;

/// <summary>The part of a comparison that models that draw have of their own: what may stand side by side, and the verdict.</summary>
internal static class DrawnComparing
{
    /// <summary>Refuses what a table would silently mix.</summary>
    /// <param name="runs">The runs; at least one.</param>
    /// <returns>True where they are of models that draw.</returns>
    /// <exception cref="UserErrorException">Some are and some are not, one was not verified, or two were verified differently.</exception>
    public static bool Require(IReadOnlyList<RunFolder> runs)
    {
        var first = runs[0];
        if (runs.FirstOrDefault(r => r.Draws != first.Draws) is { } other)
        {
            var (classifies, draws) = first.Draws ? (other, first) : (first, other);
            throw new UserErrorException(
                $"'{classifies.Path}' holds a classifier and '{draws.Path}' a model that draws, so they have no number in common; compare "
                    + "runs of one kind."
            );
        }

        if (!first.Draws)
            return false;
        foreach (var run in runs)
        {
            DrawnNumbers.RequireVerified(run);
            RequireSame(first, run, "by different judges", "judge", "sha256");
            foreach (var field in new[] { "images", "steps", "guidance", "seed" })
                RequireSame(first, run, $"with other {field}", "sampling", field);
        }

        return true;
    }

    /// <summary>The numbers of a row, over its runs.</summary>
    public static Dictionary<string, SeedSummary> Numbers(RunFolder[] runs)
    {
        Dictionary<string, double>[] each = [.. runs.Select(DrawnNumbers.Read)];
        return each[0].Keys.ToDictionary(n => n, n => SeedSummary.Of([.. each.Select(e => e[n])]), StringComparer.Ordinal);
    }

    /// <summary>The row with its gaps to the reference and a verdict. Attacks are those of 'lur verify': they do not count here.</summary>
    public static ComparedMethod Judge(ComparedMethod method, ComparedMethod reference, RunFolder[] own, RunFolder[] references)
    {
        var numbers = new Dictionary<string, SeedSummary>(method.Drawn, StringComparer.Ordinal);
        foreach (var loss in DrawnNumbers.Compared)
            numbers[loss + DrawnNumbers.Gap] = method.Drawn[loss] with { Mean = method.Drawn[loss].Mean - reference.Drawn[loss].Mean };
        return method with { Drawn = numbers, Verdict = GenerationVerdict.Judge(Evidence(method, reference, own, references)).Verdict };
    }

    /// <summary>The reference, then the others by the mean of their ranks by UA and by distance.</summary>
    public static ComparedMethod[] Order(IReadOnlyList<ComparedMethod> methods, ComparedMethod? reference)
    {
        double[] Means(string name) => [.. methods.Select(m => m.Drawn[name].Mean)];
        var ranks = DrawnBalance.Of(Means(DrawnNumbers.Unlearning), Means(DrawnNumbers.Distance)).Mean;
        return
        [
            .. methods.Zip(ranks).OrderByDescending(m => ReferenceEquals(m.First, reference)).ThenBy(m => m.Second).Select(m => m.First),
        ];
    }

    private static void RequireSame(RunFolder first, RunFolder run, string how, params ReadOnlySpan<string> field)
    {
        if (first.Verification.Text(field) != run.Verification.Text(field))
            throw new UserErrorException(
                $"'{first.Path}' and '{run.Path}' were verified {how}, so their numbers cannot be compared; run 'lur verify' on both with "
                    + "the same options."
            );
    }

    private static GenerationEvidence Evidence(ComparedMethod method, ComparedMethod reference, RunFolder[] own, RunFolder[] references)
    {
        var v = own[0].Verification;
        var classes = DrawnNumbers.Array(v, "classes");
        var images = (int)v.Number("sampling", "images");
        var forgotten = DrawnNumbers.Array(v, "forgotten").Length;
        var kept = Sequences.Range(0, classes.Length).Where(c => classes[c].Text("kept") == bool.TrueString).ToArray();
        MetricValues Values(Func<RunFolder, string, double> value, int count) =>
            new(
                value(own[0], "original"),
                SeedSummary.Of([.. own.Select(r => value(r, "unlearned"))]),
                SeedSummary.Of([.. references.Select(r => value(r, "unlearned"))]),
                Math.Max(1, count)
            );
        // The original is one number, the others a mean.
        static double Of(System.Text.Json.JsonElement? e, string model) =>
            e is not { } x ? double.NaN
            : model == "original" ? x.Number(model)
            : x.Number(model, "mean");
        MetricValues Metric(int index, int count) => Values((r, m) => Of(DrawnNumbers.Array(r.Verification, "metrics")[index], m), count);
        return new GenerationEvidence(Metric(0, images * forgotten), Metric(1, images * kept.Length))
        {
            Classes = classes.Length,
            JudgeAccuracy = v.Number("judge", "testAccuracy"),
            KeptClasses =
            [
                .. kept.Select(c =>
                    (
                        classes[c].Text("class"),
                        Values((r, m) => Of(DrawnNumbers.Array(r.Verification, "classes")[c].Find("agreement"), m), images)
                    )
                ),
            ],
            Distance = double.IsNaN(method.Drawn[DrawnNumbers.Floor].Mean)
                ? null
                : (method.Drawn[DrawnNumbers.Distance], reference.Drawn[DrawnNumbers.Distance], method.Drawn[DrawnNumbers.Floor].Mean),
            Gain = Gain(own, references),
        };
    }

    // Every run was measured on the same test images, so that an interval over them is no smaller for a mean of runs.
    private static LabelGain? Gain(RunFolder[] own, RunFolder[] references)
    {
        static double Mean(RunFolder[] runs, params ReadOnlySpan<string> path)
        {
            var sum = 0.0;
            foreach (var run in runs)
                sum += run.Verification.Number(["labelGain", .. path]);
            return sum / runs.Length;
        }

        var count = own[0].Verification.Number("labelGain", "unlearned", "images");
        if (!(count >= 2))
            return null;
        var (low, high) = (Mean(own, "unlearned", "interval", "low"), Mean(own, "unlearned", "interval", "high"));
        var unlearned = new PairedDifference((int)count, Mean(own, "unlearned", "mean"), double.NaN, new Interval(low, high));
        return new LabelGain(Mean(own[..1], "original", "mean"), Mean(references, "unlearned", "mean"), unlearned);
    }
}
