using System.Diagnostics;
using System.Globalization;
using System.Text;
using Lur.Checkpoints;
using Lur.Data;
using Lur.Device;
using Lur.Metrics;
using Lur.Models;
using Lur.Reports;
using Lur.Runs;
using Lur.Unlearning;
using Lur.Verification;

namespace Lur.Cli.Runs;

/// <summary>Everything that decides a forgetting run.</summary>
internal sealed record ForgetSettings
{
    public required string Model { get; init; }

    public required string Data { get; init; }

    public required string Output { get; init; }

    public required IReadOnlyList<string> Forget { get; init; }

    public string? Split { get; init; }

    public required MethodDefinition Method { get; init; }

    /// <summary>Options of the method by name; defaults for the rest.</summary>
    public IReadOnlyDictionary<string, string> Options { get; init; } = new Dictionary<string, string>();

    public ulong Seed { get; init; } = 1;

    public DataOptions DataOptions { get; init; } = new();

    public bool PlanOnly { get; init; }

    /// <summary>Cache of reference models that a run of the method retrain is taken from and put into; null always trains.</summary>
    public string? References { get; init; }

    /// <summary>Assessments of original models, by hash of model and of forget set, for runs that share them; null always assesses.</summary>
    public Dictionary<string, Assessment>? Originals { get; init; }
}

/// <summary>Makes a model forget and leaves model.safetensors, forget.txt, config.json, log.csv, result.json and report.html.</summary>
internal sealed class ForgetRun
{
    /// <summary>First line of log.csv.</summary>
    internal const string LogHeader =
        "step,epoch,retain_loss,forget_loss,forget_accuracy,retain_gradient,forget_gradient,cosine,second_order_share,parameter_norm,look_ahead_norm,skipped,forget_loss_at_theta\n";
    private const int MaxSkipped = 10;
    private readonly StringBuilder _log = new(LogHeader);
    private readonly List<(string Stage, double Seconds)> _stages = [];
    private readonly List<(string Stage, PreparationReport Report)> _preparations = [];
    private readonly CommandContext _context;
    private ProgressReporter? _progress;
    private string _progressStage = "";
    private readonly ForgetSettings _settings;
    private readonly OptionValues _values;
    private readonly Func<UnlearningTask, UnlearningMethod> _create;

    /// <summary>Checks the options; nothing is opened yet.</summary>
    /// <exception cref="UsageException">An option makes no sense.</exception>
    public ForgetRun(CommandContext context, ForgetSettings settings)
    {
        (_context, _settings) = (context, settings);
        try
        {
            _values = settings.Method.Read(settings.Options);
            _create = settings.Method.Bind(_values);
        }
        catch (UserErrorException e)
        {
            throw new UsageException(e.Message);
        }
    }

    /// <summary>Path of the model the run writes.</summary>
    public string ModelPath => Path.Combine(_settings.Output, "model.safetensors");

    /// <summary>Program that made the numbers: this one, or the one that trained a reference model which was found.</summary>
    public string Producer { get; private set; } = CommandLine.ThisVersion;

    /// <summary>Runs to the end; a cancelled run leaves nothing but the log.</summary>
    /// <returns>An exit code.</returns>
    public int Run(CancellationToken cancel)
    {
        using var device = ComputeDevice.Open(_context.DeviceOrdinal);
        using var source = DataSource.Open(_settings.Data, _settings.DataOptions);
        using var model = DataAndModel.Load(_settings.Model, device, source);
        var split = LoadSplit(source);
        var set = ForgetSet.Resolve(_settings.Forget, source.Train, split.Train, _settings.Seed);
        using var method = _create(new UnlearningTask(model, source.Train, set, _settings.Seed, cancel) { Progress = ReportPreparation });
        if (_settings.PlanOnly)
        {
            return method.Program is { } program
                ? PlanPrinter.Print(_context, program, model, 2 + (int)(method.VectorBytes / model.Parameters.Bytes), method.PlanRows)
                : throw new UserErrorException($"The method {_settings.Method.Name} has no step to plan; leave out --plan.");
        }

        OutputFolder.Prepare(_settings.Output);
        set.Save(Path.Combine(_settings.Output, "forget.txt"));
        OutputFolder.WriteJson(
            Path.Combine(_settings.Output, "config.json"),
            w => ForgetFiles.WriteConfig(w, _settings, _values, source, device, model)
        );
        _context.Note(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{_settings.Method.Title}: {model.Architecture}, {model.Parameters.Count:N0} parameters, on "
                    + $"{device.Properties.Name}: forget {set.Forget.Length:N0} of {set.Forget.Length + set.Retain.Length:N0} images "
                    + $"of {source.Train.Name}"
            )
        );

        foreach (var note in method.Notes)
            _context.Note(note);
        var assessor = new Assessor(_context, source, set);
        var parent = ParentSha256();
        var before = AssessOriginal(parent + set.Sha256(), () => assessor.Assess(model, "original", cancel));
        device.ResetPeak();
        if (!FoundReference(method, source, split, set, cancel))
            Unlearn(method, cancel);
        var peak = device.PeakBytes;
        var after = Timed("evaluate unlearned", () => assessor.Assess(model, "unlearned", cancel));

        ModelFile.Save(model, ModelPath, Metadata(set));
        var outcome = new ForgetOutcome(
            _settings.Method.Name,
            parent,
            source,
            split,
            set,
            method,
            peak,
            _stages,
            _preparations,
            before,
            after
        );
        OutputFolder.WriteJson(Path.Combine(_settings.Output, "result.json"), w => ForgetFiles.WriteResult(w, outcome));
        ForgetReport.Print(_context, source.Train.ClassNames, before, after, set, _stages);
        Warn(before.Metrics, after.Metrics);
        foreach (var (_, _, sentence) in method.Measurements)
            _context.Note(sentence);
        var page = RunPage.TryWrite(_context, _settings.Output) ? $", {ForgetPage.FileName}" : "";
        _context.Note($"wrote {ModelPath}, result.json, log.csv, config.json, forget.txt{page}");
        return ExitCode.Done;
    }

    private Assessment AssessOriginal(string key, Func<Assessment> assess)
    {
        if (_settings.Originals?.GetValueOrDefault(key) is { } known)
            return known;
        var assessment = Timed("evaluate original", assess);
        _settings.Originals?.Add(key, assessment);
        return assessment;
    }

    private void Unlearn(UnlearningMethod method, CancellationToken cancel)
    {
        foreach (var preparation in method.Preparations)
        {
            cancel.ThrowIfCancellationRequested();
            var report = Timed(preparation.Name, () => Prepare(preparation));
            _preparations.Add((preparation.Name, report));
            if (report.Note is not null)
                _context.Note(report.Note);
        }

        Timed(RunFolder.RepairStage, () => Repair(method, cancel));
        method.Finish();
    }

    /// <summary>A run of the method retrain as an entry of the reference cache: found there, or made and put there.</summary>
    /// <returns>False if this run has nothing to do with the cache.</returns>
    private bool FoundReference(UnlearningMethod method, DataSource source, DataSplit split, ForgetSet set, CancellationToken cancel)
    {
        if (
            _settings.References is not { } folder
            || _settings.Method != RetrainMethod.Definition
            || RetrainMethod.TrainingOf(_values, _settings.Seed) is not { } training
        )
            return false;
        var model = method.Model;
        if (training.Augment == Augmentation.Auto)
            training = training with { Augment = model.Augmentation };
        var stored = new ReferenceModels(_context, folder).Get(
            training,
            source,
            split,
            set,
            model.Architecture,
            entry =>
            {
                Unlearn(method, cancel);
                ModelFile.Save(model, Path.Combine(entry, "model.safetensors"), Metadata(set));
                File.Copy(Path.Combine(_settings.Output, "log.csv"), Path.Combine(entry, ReferenceModels.StepsName), overwrite: true);
                OutputFolder.WriteJson(
                    Path.Combine(entry, "result.json"),
                    w => w.WriteNumber("seconds", _stages.Where(s => RunFolder.IsCounted(s.Stage)).Sum(s => s.Seconds))
                );
            }
        );
        if (method.Step > 0 || method.Steps == 0)
            return true;
        using var found = DataAndModel.Load(stored, model.Device, source, model.Precision);
        model.Parameters.CopyFrom(found.Parameters);
        model.Buffers.CopyFrom(found.Buffers);
        Producer = ReferenceCache.ProducerOf(stored);
        // What it took when it was trained: the cost of the method, not of this run.
        _stages.Add((RunFolder.RepairStage, ReferenceModels.SecondsOf(stored)));
        var steps = Path.Combine(Path.GetDirectoryName(stored)!, ReferenceModels.StepsName);
        AtomicFile.WriteText(Path.Combine(_settings.Output, "log.csv"), File.Exists(steps) ? File.ReadAllText(steps) : LogHeader);
        return true;
    }

    private PreparationReport Prepare(Preparation preparation)
    {
        try
        {
            return preparation.Run();
        }
        finally
        {
            _progress?.Dispose();
            (_progress, _progressStage) = (null, "");
        }
    }

    private void ReportPreparation(PreparationProgress p)
    {
        if (p.Stage != _progressStage)
        {
            _progress?.Dispose();
            (_progress, _progressStage) = (new ProgressReporter(_context, p.Stage, p.Total, p.Unit), p.Stage);
        }

        _progress!.Report(p.Done);
    }

    private T Timed<T>(string stage, Func<T> body)
    {
        var start = Stopwatch.GetTimestamp();
        var result = body();
        _stages.Add((stage, Stopwatch.GetElapsedTime(start).TotalSeconds));
        return result;
    }

    private DataSplit LoadSplit(DataSource source)
    {
        // The split the model was trained with lies beside it; forgetting samples that were never trained on proves nothing.
        if (DataAndModel.SplitPath(_settings.Model, _settings.Split) is { } path)
            return DataSplit.Load(path, source.Train);
        _context.Note("no split.json beside the model: every training image counts as trained on (give --split otherwise)");
        return DataSplit.Create(source.Train, 0, _settings.Seed);
    }

    private int Repair(UnlearningMethod method, CancellationToken cancel)
    {
        var skipped = 0;
        var warned = false;
        var logPath = Path.Combine(_settings.Output, "log.csv");
        using var progress = method.Steps == 0 ? null : new ProgressReporter(_context, RunFolder.RepairStage, method.Steps, "steps");
        try
        {
            while (method.Step < method.Steps)
            {
                cancel.ThrowIfCancellationRequested();
                var t = method.RunStep();
                AppendLog(method, t);
                progress?.Report(method.Step, ("retain", t.RetainLoss), ("forget", t.ForgetLoss), ("cos", t.Cosine));
                skipped = t.Skipped ? skipped + 1 : 0;
                if (skipped == MaxSkipped)
                {
                    throw new UserErrorException(
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"The loss or a gradient was not finite for {MaxSkipped} steps in a row (step {method.Step}): "
                                + $"unlearning diverged; lower --lr{Alternatives("lambda", "forget-loss")}."
                        )
                    );
                }

                if (!warned && t.LookAheadNorm > 0.01 * t.ParameterNorm)
                {
                    warned = true;
                    _context.Warn(
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"the look-ahead step |alpha g| = {t.LookAheadNorm:G3} exceeds 1 % of |theta| = "
                                + $"{t.ParameterNorm:G3} at step {method.Step}; consider a smaller --alpha or --look-ahead-cap 0.01."
                        )
                    );
                }
            }
        }
        finally
        {
            AtomicFile.WriteText(logPath, _log.ToString());
        }

        return 0;
    }

    private void AppendLog(UnlearningMethod method, StepTelemetry t)
    {
        static string N(double v) => double.IsNaN(v) ? "" : v.ToString("R", CultureInfo.InvariantCulture);
        var epoch = method.EpochOf(method.Step - 1) + 1;
        _log.Append(
                string.Join(
                    ',',
                    method.Step.ToString(CultureInfo.InvariantCulture),
                    epoch.ToString(CultureInfo.InvariantCulture),
                    N(t.RetainLoss),
                    N(t.ForgetLoss),
                    N(t.ForgetAccuracy),
                    N(t.RetainGradientNorm),
                    N(t.ForgetGradientNorm),
                    N(t.Cosine),
                    N(t.SecondOrderShare),
                    N(t.ParameterNorm),
                    N(t.LookAheadNorm),
                    t.Skipped ? "1" : "0",
                    N(t.ForgetLossAtTheta)
                )
            )
            .Append('\n');
    }

    private void Warn(ForgettingMetrics before, ForgettingMetrics after)
    {
        var moved = after.UnlearningAccuracy - before.UnlearningAccuracy;
        if (Math.Abs(moved) < 0.5 && before.UnlearningAccuracy < 99)
        {
            _context.Warn(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"forgetting did not move: UA went from {before.UnlearningAccuracy:F2} % to {after.UnlearningAccuracy:F2} "
                        + $"%; {Remedy($"raise {(Has("lambda") ? "--lambda, " : "")}--lr or --epochs")}."
                )
            );
        }

        if (after.RetainAccuracy < before.RetainAccuracy - 10)
        {
            _context.Warn(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"retain accuracy collapsed from {before.RetainAccuracy:F2} % to {after.RetainAccuracy:F2} %; "
                        + $"{Remedy($"lower --lr{Alternatives("lambda", "forget-loss")}, or give more --epochs")}."
                )
            );
        }
    }

    /// <summary>A remedy of training; methods of one shot have a strength instead.</summary>
    private string Remedy(string training) => Has("lr") ? training : "try another --alpha";

    private bool Has(string option) => _settings.Method.Options.Any(o => o.Name == option);

    /// <summary>Remedies beside the learning rate that the method offers; a loss that is bounded already is none.</summary>
    private string Alternatives(string weight, string loss) =>
        (Has(weight) ? $" or --{weight}" : "")
        + (_values.All.Any(v => v.Option.Name == loss && v.Text == v.Option.Default) ? $", use --{loss} bounded" : "");

    private string ParentSha256()
    {
        using var parent = SafeTensorsFile.Open(_settings.Model);
        return parent.Sha256();
    }

    private Dictionary<string, string> Metadata(ForgetSet set) =>
        new(StringComparer.Ordinal)
        {
            ["lur.method"] = _settings.Method.Name,
            ["lur.seed"] = _settings.Seed.ToString(CultureInfo.InvariantCulture),
            ["lur.parent-sha256"] = ParentSha256(),
            ["lur.forget-sha256"] = set.Sha256(),
            ["lur.version"] = OutputFolder.Version,
        };
}
