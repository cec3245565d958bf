using Lur.Checkpoints;
using Lur.Runs;
using Lur.Verification;

namespace Lur.Cli.Runs;

/// <summary>What decides a reproduction.</summary>
internal sealed record ReproSettings
{
    public required string Recipe { get; init; }

    public required string Output { get; init; }

    /// <summary>Where the data are; null for where the recipe says.</summary>
    public string? Data { get; init; }

    /// <summary>Seeds in place of the recipe's; empty for the recipe's.</summary>
    public IReadOnlyList<ulong> Seeds { get; init; } = [];

    /// <summary>Labels of the runs to make; empty for all.</summary>
    public IReadOnlyList<string> Only { get; init; } = [];

    /// <summary>Where Retrain models are kept; <c>lur verify</c> finds them there.</summary>
    public string CacheFolder { get; init; } = ReferenceCache.DefaultFolder;

    /// <summary>File with earlier results to compare with; null for the one that comes with the recipe.</summary>
    public string? Expected { get; init; }
}

/// <summary>Runs a recipe over its seeds, leaves report.html, table.csv, table.md and measured.json, and compares with what was measured
/// before. A run that is done is not made again; an interrupted training goes on from its checkpoint.</summary>
internal sealed class ReproRun(CommandContext context, ReproSettings settings)
{
    private const string DoneFile = "done.txt";
    private static readonly string[] s_results = ["model.safetensors", "result.json"];

    /// <summary>Runs.</summary>
    /// <returns><see cref="ExitCode.VerdictFailed"/> when a number is outside the band of the expected ones.</returns>
    public int Run(CancellationToken cancel)
    {
        var recipe = Recipe.Read(settings.Recipe);
        if (settings.Seeds.Count > 0)
            recipe = recipe with { Seeds = settings.Seeds };
        var unknown = settings.Only.Where(o => recipe.Runs.All(r => r.Label != o)).ToArray();
        if (unknown.Length > 0)
            throw new UsageException(
                $"The recipe {recipe.Name} has no run '{unknown[0]}'; it has {string.Join(", ", recipe.Runs.Select(r => r.Label))}."
            );
        var data = settings.Data ?? recipe.Data;
        var folder = Path.Combine(settings.Output, recipe.Name);
        OutputFolder.Prepare(folder);
        RecipeRun[] chosen = [.. recipe.Runs.Where(r => settings.Only.Count == 0 || settings.Only.Contains(r.Label))];
        context.Note($"{recipe.Name}: {recipe.Description}");
        for (var s = 0; s < recipe.Seeds.Count; s++)
        {
            var seed = recipe.Seeds[s];
            var original = Original(recipe, data, seed, cancel);
            var originals = new Dictionary<string, Assessment>(StringComparer.Ordinal);
            for (var r = 0; r < chosen.Length; r++)
            {
                context.Note($"seed {seed} ({s + 1}/{recipe.Seeds.Count}), {chosen[r].Label} ({r + 1}/{chosen.Length})");
                Forget(recipe, chosen[r], original, data, seed, folder, originals, cancel);
            }
        }

        var results = ReproResults.Read(context, recipe, chosen, (run, seed) => Finished(RunFolderOf(folder, run, seed)));
        results.Write(folder);
        TablePrinter.Print(context, results.Table());
        foreach (var sentence in results.BestOfSweeps())
            context.Note(sentence);
        context.Note($"wrote {folder}/report.html, table.csv, table.md, measured.json");
        return results.Compare(settings.Expected);
    }

    private string Original(Recipe recipe, string data, ulong seed, CancellationToken cancel)
    {
        var train = recipe.Train with
        {
            Data = data,
            Output = Path.Combine(settings.Output, "originals", $"{Plain(recipe.Model)}-seed{seed}"),
            Resume = true,
            Training = recipe.Train.Training with { Seed = seed },
        };
        var key = $"{OutputFolder.Version}\n{recipe.Model}\n{data}\n{train.Training}\n{train.ValidationShare}\n";
        if (!IsDone(train.Output, key))
        {
            context.Note($"seed {seed}: training the original model");
            new TrainRun(context.Silenced(), train).Run(cancel);
            MarkDone(train.Output, key);
        }

        return Path.Combine(train.Output, "model.safetensors");
    }

    private void Forget(
        Recipe recipe,
        RecipeRun run,
        string original,
        string data,
        ulong seed,
        string folder,
        Dictionary<string, Assessment> originals,
        CancellationToken cancel
    )
    {
        var output = RunFolderOf(folder, run, seed);
        using var parent = SafeTensorsFile.Open(original);
        var key =
            $"{OutputFolder.Version}\n{parent.Sha256()}\n{string.Join(' ', recipe.Forget)}\n{run.Method.Name} "
            + $"{string.Join(' ', run.Options.OrderBy(o => o.Key, StringComparer.Ordinal).Select(o => $"{o.Key}={o.Value}"))}\nseed {seed}\n";
        if (IsDone(output, key))
            return;
        new ForgetRun(
            context.Silenced(),
            new ForgetSettings
            {
                Model = original,
                Data = data,
                Output = output,
                Forget = recipe.Forget,
                Method = run.Method,
                Options = run.Options,
                Seed = seed,
                References = settings.CacheFolder,
                Originals = originals,
            }
        ).Run(cancel);
        MarkDone(output, key);
    }

    private static string RunFolderOf(string folder, RecipeRun run, ulong seed) => Path.Combine(folder, $"seed{seed}", Plain(run.Label));

    private static string Plain(string label) =>
        string.Concat(label.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '=' ? c : '_'));

    /// <summary>The folder of a run that ended, null for one that did not.</summary>
    private static string? Finished(string output) => File.Exists(Path.Combine(output, DoneFile)) ? output : null;

    /// <summary>True if a run of the very same settings ended here and its files are as it left them.</summary>
    private bool IsDone(string output, string key)
    {
        var path = Path.Combine(output, DoneFile);
        if (!File.Exists(path))
            return false;
        var text = File.ReadAllText(path);
        if (!text.StartsWith(key, StringComparison.Ordinal))
            return false;
        if (s_results.All(f => File.Exists(Path.Combine(output, f))) && text == key + Hashes(output))
            return true;
        context.Note($"the results in {output} are damaged (they are not what was recorded when the run ended); it is made again");
        File.Delete(path);
        return false;
    }

    /// <summary>Written last, so that a run that was killed has none.</summary>
    private static void MarkDone(string output, string key) => AtomicFile.WriteText(Path.Combine(output, DoneFile), key + Hashes(output));

    private static string Hashes(string output) =>
        string.Concat(s_results.Select(f => $"{f} {ReferenceCache.HashOf(Path.Combine(output, f))}\n"));
}
