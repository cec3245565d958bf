using System.Text.Json;
using Lur.Metrics;

namespace Lur.Runs;

/// <summary>Numbers of one run of a recipe over its seeds.</summary>
/// <param name="Run">The run.</param>
/// <param name="Values">Mean and deviation by metric: ua, ra, ta, mia (percent), gap (points), seconds, deviceMegabytes.</param>
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

    /// <summary>Names of all values of a row.</summary>
    public static IReadOnlyList<string> Metrics { get; } = [.. Accuracies, Gap, "seconds", "deviceMegabytes"];

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

    /// <summary>The rows, smallest gap first; those without one last.</summary>
    public IEnumerable<MeasuredRun> Ranked => Rows.OrderBy(r => Rank(r.Values[Gap].Mean));

    /// <summary>One sentence a sweep: the values with the smallest gap.</summary>
    public IEnumerable<string> BestOfSweeps() =>
        from sweep in Recipe.Sweeps
        let best = Rows.Where(r => sweep.Labels.Contains(r.Run.Label)).MinBy(r => Rank(r.Values[Gap].Mean))
        where best is not null && double.IsFinite(best.Values[Gap].Mean)
        select FormattableString.Invariant($"smallest average gap of {sweep.Label}: {best.Run.Label}, {best.Values[Gap].Mean:F2} points");

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
                numbers.AddRange(Compare(row, before, seeds, result.Samples));
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
        MetricValues Values(string metric, int count)
        {
            double Field(string name) =>
                before.GetProperty(metric).GetProperty(name) is { ValueKind: JsonValueKind.Number } v ? v.GetDouble() : double.NaN;
            return new MetricValues(double.NaN, row.Values[metric], new SeedSummary(Field("mean"), Field("deviation"), seeds), count);
        }

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
}
