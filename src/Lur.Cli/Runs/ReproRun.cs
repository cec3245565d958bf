using System.Globalization;
using Lur.Checkpoints;
using Lur.Data;
using Lur.Device;
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
        var done = new Dictionary<(string Label, ulong Seed), string>();
        using (var source = DataSource.Open(data))
        {
            var identity = new Identity($"{source.Train.Fingerprint()} {source.Test.Fingerprint()}", ProgramHash.Current());
            for (var s = 0; s < recipe.Seeds.Count; s++)
            {
                var seed = recipe.Seeds[s];
                var original = Original(recipe, data, seed, identity, cancel);
                var task = new SeedTask(original, seed, ForgetSha256(recipe, source, original, seed), identity);
                for (var r = 0; r < chosen.Length; r++)
                {
                    context.Note($"seed {seed} ({s + 1}/{recipe.Seeds.Count}), {chosen[r].Label} ({r + 1}/{chosen.Length})");
                    var output = RunFolderOf(folder, chosen[r], seed);
                    Forget(recipe, chosen[r], task, data, output, cancel);
                    done.Add((chosen[r].Label, seed), output);
                }

                // Gaps are measured against the reference, chosen or not, if it was made by this very program.
                if (
                    recipe.Reference is { } reference
                    && !done.ContainsKey((reference.Label, seed))
                    && RunFolderOf(folder, reference, seed) is var earlier
                    && DoneFile.WhyMissing(earlier, KeyOf(reference, task)) is null
                )
                    done.Add((reference.Label, seed), earlier);
            }
        }

        var results = ReproResults.Read(context, recipe, chosen, (run, seed) => done.GetValueOrDefault((run.Label, seed)));
        results.Write(folder);
        TablePrinter.Print(context, results.Table());
        foreach (var sentence in results.BestOfSweeps())
            context.Note(sentence);
        context.Note($"wrote {folder}/report.html, table.csv, table.md, measured.json");
        return results.Compare(settings.Expected);
    }

    /// <summary>What every key of a reproduction has: a run of other data or by another program is another run.</summary>
    /// <param name="Data">Fingerprints of the training and the test images.</param>
    /// <param name="Program">Kernels and library.</param>
    private sealed record Identity(string Data, ProgramHash Program)
    {
        /// <summary>The key of a run.</summary>
        public ContentKey Key(params ReadOnlySpan<(string, string)> fields) =>
            new([("data", Data), .. fields, ("kernels", Program.Kernels), ("library", Program.Library)]);
    }

    /// <summary>What the runs of one seed share.</summary>
    private sealed record SeedTask(string Original, ulong Seed, string ForgetSha256, Identity Identity)
    {
        /// <summary>Assessments of the original.</summary>
        public Dictionary<string, Assessment> Originals { get; } = new(StringComparer.Ordinal);
    }

    /// <summary>Hash of what is forgotten and retained: a file of sample numbers may have changed under the same name.</summary>
    private static string ForgetSha256(Recipe recipe, DataSource source, string original, ulong seed)
    {
        var split = DataSplit.Load(DataAndModel.SplitPath(original, null)!, source.Train);
        return ForgetSet.Resolve(recipe.Forget, source.Train, split.Train, seed).Sha256();
    }

    private string Original(Recipe recipe, string data, ulong seed, Identity identity, CancellationToken cancel)
    {
        var output = Path.Combine(settings.Output, "originals", $"{Plain(recipe.Model)}-seed{seed}");
        var training = recipe.Train.Training with { Seed = seed };
        var key = identity.Key(
            ("architecture", recipe.Model),
            ("training", training.ToString()),
            ("validation share", recipe.Train.ValidationShare.ToString("R", CultureInfo.InvariantCulture))
        );
        if (!IsDone(output, key))
        {
            var resume = DoneFile.Start(output, key);
            context.Note($"seed {seed}: training the original model");
            var train = recipe.Train with { Data = data, Output = output, Resume = resume, Training = training };
            new TrainRun(context.Silenced(), train).Run(cancel);
            DoneFile.Mark(output, key, CommandLine.ThisVersion);
        }

        return Path.Combine(output, "model.safetensors");
    }

    private void Forget(Recipe recipe, RecipeRun run, SeedTask task, string data, string output, CancellationToken cancel)
    {
        var key = KeyOf(run, task);
        if (IsDone(output, key))
            return;
        DoneFile.Start(output, key);
        var forget = new ForgetRun(
            context.Silenced(),
            new ForgetSettings
            {
                Model = task.Original,
                Data = data,
                Output = output,
                Forget = recipe.Forget,
                Method = run.Method,
                Options = run.Options,
                Seed = task.Seed,
                References = settings.CacheFolder,
                Originals = task.Originals,
            }
        );
        forget.Run(cancel);
        DoneFile.Mark(output, key, forget.Producer);
    }

    private static ContentKey KeyOf(RecipeRun run, SeedTask task)
    {
        using var original = SafeTensorsFile.Open(task.Original);
        return task.Identity.Key(
            ("original model", original.Sha256()),
            ("forget set", task.ForgetSha256),
            ("method", run.Method.Name),
            ("options", string.Join(' ', run.Method.Read(run.Options).All.Select(o => $"{o.Option.Name}={o.Text}"))),
            ("seed", task.Seed.ToString(CultureInfo.InvariantCulture))
        );
    }

    private bool IsDone(string output, ContentKey key)
    {
        var why = DoneFile.WhyMissing(output, key);
        if (why is { Length: > 0 })
            context.Note(why);
        return why is null;
    }

    private static string RunFolderOf(string folder, RecipeRun run, ulong seed) => Path.Combine(folder, $"seed{seed}", Plain(run.Label));

    private static string Plain(string label) =>
        string.Concat(label.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '=' ? c : '_'));
}
