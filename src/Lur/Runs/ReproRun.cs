using System.Globalization;
using Lur.Data;
using Lur.Device;

namespace Lur.Runs;

/// <summary>Runs a recipe over its seeds, and leaves the folder of each run, table.csv and measured.json. A run that is done is not made
/// again; an interrupted training goes on from its checkpoint.</summary>
/// <param name="settings">What decides the runs.</param>
/// <param name="host">Where it computes and whom it tells; null for the first device and nobody.</param>
public sealed class ReproRun(ReproSettings settings, RunHost? host = null)
{
    private readonly RunHost _host = host ?? new RunHost();
    private int _found; // runs made before

    /// <summary>Runs.</summary>
    /// <param name="cancel">Stops after the current step; the next call goes on from there.</param>
    /// <exception cref="UserErrorException">The recipe has no run of a label, the data cannot be used, or a file cannot be
    /// written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public ReproResult Run(CancellationToken cancel = default)
    {
        var recipe = settings.Recipe;
        if (settings.Seeds.Count > 0)
            recipe = recipe with { Seeds = settings.Seeds };
        recipe.Require(settings.Only);
        var data = settings.Data ?? recipe.Data;
        var folder = Path.Combine(settings.Output, recipe.Name);
        using var held = OutputFolder.Open(folder, null, _host.Spell);
        RecipeRun[] chosen =
        [
            // The others are verified against the reference.
            .. recipe
                .Runs.Where(r => settings.Only.Count == 0 || settings.Only.Contains(r.Label))
                .OrderByDescending(r => recipe.Draws && r == recipe.Reference),
        ];
        _host.Progress.Note($"{recipe.Name}: {recipe.Description}");
        var done = new Dictionary<(string Label, ulong Seed), string>();
        using (var source = DataSource.Open(data, DataOptions(recipe)))
        {
            var identity = new Identity($"{source.Train.Fingerprint()} {source.Test.Fingerprint()}", Program);
            var work = new Work(recipe, chosen, data, source, folder, identity, done);
            for (var s = 0; s < recipe.Seeds.Count; s++)
                Run(work, s, cancel);
        }

        var result = ReproReading.Read(_host, recipe, chosen, folder, (run, seed) => done.GetValueOrDefault((run.Label, seed)));
        ReproFiles.Write(result);
        return result;
    }

    /// <summary>What the seeds share.</summary>
    private sealed record Work(
        Recipe Recipe,
        RecipeRun[] Chosen,
        string Data,
        DataSource Source,
        string Folder,
        Identity Identity,
        Dictionary<(string Label, ulong Seed), string> Done
    );

    /// <summary>The runs of one seed.</summary>
    private void Run(Work work, int s, CancellationToken cancel)
    {
        var (recipe, chosen, data, _, folder, identity, done) = work;
        var (seed, seeds) = (recipe.Seeds[s], recipe.Seeds.Count);
        var parts = (Done: s * (chosen.Length + 1), Total: seeds * (chosen.Length + 1));
        _host.Progress?.Report(new RunPart(parts.Done, parts.Total, _found));
        var original = Original(recipe, data, seed, identity, cancel);
        var task = new SeedTask(original, RunFolder.Sha256Of(original), seed, ForgetSha256(work, original, seed), identity);
        var verification = recipe.Draws ? new ReproVerification(recipe, seed, data, settings.CacheFolder, _host) : null;
        void Verify(string output, string? retrained) =>
            verification?.Verify(output, original, retrained, fields => identity.Key([.. fields]), cancel);
        // Gaps are measured against the reference, chosen or not, if it was made by this very program.
        if (
            recipe.Reference is { } reference
            && !chosen.Contains(reference)
            && RunFolderOf(folder, reference, seed) is var earlier
            && DoneFile.WhyMissing(earlier, KeyOf(reference, task)) is null
        )
        {
            done.Add((reference.Label, seed), earlier);
            Verify(earlier, null);
        }

        for (var r = 0; r < chosen.Length; r++)
        {
            _host.Progress?.Report(new RunPart(parts.Done + 1 + r, parts.Total, _found));
            _host.Progress.Note($"seed {seed} ({s + 1}/{seeds}), {chosen[r].Label} ({r + 1}/{chosen.Length})");
            var output = RunFolderOf(folder, chosen[r], seed);
            Forget(recipe, chosen[r], task, data, output, cancel);
            var retrained = recipe.Reference is { } x ? done.GetValueOrDefault((x.Label, seed)) : null;
            done.Add((chosen[r].Label, seed), output);
            Verify(output, retrained);
        }
    }

    private ProgramHash Program => ProgramHash.Current(_host.Device.Kernels);

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
    private sealed record SeedTask(string Original, string OriginalSha256, ulong Seed, string ForgetSha256, Identity Identity)
    {
        /// <summary>Assessments of the original.</summary>
        public Dictionary<string, ModelMeasure> Originals { get; } = new(StringComparer.Ordinal);
    }

    /// <summary>Hash of what is forgotten and retained: a file of sample numbers may have changed under the same name.</summary>
    private static string ForgetSha256(Work work, string original, ulong seed)
    {
        var split = DataSplit.Load(DataAndModel.SplitPath(original, null)!, work.Source.Train);
        return ForgetSet.Resolve(work.Recipe.Forget, work.Source, split.Train, seed).Sha256();
    }

    private string Original(Recipe recipe, string data, ulong seed, Identity identity, CancellationToken cancel)
    {
        var output = Path.Combine(settings.Output, "originals", $"{Plain(recipe.Model)}-seed{seed}");
        var train = recipe.Train with
        {
            Data = data,
            DataOptions = DataOptions(recipe),
            Output = output,
            Overwrite = true,
            Training = recipe.Train.Training with { Seed = seed },
            Diffusion = recipe.Train.Diffusion is { } d ? d with { Seed = seed } : null,
        };
        var key = identity.Key(
            ("architecture", recipe.Model),
            ("training", train.Recipe.ToString()!),
            ("validation share", recipe.Train.ValidationShare.ToString("R", CultureInfo.InvariantCulture))
        );
        if (!IsDone(output, key))
        {
            var resume = DoneFile.Start(output, key);
            _host.Progress.Note($"seed {seed}: training the original model");
            new TrainRun(train with { Resume = resume && TrainRun.CanResume(output) }, _host).Run(cancel);
            DoneFile.Mark(output, key, _host.Producer);
        }

        return Path.Combine(output, "model.safetensors");
    }

    private void Forget(Recipe recipe, RecipeRun run, SeedTask task, string data, string output, CancellationToken cancel)
    {
        var key = KeyOf(run, task);
        if (IsDone(output, key))
            return;
        var resume = DoneFile.Start(output, key);
        var forget = new ForgetSettings
        {
            Model = task.Original,
            Data = data,
            DataOptions = DataOptions(recipe),
            Output = output,
            Forget = recipe.Forget,
            Method = BoundMethod.Read(run.Method, run.Options),
            Seed = task.Seed,
            CheckpointEvery = recipe.Train.CheckpointEvery,
            Resume = resume && ForgetRun.CanResume(output),
            Overwrite = true,
            References = settings.CacheFolder,
            Originals = task.Originals,
        };
        DoneFile.Mark(output, key, new ForgetRun(forget, _host).Run(cancel).Producer);
    }

    private static ContentKey KeyOf(RecipeRun run, SeedTask task) =>
        task.Identity.Key(
            ("original model", task.OriginalSha256),
            ("forget set", task.ForgetSha256),
            ("method", run.Method.Name),
            ("options", string.Join(' ', run.Method.Read(run.Options).Texts().Select(o => $"{o.Option.Name}={o.Text}"))),
            ("seed", task.Seed.ToString(CultureInfo.InvariantCulture))
        );

    private bool IsDone(string output, ContentKey key)
    {
        var why = DoneFile.WhyMissing(output, key);
        if (why is { Length: > 0 })
            _host.Progress.Note(why);
        if (why is null)
            _found++;
        return why is null;
    }

    private DataOptions DataOptions(Recipe recipe) => new() { ImageSize = recipe.ImageSize, Spell = _host.Spell };

    private static string RunFolderOf(string folder, RecipeRun run, ulong seed) => Path.Combine(folder, $"seed{seed}", Plain(run.Label));

    private static string Plain(string label) =>
        string.Concat(label.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '=' ? c : '_'));
}
