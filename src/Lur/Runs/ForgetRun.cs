using System.Diagnostics;
using System.Globalization;
using Lur.Checkpoints;
using Lur.Data;
using Lur.Models;
using Lur.Unlearning;
using Lur.Verification;

namespace Lur.Runs;

/// <summary>Makes a model forget and leaves model.safetensors, forget.txt, config.json, log.csv and result.json.</summary>
/// <param name="settings">What decides the run.</param>
/// <param name="host">Where it computes and whom it tells; null for the first device and nobody.</param>
public sealed class ForgetRun(ForgetSettings settings, RunHost? host = null)
{
    private const int MaxSkipped = 10;
    private readonly RunHost _host = host ?? new RunHost();
    private readonly ForgetLog _log = new();
    private readonly List<(string Stage, double Seconds)> _stages = [];
    private readonly List<(string Stage, PreparationReport Report)> _preparations = [];
    private string _producer = (host ?? new RunHost()).Producer;
    private Stage? _preparation;
    private string _preparationName = "";

    /// <summary>Path of the model the run writes.</summary>
    public string ModelPath => Path.Combine(settings.Output, "model.safetensors");

    private string LogPath => Path.Combine(settings.Output, "log.csv");

    private ForgetAdvice Advice => new(settings.Method, _host.Spell);

    /// <summary>What a step takes on the device; nothing is written.</summary>
    /// <exception cref="UserErrorException">The settings or the data cannot be used, or the method has no step.</exception>
    public StepMemory Plan()
    {
        using var parts = ForgetParts.Open(settings, _host, ReportPreparation, CancellationToken.None);
        var (method, model) = (parts.Method, parts.Model);
        return method.Program is { } program
            ? StepMemory.Of(program, model, 2 + (int)(method.VectorBytes / model.Parameters.Bytes), method.PlanRows)
            : throw new UserErrorException(
                $"The method {settings.Method.Definition.Name} has no step to plan; leave out {_host.Spell("plan")}."
            );
    }

    /// <summary>Runs to the end; a cancelled run leaves nothing but the log, and not even that where an earlier run has left its
    /// results, which stay as they are.</summary>
    /// <param name="cancel">Stops after the current step.</param>
    /// <exception cref="UserErrorException">The settings or the data cannot be used, a file cannot be written, or unlearning
    /// diverged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public ForgetResult Run(CancellationToken cancel = default)
    {
        RequireAnotherFolder();
        using var parts = ForgetParts.Open(settings, _host, ReportPreparation, cancel);
        var (source, model, set, method) = (parts.Source, parts.Model, parts.Set, parts.Method);
        using var output = OutputFolder.Open(settings.Output);
        if (output.IsFree)
            Describe(parts);
        Introduce(parts);
        _host.Progress.Plan([.. Stages(parts)]);
        var assessor = new Assessor(_host.Progress, source, set);
        var parent = ParentSha256();
        var before = AssessOriginal(parent + set.Sha256(), () => assessor.Assess(model, "original", cancel));
        parts.Device.ResetPeak();
        if (!FoundReference(parts, output, cancel))
            Unlearn(method, output, cancel);
        var peak = parts.Device.PeakBytes;
        var after = Timed("evaluate unlearned", () => assessor.Assess(model, "unlearned", cancel));
        output.ReplaceResults();
        Describe(parts);
        _log.Save(LogPath);
        ModelFile.Save(model, ModelPath, Metadata(set, parent));
        var definition = settings.Method.Definition;
        var data = parts.Split.Fingerprint;
        var result = new ForgetResult(settings.Output, ModelPath, definition, parent, data, source.Train.ClassNames, set, before, after)
        {
            Steps = method.Steps,
            DeviceBytes = peak,
            HostPeakBytes = Process.GetCurrentProcess().PeakWorkingSet64,
            Stages = _stages,
            Preparations = _preparations,
            Measurements = method.Measurements,
            Warnings = [.. Advice.On(before.Metrics, after.Metrics)],
            Producer = _producer,
        };
        OutputFolder.WriteJson(Path.Combine(settings.Output, "result.json"), w => ForgetFiles.WriteResult(w, result));
        _host.Progress?.Report(new ForgettingFinished(result));
        return result;
    }

    /// <summary>Refuses to put the unlearned model in the place of the one it starts from: nothing could be compared with it any
    /// more.</summary>
    private void RequireAnotherFolder()
    {
        if (Path.GetFullPath(settings.Model) == Path.GetFullPath(ModelPath))
            throw new UserErrorException(
                $"'{settings.Model}' is the model to start from and would be replaced; choose another {_host.Spell("output")} folder."
            );
    }

    /// <summary>Writes what the run is about.</summary>
    private void Describe(ForgetParts parts)
    {
        parts.Set.Save(Path.Combine(settings.Output, "forget.txt"));
        OutputFolder.WriteJson(
            Path.Combine(settings.Output, "config.json"),
            w => ForgetFiles.WriteConfig(w, settings, settings.Method, parts.Source, parts.Device, parts.Model)
        );
    }

    private IEnumerable<PlannedStage> Stages(ForgetParts parts)
    {
        var (method, set) = (parts.Method, parts.Set);
        var evaluate = StageWork.Evaluate(set, parts.Source);
        var batch = settings.Method.Options.Texts().FirstOrDefault(o => o.Option.Name == "batch").Text;
        yield return new PlannedStage("evaluate original", evaluate);
        foreach (var preparation in method.Preparations)
            yield return new PlannedStage(preparation.Name, set.Forget.Length);
        if (method.Steps > 0)
            yield return new PlannedStage(RunFolder.RepairStage, StageWork.Unlearn(method.Steps, batch));
        yield return new PlannedStage("evaluate unlearned", evaluate);
    }

    private void Introduce(ForgetParts parts)
    {
        var (model, set) = (parts.Model, parts.Set);
        _host.Progress.Note(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{settings.Method.Definition.Title}: {model.Architecture}, {model.Parameters.Count:N0} parameters, on "
                    + $"{parts.Device.Properties.Name}: forget {set.Forget.Length:N0} of {set.Forget.Length + set.Retain.Length:N0} images "
                    + $"of {parts.Source.Train.Name}"
            )
        );
        foreach (var note in parts.Method.Notes)
            _host.Progress.Note(note);
    }

    private Assessment AssessOriginal(string key, Func<Assessment> assess)
    {
        if (settings.Originals?.GetValueOrDefault(key) is { } known)
            return known;
        var assessment = Timed("evaluate original", assess);
        settings.Originals?.Add(key, assessment);
        return assessment;
    }

    private void Unlearn(UnlearningMethod method, OutputFolder output, CancellationToken cancel)
    {
        foreach (var preparation in method.Preparations)
        {
            cancel.ThrowIfCancellationRequested();
            var report = Timed(preparation.Name, () => Prepare(preparation));
            _preparations.Add((preparation.Name, report));
            if (report.Note is not null)
                _host.Progress.Note(report.Note);
        }

        Timed(RunFolder.RepairStage, () => Repair(method, output.IsFree, cancel));
        method.Finish();
    }

    /// <summary>A run of the method retrain as an entry of the reference cache: found there, or made and put there.</summary>
    /// <returns>False if this run has nothing to do with the cache.</returns>
    private bool FoundReference(ForgetParts parts, OutputFolder output, CancellationToken cancel)
    {
        if (
            settings.References is not { } folder
            || settings.Method.Options is not RetrainOptions options
            || Retrain.TrainingOf(options, settings.Seed) is not { } training
        )
            return false;
        var (model, method, set) = (parts.Model, parts.Method, parts.Set);
        if (training.Augment == Augmentation.Auto)
            training = training with { Augment = model.Augmentation };
        var stored = new ReferenceModels(_host, folder).Get(
            training,
            parts.Source,
            parts.Split,
            set,
            model.Architecture,
            entry =>
            {
                Unlearn(method, output, cancel);
                ModelFile.Save(model, Path.Combine(entry, "model.safetensors"), Metadata(set, ParentSha256()));
                _log.Save(Path.Combine(entry, ReferenceModels.StepsName));
                OutputFolder.WriteJson(
                    Path.Combine(entry, "result.json"),
                    w => w.WriteNumber("seconds", _stages.Where(s => RunFolder.IsCounted(s.Stage)).Sum(s => s.Seconds))
                );
            }
        );
        if (method.Step == 0 && method.Steps > 0)
            Take(stored, parts);
        return true;
    }

    /// <summary>Takes the weights of a reference that was found, and what is known of its training.</summary>
    private void Take(string stored, ForgetParts parts)
    {
        var model = parts.Model;
        using var found = DataAndModel.Load(stored, parts.Device, parts.Source, model.Precision);
        model.Parameters.CopyFrom(found.Parameters);
        model.Buffers.CopyFrom(found.Buffers);
        _producer = ReferenceCache.ProducerOf(stored);
        // What it took when it was trained: the cost of the method, not of this run.
        _stages.Add((RunFolder.RepairStage, ReferenceModels.SecondsOf(stored)));
        _log.Take(Path.Combine(Path.GetDirectoryName(stored)!, ReferenceModels.StepsName));
    }

    private PreparationReport Prepare(Preparation preparation)
    {
        try
        {
            return preparation.Run();
        }
        finally
        {
            _preparation?.Dispose();
            (_preparation, _preparationName) = (null, "");
        }
    }

    private void ReportPreparation(PreparationProgress p)
    {
        if (p.Stage != _preparationName)
        {
            _preparation?.Dispose();
            (_preparation, _preparationName) = (_host.Progress.Stage(p.Stage, p.Total, p.Unit), p.Stage);
        }

        _preparation!.Report(p.Done);
    }

    private T Timed<T>(string stage, Func<T> body)
    {
        var start = Stopwatch.GetTimestamp();
        var result = body();
        _stages.Add((stage, Stopwatch.GetElapsedTime(start).TotalSeconds));
        return result;
    }

    private int Repair(UnlearningMethod method, bool keepLog, CancellationToken cancel)
    {
        var skipped = 0;
        var warned = false;
        using var stage = method.Steps == 0 ? null : _host.Progress.Stage(RunFolder.RepairStage, method.Steps, "steps");
        try
        {
            while (method.Step < method.Steps)
            {
                cancel.ThrowIfCancellationRequested();
                var t = method.RunStep();
                _log.Add(method, t);
                stage?.Report(method.Step, ("retain", t.RetainLoss), ("forget", t.ForgetLoss), ("cos", t.Cosine));
                skipped = t.Skipped ? skipped + 1 : 0;
                if (skipped == MaxSkipped)
                    throw Advice.Diverged(skipped, method.Step);
                if (!warned && t.LookAheadNorm > 0.01 * t.ParameterNorm)
                {
                    warned = true;
                    _host.Progress.Warn(Advice.LongLookAhead(t, method.Step));
                }
            }
        }
        finally
        {
            if (keepLog)
                _log.Save(LogPath);
        }

        return 0;
    }

    private string ParentSha256()
    {
        using var parent = SafeTensorsFile.Open(settings.Model);
        return parent.Sha256();
    }

    private Dictionary<string, string> Metadata(ForgetSet set, string parent) =>
        new(StringComparer.Ordinal)
        {
            ["lur.method"] = settings.Method.Definition.Name,
            ["lur.seed"] = settings.Seed.ToString(CultureInfo.InvariantCulture),
            ["lur.parent-sha256"] = parent,
            ["lur.forget-sha256"] = set.Sha256(),
            ["lur.version"] = OutputFolder.Version,
        };
}
