using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Lur.Tasks.Diffusion;
using Lur.Unlearning;

namespace Lur.Runs;

/// <summary>Makes a model forget and leaves model.safetensors, forget.txt, config.json, log.csv and result.json.</summary>
/// <param name="settings">What decides the run.</param>
/// <param name="host">Where it computes and whom it tells; null for the first device and nobody.</param>
public sealed partial class ForgetRun(ForgetSettings settings, RunHost? host = null)
{
    private const int MaxSkipped = 10;
    private readonly RunHost _host = host ?? new RunHost();
    private readonly ForgetHistory _history = new() { Audit = new AuditLog((host ?? new RunHost()).Time) };
    private readonly PreparationStages _preparations = new(host?.Progress);
    private ForgetCheckpoint? _checkpoint;
    private Stopwatch? _repairing;
    private int _skipped; // steps in a row
    private bool _warned;

    /// <summary>Path of the model the run writes.</summary>
    public string ModelPath => Path.Combine(settings.Output, OutputFolder.ModelName);

    private string StatePath => Path.Combine(settings.Output, ForgetCheckpoint.Name);

    private ForgetAdvice Advice => new(settings.Method, _host.Spell);

    private FolderUse Use =>
        new(
            ForgetCheckpoint.Name,
            settings.Overwrite,
            settings.Resume,
            [
                ("the model to start from", settings.Model),
                ("the data set", LatentSettings.PlaceOf(settings.Data)),
                .. settings.Forget.Concat(settings.Forgotten).Select(f => ("a list of samples", f)),
                ("the split of the model", DataAndModel.SplitPath(settings.Model, settings.Split) ?? ""),
            ]
        );

    /// <summary>True if a folder holds the checkpoint of a forgetting run.</summary>
    public static bool CanResume(string folder) => File.Exists(Path.Combine(folder, ForgetCheckpoint.Name));

    /// <summary>Refuses an output folder that the run may not use (<see cref="UserErrorException"/>).</summary>
    public void RequireFolder() => OutputFolder.Check(settings.Output, Use, _host.Spell);

    /// <summary>Runs to the end, or to a checkpoint when cancelled between the preparations and the end. What an earlier run left in
    /// the folder stays whole until this one has its results.</summary>
    /// <param name="cancel">Stops after the current step.</param>
    /// <exception cref="UserErrorException">The settings, the data or the folder cannot be used, a file cannot be written, or
    /// unlearning diverged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; with <see cref="ForgetSettings.Resume"/> it goes on.</exception>
    public ForgetResult Run(CancellationToken cancel = default)
    {
        RequireFolder();
        using var parts = ForgetParts.Open(settings, _host, _preparations.Report, cancel);
        RequireMemory(parts);
        DataAndModel.RequireOutside(settings.Output, settings.Data, parts.Source, _host.Spell);
        using var output = OutputFolder.Open(settings.Output, Use, _host.Spell);
        var (method, parent) = (parts.Method, RunFolder.Sha256Of(settings.Model));
        _checkpoint = new ForgetCheckpoint(StatePath, ForgetCheckpoint.IdentityOf(settings, parts, parent), settings.Precision);
        Ask(parts, parent);
        if (output.IsFree)
            Describe(parts, output.At);
        Introduce(parts);
        _host.Progress.Plan([.. StageWork.Forget(settings.Method, parts)]);
        var before = AssessOriginal(parent + parts.Set.Sha256(), () => Assess(parts, "original", cancel));
        parts.Device.ResetPeak();
        if (settings.Resume)
            Resume(method);
        var reference = new ForgetReference(settings, _host, parts, _history);
        if (!reference.TryFindOrMake(() => Unlearn(method, output, cancel), () => ForgetFiles.Metadata(settings, parts.Set, parent)))
            Unlearn(method, output, cancel);
        var peak = parts.Device.PeakBytes;
        var after = OrSave(method, () => Timed("evaluate unlearned", () => Assess(parts, "unlearned", cancel)));
        ForgetFiles.SaveModel(settings, parts, output, parent);
        var result = new ForgetResult(
            settings.Output,
            ModelPath,
            settings.Method.Definition,
            parent,
            parts.Split.Fingerprint,
            parts.Source.Train.ClassNames,
            parts.Set,
            before.Then(after)
        )
        {
            Parent = settings.Model,
            Data = settings.Data,
            Copies = parts.Copies,
            ModelSha256 = RunFolder.Sha256Of(output.Staged(OutputFolder.ModelName)),
            Steps = method.Steps,
            Precision = settings.Precision,
            DeviceBytes = peak,
            HostPeakBytes = Process.GetCurrentProcess().PeakWorkingSet64,
            Stages = _history.Stages,
            Preparations = _history.Preparations,
            Measurements = method.Measurements,
            Warnings = [.. before.Then(after).Warnings(Advice)],
            Producer = reference.Producer ?? _host.Producer,
        };
        Publish(output, parts, result);
        _host.Progress?.Report(new ForgettingFinished(result));
        return result;
    }

    /// <summary>Puts everything the run leaves in place.</summary>
    private void Publish(OutputFolder output, ForgetParts parts, ForgetResult result)
    {
        ForgetFiles.Record(_history.Audit, result);
        Describe(parts, output.Staged);
        _history.Log.Save(output.Staged("log.csv"));
        var list = output.Staged(OutputFolder.ForgetName);
        OutputFolder.WriteJson(
            output.Staged(OutputFolder.ResultName),
            w => ForgetFiles.WriteResult(w, result, parts.Source, AuditLog.Stamp(_host.Time), _history.Audit.Last, list)
        );
        output.Publish();
        File.Delete(StatePath);
    }

    /// <summary>Writes what the run is about.</summary>
    private void Describe(ForgetParts parts, Func<string, string> at)
    {
        parts.Split.Save(at(OutputFolder.SplitName));
        parts.Set.Save(at(OutputFolder.ForgetName));
        OutputFolder.WriteJson(at("config.json"), w => WriteConfig(w, parts));
        AtomicFile.WriteText(at(AuditLog.FileName), _history.Audit.Text);
    }

    private void WriteConfig(Utf8JsonWriter w, ForgetParts parts) =>
        ForgetFiles.WriteConfig(w, settings, settings.Method, parts.Source, parts.Device, parts.Model, parts.Data.CacheEntries);

    /// <summary>Puts on record what was asked for, and what it came to.</summary>
    private void Ask(ForgetParts parts, string parent)
    {
        _history.Audit.Add("asked", w => WriteConfig(w, parts));
        _history.Audit.Add(
            "resolved",
            w =>
            {
                w.WriteNumber("forgetImages", parts.Set.Forget.Length);
                w.WriteNumber("retainImages", parts.Set.Retain.Length);
                w.WriteNumber("earlierImages", parts.Set.Earlier.Length);
                w.WriteString("forgetSha256", parts.Set.Sha256());
                w.WriteString("dataSha256", parts.Split.Fingerprint);
                w.WriteString("parentSha256", parent);
            }
        );
    }

    private void Resume(UnlearningMethod method)
    {
        _checkpoint!.Restore(method, _history, _host.Time);
        _history.Audit.Add("resumed", w => w.WriteNumber("step", method.Step));
        _host.Progress.Note($"resumed at step {method.Step} of {method.Steps}");
    }

    /// <summary>A run that is cancelled after its preparations leaves a checkpoint.</summary>
    private T OrSave<T>(UnlearningMethod method, Func<T> body)
    {
        try
        {
            return body();
        }
        catch (OperationCanceledException)
        {
            SaveState(method);
            _host.Progress?.Report(new RunInterrupted(method.Step, method.Steps, settings.Resume));
            throw;
        }
    }

    private void SaveState(UnlearningMethod method)
    {
        Drain(method);
        _checkpoint!.Save(method, _history, _history.EarlierSeconds + (_repairing?.Elapsed.TotalSeconds ?? 0));
    }

    private void Introduce(ForgetParts parts)
    {
        var (model, set) = (parts.Model, parts.Set);
        _host.Progress.Note(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{settings.Method.Definition.Title}: {model.Architecture}, {model.Network.WeightCount:N0} parameters, on "
                    + $"{parts.Device.Properties.Name}: forget {set.Forget.Length:N0} of {parts.Split.Train.Length:N0} images "
                    + $"of {parts.Source.Train.Name}"
            )
        );
        if (set.Earlier.Length > 0)
            _host.Progress.Note(
                $"earlier requests{(settings.LeaveOut.Count > 0 ? " and what is left out" : "")}: {set.Earlier.Length:N0} samples, "
                    + "which are neither forgotten nor retained"
            );
        foreach (var note in parts.Method.Notes)
            _host.Progress.Note(note);
    }

    private ModelMeasure Assess(ForgetParts parts, string name, CancellationToken cancel) =>
        parts.Method.Task.Learning is DiffusionTask
            ? new DenoisingAssessor(_host.Progress, parts.Source, parts.Set).Assess(parts.Model, name, cancel)
            : new Assessor(_host.Progress, parts.Source, parts.Set).Assess(parts.Model, name, cancel);

    private ModelMeasure AssessOriginal(string key, Func<ModelMeasure> assess)
    {
        if (settings.Originals?.GetValueOrDefault(key) is { } known)
            return known;
        var assessment = Timed("evaluate original", assess);
        settings.Originals?.Add(key, assessment);
        return assessment;
    }

    private void Unlearn(UnlearningMethod method, OutputFolder output, CancellationToken cancel)
    {
        foreach (var preparation in settings.Resume ? [] : method.Preparations)
        {
            cancel.ThrowIfCancellationRequested();
            var report = Timed(preparation.Name, () => _preparations.Run(preparation));
            _history.Preparations.Add((preparation.Name, report));
            if (report.Note is not null)
                _host.Progress.Note(report.Note);
        }

        _repairing = Stopwatch.StartNew();
        _ = OrSave(method, () => Repair(method, output, cancel));
        _repairing.Stop();
        _history.Stages.Add((RunFolder.RepairStage, _history.EarlierSeconds + _repairing.Elapsed.TotalSeconds));
        method.Finish();
    }

    private T Timed<T>(string stage, Func<T> body)
    {
        var start = Stopwatch.GetTimestamp();
        var result = body();
        _history.Stages.Add((stage, Stopwatch.GetElapsedTime(start).TotalSeconds));
        return result;
    }

    private int Repair(UnlearningMethod method, OutputFolder output, CancellationToken cancel)
    {
        using var stage = method.Steps == 0 ? null : _host.Progress.Stage(RunFolder.RepairStage, method.Steps, "steps", method.Step);
        try
        {
            while (method.Step < method.Steps && !cancel.IsCancellationRequested)
            {
                method.Enqueue();
                var asked = _host.Checkpoint?.Invoke();
                var due = asked is not null || (settings.CheckpointEvery > 0 && method.Step % settings.CheckpointEvery == 0);
                // The device makes the next step while the host reads of the one before.
                Drain(method, stage, left: due ? 0 : 1);
                if (due)
                    SaveState(method);
                asked?.Invoke(StatePath);
            }
            // The log of an interrupted run has every step that the weights have.
            Drain(method, stage);
            cancel.ThrowIfCancellationRequested();
        }
        finally
        {
            if (output.IsFree)
                _history.Log.Save(output.At("log.csv"));
        }
        return 0;
    }

    private void Drain(UnlearningMethod method, Stage? stage = null, int left = 0)
    {
        while (method.Pending > left)
            Take(method, stage);
    }

    private void Take(UnlearningMethod method, Stage? stage)
    {
        var (index, t) = method.Read();
        _history.Log.Add(method, index, t);
        stage?.Report(index + 1, ("retain", t.RetainLoss), ("forget", t.ForgetLoss), ("cos", t.Cosine));
        _skipped = t.Skipped ? _skipped + 1 : 0;
        if (_skipped == MaxSkipped)
            throw Advice.Diverged(_skipped, index + 1);
        if (_warned || !(t.LookAheadNorm > 0.01 * t.ParameterNorm))
            return;
        _warned = true;
        _host.Progress.Warn(Advice.LongLookAhead(t, index + 1));
    }
}
