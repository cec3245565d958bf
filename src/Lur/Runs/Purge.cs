using Lur.Checkpoints;
using Lur.Data;
using Lur.Models;
using Lur.Verification;

namespace Lur.Runs;

/// <summary>Finds and deletes what the engine made and what still holds the knowledge of forgotten samples.</summary>
public sealed class Purge : IDisposable
{
    private readonly ForgetTask _task;
    private readonly string _unlearned,
        _unlearnedSha256,
        _data;
    private readonly HashSet<int> _request; // numbers
    private readonly string _dataSha256;
    private readonly List<PurgeItem> _items = [];
    private readonly List<PurgeItem> _purged = [];
    private readonly List<string> _outOfReach = [];
    private readonly RunHost _host;
    private readonly Dictionary<string, DataSplit> _splits = new(StringComparer.Ordinal); // by the hash of their file
    private DataSource? _source;

    private Purge(string folder, RunHost host)
    {
        _host = host;
        using var run = RunFolder.Open(folder);
        _task = ForgetTask.Of(run, null, null);
        _unlearned = RealPath.Of(_task.Unlearned);
        if (!File.Exists(_unlearned) || _task.ModelSha256.Length == 0)
            throw new UserErrorException(
                $"'{folder}' has no {OutputFolder.ModelName} that its results speak of, so nothing would be left; put the "
                    + $"unlearned model back first."
            );
        _unlearnedSha256 = _task.ModelSha256;
        _request = [.. run.Result.Numbers("samples", "forget", "index").Select(i => (int)i)];
        _dataSha256 = run.Result.Text("dataSha256");
        _data = _task.Data;
    }

    /// <summary>Lists everything; deletes nothing.</summary>
    /// <param name="folder">Folder of the request's run.</param>
    /// <param name="cache">Folder of the reference models.</param>
    /// <param name="host">Whom it tells.</param>
    /// <exception cref="UserErrorException">It is not the folder of a finished request with its model.</exception>
    public static PurgePlan Plan(string folder, string cache, RunHost? host = null)
    {
        using var purge = new Purge(folder, host ?? new RunHost());
        purge.Checkpoints(folder);
        var lineage = Lineage.Read(folder);
        foreach (var step in lineage.Steps.Reverse().Skip(1))
            purge.Ancestor(step);
        purge.References(cache);
        foreach (var cached in purge._task.Cached)
            purge.Add(cached, "samples as latents");
        purge.Neighbours([
            folder,
            .. lineage.Steps.Where(s => s.Path.Length > 0).Select(s => Path.GetDirectoryName(Path.GetFullPath(s.Path))!),
        ]);
        purge._outOfReach.Add("copies, exports and backups elsewhere, and models made from them: Lur keeps no list of these");
        purge._outOfReach.Add($"the data set '{purge._data}', which is not Lur's");
        return new PurgePlan(folder, [.. purge._items.DistinctBy(i => i.Path)], purge._outOfReach, purge._purged);
    }

    /// <summary>Deletes what a plan lists, and puts it on the request's record.</summary>
    /// <exception cref="UserErrorException">Something cannot be deleted; the rest is.</exception>
    public static void Carry(PurgePlan plan, RunHost? host = null)
    {
        host ??= new RunHost();
        using var held = OutputFolder.Hold(plan.Folder, host.Spell);
        var (failed, deleted) = (new List<string>(), new List<PurgeItem>());
        var own = RealPath.Of(plan.Folder);
        foreach (var item in plan.Items)
        {
            var folder = Path.GetDirectoryName(item.Path)!;
            try
            {
                // A run may be going on beside an ancestor.
                if (folder != own && OutputFolder.WorkerIn(folder) is { } worker)
                    throw new IOException($"a run is working there: {worker}");
                if (Directory.Exists(item.Path))
                    Directory.Delete(item.Path, recursive: true);
                else
                    File.Delete(item.Path);
                deleted.Add(item);
                // The run that made it has it on record too: other chains lead through it.
                if (folder != own)
                    Record(folder, host, [item], []);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or UserErrorException)
            {
                failed.Add($"'{item.Path}' ({e.Message.TrimEnd('.')})");
            }
        }

        Record(plan.Folder, host, deleted, [.. failed, .. plan.OutOfReach]);
        if (failed.Count > 0)
            throw new UserErrorException($"Not everything could be deleted: {string.Join(", ", failed)}; delete the rest by hand.");
    }

    private static void Record(string folder, RunHost host, IReadOnlyList<PurgeItem> deleted, IReadOnlyList<string> left) =>
        AuditLog.Append(
            folder,
            host.Time,
            "purged",
            w =>
            {
                OutputFolder.WriteTexts(w, "deleted", deleted.Select(d => d.Path));
                OutputFolder.WriteTexts(w, "left", left);
            }
        );

    /// <inheritdoc/>
    public void Dispose() => _source?.Dispose();

    private void Checkpoints(string folder)
    {
        foreach (var name in new[] { TrainRun.StateName, ForgetCheckpoint.Name })
            Add(Path.Combine(folder, name), "checkpoint");
        if (Directory.Exists(Path.Combine(folder, OutputFolder.StageName)))
            Add(Path.Combine(folder, OutputFolder.StageName), "unfinished results");
    }

    /// <summary>A model on the way from the original to the unlearned one: it knew what this request had forgotten.</summary>
    private void Ancestor(LineageStep step)
    {
        if (!step.IsThere && step.Path.Length == 0)
        {
            _outOfReach.Add($"the model before this request, of which no path is on record: wherever it is now (SHA-256 {step.Sha256})");
            return;
        }

        if (step.IsPurged)
        {
            _purged.Add(new PurgeItem(RealPath.Of(step.Path), WhatIs(step)));
            return;
        }

        if (!step.IsThere)
        {
            _outOfReach.Add($"'{step.Path}', which is not there any more or was replaced: wherever it is now (SHA-256 {step.Sha256})");
            return;
        }

        if (step.Sha256 == _unlearnedSha256)
            return;
        if (!step.IsOurs)
        {
            _outOfReach.Add($"'{step.Path}', the model it began with, which Lur did not make");
            return;
        }

        Checkpoints(Path.GetDirectoryName(Path.GetFullPath(step.Path))!);
        Add(step.Path, WhatIs(step));
        if (step.Command == "import")
            _outOfReach.Add($"the file that '{step.Path}' was imported from");
    }

    private static string WhatIs(LineageStep step) => step.Command == "forget" ? "model before this request" : "original model";

    private void References(string cache)
    {
        if (!Directory.Exists(cache))
            return;
        foreach (var entry in Directory.EnumerateDirectories(cache).Order(StringComparer.Ordinal))
        {
            if (Path.GetFileName(entry) is NumbersCache.FolderName or ImportedModels.FolderName)
                continue;
            var unfinished = !File.Exists(Path.Combine(entry, "key.txt"));
            // Both name the data; where neither is there, nothing can be told, unless there is nothing at all.
            var says = Path.Combine(entry, unfinished ? OutputFolder.SplitName : "key.txt");
            if (
                File.Exists(says)
                    ? !RunFolder.ReadText(says).Contains(_dataSha256, StringComparison.Ordinal)
                    : !Directory.EnumerateFileSystemEntries(entry).Any()
            )
                continue;
            switch (Knows(entry))
            {
                case true:
                    Add(entry, unfinished ? "unfinished reference model" : "reference model that saw the samples");
                    break;
                case null:
                    _outOfReach.Add(
                        $"'{entry}', {(unfinished ? "an unfinished" : "a")} reference model that does not tell what it was trained on: "
                            + "delete it"
                    );
                    break;
            }
        }
    }

    /// <summary>Models in the folders beside: they are somebody's results, so they are named and not deleted.</summary>
    private void Neighbours(IEnumerable<string> folders)
    {
        // The folder of a model that is gone may have gone with all around it.
        var parents = folders.Select(f => Path.GetDirectoryName(RealPath.Of(f))).OfType<string>().Where(Directory.Exists).Distinct();
        foreach (
            var folder in parents.SelectMany(Directory.EnumerateDirectories).Select(RealPath.Of).Distinct().Order(StringComparer.Ordinal)
        )
        {
            foreach (var name in new[] { TrainRun.StateName, ForgetCheckpoint.Name })
                Checkpoint(Path.Combine(folder, name));
            var model = RealPath.Of(Path.Combine(folder, OutputFolder.ModelName));
            if (model == _unlearned || !File.Exists(model) || _items.Any(i => i.Path == model) || HistoryOf(model) is not { } history)
                continue;
            if (history.DataSha256 == _dataSha256 && (history.ForgottenSha256 is null || Knows(folder) is not false))
                _outOfReach.Add(
                    $"'{model}', which was made from the same data and may know the samples: have it forget them too, or delete it"
                );
        }
    }

    /// <summary>A checkpoint of another run, which may go on yet.</summary>
    private void Checkpoint(string path)
    {
        var real = RealPath.Of(path);
        if (!File.Exists(real) || _items.Any(i => i.Path == real))
            return;
        try
        {
            using var file = SafeTensorsFile.Open(real);
            if (TrainingState.ValueOf(file, "data") == _dataSha256)
                _outOfReach.Add(
                    $"'{real}', the checkpoint of another run on the same data, which may know the samples: end the run and have its "
                        + "model forget them too, or delete it"
                );
        }
        catch (UserErrorException)
        {
            _outOfReach.Add($"'{real}', a checkpoint that cannot be read");
        }
    }

    private static ModelHistory? HistoryOf(string model)
    {
        try
        {
            using var file = SafeTensorsFile.Open(model);
            return ModelMetadata.ReadHistory(file);
        }
        catch (UserErrorException)
        {
            return null;
        }
    }

    /// <summary>True if the model of a folder was trained on a sample of the request; null where its files do not tell.</summary>
    private bool? Knows(string folder)
    {
        string split = Path.Combine(folder, OutputFolder.SplitName),
            list = Path.Combine(folder, OutputFolder.ForgetName);
        if (!File.Exists(split))
            return null;
        try
        {
            var options = new DataOptions { ImageSize = _task.ImageSize, Spell = _host.Spell };
            _source ??= DataAndModel.OpenData(_data, _task.Unlearned, options, null, test: false);
            var trained = SplitOf(split, _source.Train).Train;
            if (File.Exists(list))
                trained = ForgetSet.Resolve([list], _source, trained, 1).Retain;
            return trained.Any(i => _request.Contains(_source.Train.Identify(i).Number));
        }
        catch (Exception e) when (e is UserErrorException or IOException or UnauthorizedAccessException)
        {
            _host.Progress.Note($"'{folder}' cannot be judged: {e.Message}");
            return null;
        }
    }

    /// <summary>Reads a split. Models of one recipe have the same, and to check that it is of the data reads all of them.</summary>
    private DataSplit SplitOf(string path, IImageDataset data)
    {
        var sha256 = ReferenceCache.HashOf(path);
        if (!_splits.TryGetValue(sha256, out var split))
            _splits.Add(sha256, split = DataSplit.Load(path, data));
        return split;
    }

    /// <summary>Adds what is there, unless it is the unlearned model, or data.</summary>
    private void Add(string path, string what)
    {
        var real = RealPath.Of(path);
        if (!Path.Exists(real) || RealPath.IsIn(_unlearned, real))
            return;
        if (Path.Exists(_data) && RealPath.IsIn(_data, real))
            _outOfReach.Add($"'{real}', which holds the data set");
        else
            _items.Add(new PurgeItem(real, what));
    }
}
