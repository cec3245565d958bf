using Lur.Data;

namespace Lur.Runs;

/// <summary>What a verification reads: the folders of the runs, and the retrained models beside them.</summary>
/// <param name="settings">What decides the verification.</param>
/// <param name="host">Where it computes and whom it tells.</param>
internal sealed class VerifyInputs(VerifySettings settings, RunHost host)
{
    /// <summary>Files and folders that are read.</summary>
    public List<(string What, string Path)> Reads(ForgetTask task) =>
        [
            ("the original model", task.Original),
            ("the data set", LatentSettings.PlaceOf(task.Data)),
            .. task.Forget.Select(f => ("a list of samples", f)),
            .. settings.References.Select(r => ("a reference", r)),
        ];

    /// <summary>Reads the folders, which must be seeds of one run.</summary>
    public ForgetTask[] ReadTasks()
    {
        ForgetTask[] tasks = [.. settings.Runs.Select(ReadTask)];
        var task = tasks[0];
        if (tasks.FirstOrDefault(t => t.Method != task.Method || t.ForgetSha256 != task.ForgetSha256) is { } other)
        {
            throw new UserErrorException(
                $"'{other.Folder}' is a run of another method or forget set than '{task.Folder}'; several folders must be seeds "
                    + $"of one run ('lur compare' sets methods side by side)."
            );
        }

        return tasks;
    }

    private ForgetTask ReadTask(string folder)
    {
        if (ReferenceModels.CommandOf(folder) != "train")
            return ForgetTask.Read(folder, settings.Model, settings.Data);
        throw new UserErrorException(
            $"'{folder}' holds a run of 'lur train', which is no unlearned model; give the folder of a run of 'lur forget', and "
                + $"this one with {host.Spell("reference")}."
        );
    }

    /// <summary>Paths of the retrained models, those that were given and those of seeds.</summary>
    public string[] References(
        ForgetTask[] tasks,
        DataSource source,
        DataSplit split,
        ForgetSet set,
        string architecture,
        CancellationToken cancel
    )
    {
        var paths = settings.References.Select(r => ReferenceModels.Given(r, source, set)).ToList();
        var task = tasks[0];
        RequireOthers(paths, tasks);
        if (settings.RetrainSeeds.Count == 0)
            return [.. paths];
        var recipe = ReferenceModels.RecipeOf(ReferenceModels.TrainingOf(task.Original), task.Data) with
        {
            DataOptions = new DataOptions
            {
                ImageSize = task.ImageSize,
                ModelSize = (source.Train.Height, source.Train.Width),
                Spell = host.Spell,
            },
        };
        var models = new ReferenceModels(host, settings.CacheFolder);
        paths.AddRange(settings.RetrainSeeds.Select(seed => models.Get(recipe, source, split, set, architecture, seed, cancel)));
        RequireOnce(paths);
        return [.. paths];
    }

    /// <summary>Refuses what is no model of its own beside the original and the unlearned ones, whatever its name.</summary>
    private static void RequireOthers(IReadOnlyList<string> references, ForgetTask[] tasks)
    {
        var original = HashOf(tasks[0].OriginalSha256, tasks[0].Original);
        string[] unlearned = [.. tasks.Select(t => HashOf(t.ModelSha256, t.Unlearned))];
        foreach (var (path, sha256) in RequireOnce(references))
        {
            if (sha256 == original)
                throw new UserErrorException(
                    $"The reference '{path}' is the original model, which knew the forget set; {ReferenceModels.Remedy}."
                );
            if (unlearned.Contains(sha256))
                throw new UserErrorException($"The reference '{path}' is the unlearned model itself; {ReferenceModels.Remedy}.");
        }

        // Older runs did not record it.
        static string HashOf(string recorded, string path) => recorded.Length > 0 ? recorded : RunFolder.Sha256Of(path);
    }

    /// <summary>Refuses a model that comes twice, which would pass for two that agree.</summary>
    private static List<(string Path, string Sha256)> RequireOnce(IReadOnlyList<string> references)
    {
        List<(string Path, string Sha256)> models = [.. references.Select(r => (r, RunFolder.Sha256Of(r)))];
        if (models.GroupBy(m => m.Sha256).FirstOrDefault(g => g.Count() > 1) is { } same)
            throw new UserErrorException($"The references '{same.First().Path}' and '{same.Last().Path}' are one model; leave one out.");
        return models;
    }
}
