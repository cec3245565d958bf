using System.Text.Json;
using Lur.Metrics;

namespace Lur.Runs;

/// <summary>Numbers of one run of a recipe over its seeds.</summary>
/// <param name="Run">The run.</param>
/// <param name="Values">Mean and deviation by metric: ua, ra, ta, mia (percent), gap (points), seconds, deviceMegabytes; of models that
/// draw <see cref="DrawnNumbers.Names"/> in the place of the first five.</param>
/// <param name="PerSeed">The values behind them by metric, in the order of the seeds.</param>
public sealed record MeasuredRun(
    RecipeRun Run,
    IReadOnlyDictionary<string, SeedSummary> Values,
    IReadOnlyDictionary<string, double[]> PerSeed
);

/// <summary>What the runs of a recipe came to.</summary>
/// <param name="Recipe">The recipe, with the seeds that were run.</param>
/// <param name="Folder">Where the runs and their tables lie.</param>
/// <param name="Rows">A row for each run, in the order of the recipe.</param>
public sealed record ReproResult(Recipe Recipe, string Folder, IReadOnlyList<MeasuredRun> Rows)
{
    /// <summary>Name of the gap among the values of a row.</summary>
    public const string Gap = "gap";

    /// <summary>Names of the four numbers among the values of a row.</summary>
    public static IReadOnlyList<string> Accuracies { get; } = ["ua", "ra", "ta", "mia"];

    /// <summary>Names of all values of a row of a recipe.</summary>
    public static IReadOnlyList<string> MetricsOf(Recipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        return [.. recipe.Draws ? DrawnNumbers.Names : [.. Accuracies, Gap], "seconds", "deviceMegabytes"];
    }

    /// <summary>Names of all values of a row.</summary>
    public IReadOnlyList<string> Metrics => MetricsOf(Recipe);

    /// <summary>Of models that draw: how their images were drawn and judged; null for classifiers.</summary>
    public DrawingFacts? Drawing { get; init; }

    /// <summary>Fingerprint of the training data.</summary>
    public string DataSha256 { get; init; } = "";

    /// <summary>Version and commit that made the numbers; several with commas between them.</summary>
    public string Commit { get; init; } = "";

    /// <summary>Device, threads, system.</summary>
    public string Machine { get; init; } = "";

    /// <summary>How many samples are forgotten, retained and tested.</summary>
    public (int Forget, int Retain, int Test) Samples { get; init; }

    /// <summary>Command line that measures again.</summary>
    public string Command => $"lur repro {Recipe.Name} --data {Recipe.Data} -o out/repro --seeds {string.Join(',', Recipe.Seeds)}";

    /// <summary>The rows, smallest gap first; those without one last. Of models that draw by the mean of the ranks by UA and by
    /// distance (<see cref="DrawnBalance"/>).</summary>
    public IEnumerable<MeasuredRun> Ranked => Order(Rows);

    /// <summary>Of models that draw: where LUR and its peers stand by UA, by distance, and by both; empty where there is no LUR or
    /// nothing beside it.</summary>
    public IReadOnlyList<BalanceRank> Balance => Recipe.Draws ? DrawingFacts.Balance(this) : [];

    /// <summary>One sentence a sweep: the values with the smallest gap, or the best balance.</summary>
    public IEnumerable<string> BestOfSweeps() =>
        from sweep in Recipe.Sweeps
        let best = Order([.. Rows.Where(r => sweep.Labels.Contains(r.Run.Label))]).FirstOrDefault()
        where best is not null && double.IsFinite(best.Values[Recipe.Draws ? DrawnNumbers.Distance : Gap].Mean)
        select Recipe.Draws
            ? FormattableString.Invariant(
                $"best balance of {sweep.Label}: {best.Run.Label}, UA {best.Values[DrawnNumbers.Unlearning].Mean:F1} %, distance "
            )
                + FormattableString.Invariant(
                    $"{best.Values[DrawnNumbers.Distance].Mean:F2} (real to real {best.Values[DrawnNumbers.Floor].Mean:F2})"
                )
            : FormattableString.Invariant($"smallest average gap of {sweep.Label}: {best.Run.Label}, {best.Values[Gap].Mean:F2} points");

    /// <summary>How LUR balances UA and distance among its peers, in a sentence; empty where <see cref="Balance"/> is.</summary>
    public string BalanceSentence
    {
        get
        {
            var ranks = Balance;
            if (ranks.Count == 0)
                return "";
            var (own, count) = (ranks[0], ranks.Count);
            var seeds = own.PerSeed.Count < 2 ? "" : FormattableString.Invariant($"; seed by seed {string.Join(", ", own.PerSeed)}");
            return FormattableString.Invariant(
                    $"{own.Method} among {string.Join(", ", ranks.Skip(1).Select(r => r.Method))}: rank {own.Unlearning} of {count} by UA, "
                )
                + FormattableString.Invariant(
                    $"{own.Distance} by the distance of the kept classes, {own.Balance} by the mean of both{seeds}"
                );
        }
    }

    /// <summary>Compares accuracies with those measured before, by the band of <see cref="UnlearningVerdict"/>.</summary>
    /// <param name="expected">measured.json of the earlier runs; null for the one that comes with the recipe, if any.</param>
    /// <returns>Null where there is none to compare with.</returns>
    /// <exception cref="UserErrorException">The file is missing or malformed.</exception>
    public ReproComparison? Compare(string? expected)
    {
        var path = expected ?? Path.Combine(Recipe.Folder, "measured", Recipe.Name + ".json");
        if (!File.Exists(path))
        {
            return expected is null
                ? null
                : throw new UserErrorException($"'{path}' does not exist; give the measured.json of an earlier run.");
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllText(path));
            return ReproComparison.Of(this, document.RootElement, path);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new UserErrorException(
                $"'{path}' is no measured.json of 'lur repro' ({e.Message.TrimEnd('.')}); give that of an earlier run, or none."
            );
        }
    }

    private IEnumerable<MeasuredRun> Order(IReadOnlyList<MeasuredRun> rows) =>
        Recipe.Draws ? DrawingFacts.Order(rows) : rows.OrderBy(r => Rank(r.Values[Gap].Mean));

    private static double Rank(double gap) => double.IsNaN(gap) ? double.MaxValue : gap;
}

/// <summary>One number beside the one measured before.</summary>
/// <param name="Label">Run.</param>
/// <param name="Metric">ua, ra, ta or mia.</param>
/// <param name="Now">Mean now, percent.</param>
/// <param name="Before">Mean before, percent.</param>
/// <param name="Band">How far apart they may be, points.</param>
/// <param name="Inside">True if they are no further apart.</param>
public sealed record ReproNumber(string Label, string Metric, double Now, double Before, double Band, bool Inside);

/// <summary>The numbers of a reproduction beside those measured before.</summary>
/// <param name="Path">File with the earlier ones.</param>
/// <param name="Commit">Program that made them.</param>
/// <param name="Machine">Where they were made.</param>
/// <param name="SameData">False if they are of other data; nothing is compared then.</param>
/// <param name="Numbers">Numbers that both have.</param>
public sealed record ReproComparison(string Path, string Commit, string Machine, bool SameData, IReadOnlyList<ReproNumber> Numbers)
{
    /// <summary>How many numbers are outside their band.</summary>
    public int Outside => Numbers.Count(n => !n.Inside);

    internal static ReproComparison Of(ReproResult result, JsonElement earlier, string path)
    {
        if (earlier.GetProperty("dataSha256").GetString() != result.DataSha256)
            return new ReproComparison(path, "", "", false, []);
        var (runs, seeds) = (earlier.GetProperty("runs"), earlier.GetProperty("seeds").GetArrayLength());
        var numbers = new List<ReproNumber>();
        foreach (var row in result.Rows)
        {
            if (runs.TryGetProperty(row.Run.Label, out var before))
                numbers.AddRange(
                    result.Drawing is { } facts ? Drawn(row, before, seeds, facts) : Compare(row, before, seeds, result.Samples)
                );
        }

        var (commit, machine) = (earlier.GetProperty("commit").GetString()!, earlier.GetProperty("machine").GetString()!);
        return new ReproComparison(path, commit, machine, true, numbers);
    }

    private static IEnumerable<ReproNumber> Compare(
        MeasuredRun row,
        JsonElement before,
        int seeds,
        (int Forget, int Retain, int Test) samples
    )
    {
        MetricValues Values(string metric, int count) => new(double.NaN, row.Values[metric], Before(before, metric, seeds), count);
        return UnlearningVerdict
            .Judge(Values("ua", samples.Forget), Values("ra", samples.Retain), Values("ta", samples.Test), Values("mia", samples.Forget))
            .Metrics.Zip(ReproResult.Accuracies)
            .Where(x => x.First.Inside is not null)
            .Select(x => new ReproNumber(
                row.Run.Label,
                x.Second,
                x.First.Values.Unlearned.Mean,
                x.First.Values.Retrained!.Mean,
                x.First.Band,
                x.First.Inside is true
            ));
    }

    /// <summary>Shares by their band; the distance by the floor, or twice the spread of a difference where that is more.</summary>
    private static IEnumerable<ReproNumber> Drawn(MeasuredRun row, JsonElement before, int seeds, DrawingFacts facts)
    {
        foreach (var (metric, labels) in new[] { (DrawnNumbers.Unlearning, facts.Forgotten), (DrawnNumbers.Agreement, facts.Kept) })
        {
            var values = new MetricValues(
                double.NaN,
                row.Values[metric],
                Before(before, metric, seeds),
                Math.Max(1, facts.Images * labels)
            );
            var c = UnlearningVerdict.Compare(metric, values);
            if (c.Inside is { } inside)
                yield return new ReproNumber(row.Run.Label, metric, values.Unlearned.Mean, values.Retrained!.Mean, c.Band, inside);
        }

        var (now, then) = (row.Values[DrawnNumbers.Distance], Before(before, DrawnNumbers.Distance, seeds));
        static double Square(double d) => double.IsNaN(d) ? 0 : d * d;
        var band = Math.Max(row.Values[DrawnNumbers.Floor].Mean, 2 * Math.Sqrt(Square(now.Deviation) + Square(then.Deviation)));
        if (double.IsFinite(now.Mean) && double.IsFinite(then.Mean))
            yield return new ReproNumber(
                row.Run.Label,
                DrawnNumbers.Distance,
                now.Mean,
                then.Mean,
                band,
                Math.Abs(now.Mean - then.Mean) <= band
            );
    }

    private static SeedSummary Before(JsonElement before, string metric, int seeds)
    {
        double Field(string name) =>
            before.GetProperty(metric).GetProperty(name) is { ValueKind: JsonValueKind.Number } v ? v.GetDouble() : double.NaN;
        return new SeedSummary(Field("mean"), Field("deviation"), seeds);
    }
}
