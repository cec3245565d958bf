using System.Runtime.InteropServices;
using Lur.Device;
using Lur.Metrics;

namespace Lur.Runs;

/// <summary>Reads what the runs of a recipe left.</summary>
internal static class ReproReading
{
    /// <summary>Reads the folders of finished runs.</summary>
    /// <param name="host">Where they were made.</param>
    /// <param name="recipe">Recipe; gaps are measured against its reference, seed by seed.</param>
    /// <param name="chosen">Runs that have ended for every seed.</param>
    /// <param name="folder">Folder of the reproduction.</param>
    /// <param name="folderOf">Folder of a run and seed; null where it has not ended.</param>
    public static ReproResult Read(
        RunHost host,
        Recipe recipe,
        IReadOnlyList<RecipeRun> chosen,
        string folder,
        Func<RecipeRun, ulong, string?> folderOf
    )
    {
        var references = recipe
            .Seeds.Select(s => recipe.Reference is { } r && folderOf(r, s) is { } earlier ? Numbers(earlier) : null)
            .ToArray();
        using var first = RunFolder.Open(folderOf(chosen[0], recipe.Seeds[0])!);
        // The numbers may be older than this program: what is stamped is who made them.
        var producers = recipe
            .Seeds.SelectMany(s => chosen.Select(run => folderOf(run, s)).Append(recipe.Reference is { } r ? folderOf(r, s) : null))
            .OfType<string>()
            .Select(DoneFile.ProducerOf)
            .Distinct();
        var rows = chosen
            .Select(run => Measure(recipe, run, [.. recipe.Seeds.Select(s => Numbers(folderOf(run, s)!))], references))
            .ToArray();
        using var device = ComputeDevice.Open(host.Device);
        return new ReproResult(recipe, folder, rows)
        {
            DataSha256 = first.Result.Text("dataSha256"),
            Commit = string.Join(", ", producers),
            Machine = $"{device.Properties.Name}, {Environment.ProcessorCount} threads, {RuntimeInformation.OSDescription}",
            Samples = (
                (int)first.Result.Number("forgetImages"),
                (int)first.Result.Number("retainImages"),
                first.Result.Numbers("samples", "test", "label").Length
            ),
            Drawing = recipe.Draws ? DrawingFacts.Of([.. recipe.Seeds.Select(s => folderOf(chosen[0], s)!)]) : null,
        };
    }

    /// <summary>One run over its seeds, with the gap to the reference of the same seed.</summary>
    private static MeasuredRun Measure(
        Recipe recipe,
        RecipeRun run,
        Dictionary<string, double>[] perSeed,
        Dictionary<string, double>?[] references
    )
    {
        var values = perSeed[0].Keys.ToDictionary(m => m, m => perSeed.Select(p => p[m]).ToArray(), StringComparer.Ordinal);
        void Add(string name, Func<Dictionary<string, double>, Dictionary<string, double>, double> gap) =>
            values.Add(name, [.. perSeed.Zip(references, (own, reference) => reference is null ? double.NaN : gap(own, reference))]);
        if (recipe.Draws)
            foreach (var loss in DrawnNumbers.Compared)
                Add(loss + DrawnNumbers.Gap, (own, reference) => own[loss] - reference[loss]);
        else
            Add(ReproResult.Gap, (own, reference) => AverageGap.Compute(ScoresOf(own), ScoresOf(reference)).Mean);
        return new MeasuredRun(
            run,
            ReproResult.MetricsOf(recipe).ToDictionary(m => m, m => SeedSummary.Of(values[m]), StringComparer.Ordinal),
            values
        );
    }

    private static UnlearningScores ScoresOf(Dictionary<string, double> n) => new(n["ua"], n["ra"], n["ta"], n["mia"]);

    private static Dictionary<string, double> Numbers(string folder)
    {
        using var run = RunFolder.Open(folder);
        var numbers = run.Draws
            ? DrawnNumbers.Read(run)
            : ReproResult.Accuracies.ToDictionary(m => m, m => run.Result.Number("unlearned", m), StringComparer.Ordinal);
        numbers.Add("seconds", run.Seconds);
        numbers.Add("deviceMegabytes", run.Result.Number("memory", "deviceBytes") / 1e6);
        return numbers;
    }
}
