using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Lur.Checkpoints;
using Lur.Data;
using Lur.Device;
using Lur.Training;

namespace Lur.Runs;

/// <summary>What a training run came to.</summary>
/// <param name="Folder">Its folder.</param>
/// <param name="ModelPath">The model.</param>
/// <param name="Test">What it does on the test images.</param>
/// <param name="HasForgetFile">True where samples were left out, which forget.txt lists.</param>
public sealed record TrainResult(string Folder, string ModelPath, TrainTest Test, bool HasForgetFile);

/// <summary>Trains a model and leaves model.safetensors, split.json, config.json, log.csv, result.json and, where samples were left out,
/// forget.txt.</summary>
/// <param name="settings">What decides the run.</param>
/// <param name="host">Where it computes and whom it tells; null for the first device and nobody.</param>
public sealed class TrainRun(TrainSettings settings, RunHost? host = null)
{
    /// <summary>First line of log.csv.</summary>
    internal const string LogHeader = "epoch,step,learning_rate,loss,accuracy,validation_loss,validation_accuracy\n";

    /// <summary>File of the checkpoint.</summary>
    internal const string StateName = "training-state.safetensors";
    private readonly RunHost _host = host ?? new RunHost();
    private readonly StringBuilder _log = new(LogHeader);
    private readonly string _statePath = Path.Combine(settings.Output, StateName);
    private AuditLog _audit = new((host ?? new RunHost()).Time);

    /// <summary>Path of the model the run writes.</summary>
    public string ModelPath { get; } = Path.Combine(settings.Output, OutputFolder.ModelName);

    private FolderUse Use =>
        new(
            StateName,
            settings.Overwrite,
            settings.Resume,
            [("the data set", settings.Data), .. settings.Exclude.Select(e => ("a list of samples", e))]
        );

    /// <summary>True if a folder holds the checkpoint of a training.</summary>
    internal static bool CanResume(string folder) => File.Exists(Path.Combine(folder, StateName));

    /// <summary>What a step takes on the device; nothing is written.</summary>
    /// <exception cref="UserErrorException">The settings or the data cannot be used.</exception>
    public StepMemory Plan()
    {
        using var parts = TrainParts.Open(settings, _host, plan: true, CancellationToken.None);
        return StepMemory.Of(parts.Trainer.Program, parts.Model, vectors: 3);
    }

    /// <summary>Runs to the end, or to a checkpoint when cancelled. What an earlier run left in the folder stays whole until this one
    /// has its results.</summary>
    /// <param name="cancel">Stops after the current step.</param>
    /// <exception cref="UserErrorException">The settings, the data or the folder cannot be used, or a file cannot be
    /// written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; with <see cref="TrainSettings.Resume"/> it goes on.</exception>
    public TrainResult Run(CancellationToken cancel = default)
    {
        OutputFolder.Check(settings.Output, Use, _host.Spell);
        using var parts = TrainParts.Open(settings, _host, plan: false, cancel);
        var (source, model, trainer) = (parts.Source, parts.Model, parts.Trainer);
        DataAndModel.RequireOutside(settings.Output, settings.Data, source, _host.Spell);
        using var output = OutputFolder.Open(settings.Output, Use, _host.Spell);
        if (settings.Resume)
            Restore(trainer, parts.Split);
        else
            Ask(parts);
        if (output.IsFree)
            Describe(parts, output.At);
        parts.Sheets?.Begin(output);
        _host.Progress.Note(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{model.Architecture}, {model.Parameters.Count:N0} parameters, {parts.Images:N0} images of "
                    + $"{source.Train.Name}, augmentation {model.Augmentation.Name}, on {parts.Device.Properties.Name}"
            )
        );
        var clock = Stopwatch.StartNew();
        var test = TrainOrSave(parts, output.IsFree, cancel);
        Describe(parts, output.Staged);
        SaveLog(output.Staged);
        model.History = EarlierRequests.History(parts.Split, parts.Excluded);
        using (trainer.Averaged())
            PromptTraining.Save(model, output, Metadata(parts));
        WriteResult(output, test, parts, clock.Elapsed);
        output.Publish();
        File.Delete(_statePath);
        var result = new TrainResult(settings.Output, ModelPath, test, parts.Excluded is not null);
        _host.Progress?.Report(new TrainingFinished(result));
        return result;
    }

    private void Describe(TrainParts parts, Func<string, string> at)
    {
        parts.Split.Save(at(OutputFolder.SplitName));
        // 'lur verify --reference' reads it: what the model has not seen.
        parts.Excluded?.Save(at(OutputFolder.ForgetName));
        OutputFolder.WriteJson(at("config.json"), w => WriteConfig(w, parts));
        AtomicFile.WriteText(at(AuditLog.FileName), _audit.Text);
    }

    private void Ask(TrainParts parts)
    {
        _audit.Add("asked", w => WriteConfig(w, parts));
        _audit.Add(
            "resolved",
            w =>
            {
                w.WriteNumber("trainImages", parts.Images);
                w.WriteString("dataSha256", parts.Split.Fingerprint);
                w.WriteNumber("excluded", parts.Excluded?.Forget.Length ?? 0);
                if (parts.Excluded is { } set)
                    w.WriteString("forgetSha256", set.Sha256());
            }
        );
    }

    private void Restore(Trainer trainer, DataSplit split)
    {
        var state = TrainingState.Load(_statePath);
        state.Require(
            "data",
            split.Fingerprint,
            "resume with the data of the interrupted run, or start anew with another output directory"
        );
        trainer.Restore(state);
        _log.Clear().Append(state.GetString("log"));
        _audit = new AuditLog(_host.Time, state.GetString("audit"));
        _audit.Add("resumed", w => w.WriteNumber("step", trainer.Step));
        _host.Progress.Note($"resumed at step {trainer.Step} of {trainer.Steps}");
    }

    private TrainTest TrainOrSave(TrainParts parts, bool keepLog, CancellationToken cancel)
    {
        var (trainer, test) = (parts.Trainer, parts.Source.Test);
        try
        {
            using var measure = TrainMeasure.Of(parts.Model);
            Train(parts, keepLog, measure, cancel);
            parts.Sheets?.DrawIfDue(cancel);
            using var averaged = trainer.Averaged();
            return measure.Test(test, cancel);
        }
        catch (OperationCanceledException)
        {
            SaveState(parts);
            _host.Progress?.Report(new RunInterrupted(trainer.Step, trainer.Steps, settings.Resume));
            throw;
        }
    }

    private void Train(TrainParts parts, bool keepLog, TrainMeasure measure, CancellationToken cancel)
    {
        var (trainer, split) = (parts.Trainer, parts.Split);
        var epochs = settings.Recipe.Epochs - (int)(trainer.Step / trainer.StepsPerEpoch);
        _host.Progress.Plan([.. Sequences.Repeat(new PlannedStage("train epoch", StageWork.Train(parts.Images)), Math.Max(0, epochs))]);
        // A checkpoint may lie between the last step of an epoch and its line in the log: the totals are still there then.
        bool AtUnreportedEnd() => trainer.Step % trainer.StepsPerEpoch == 0 && trainer.PeekTotals().Rows > 0;
        while (trainer.Step < trainer.Steps || AtUnreportedEnd())
        {
            var epoch = (trainer.Step / trainer.StepsPerEpoch) - (AtUnreportedEnd() ? 1 : 0);
            RunEpoch(parts, epoch, cancel);
            var validation = measure.Validate(parts, cancel);
            var totals = trainer.ReadTotals();
            _log.AppendLine(
                string.Join(
                    ',',
                    Number(epoch + 1),
                    Number(trainer.Step),
                    Number(trainer.LearningRate),
                    Number(totals.MeanLoss),
                    Number(totals.Accuracy),
                    Number(validation.Loss),
                    Number(validation.Accuracy)
                )
            );
            if (keepLog)
                SaveLog(name => Path.Combine(settings.Output, name));
        }
    }

    private void SaveLog(Func<string, string> at) => AtomicFile.WriteText(at("log.csv"), _log.ToString());

    private void RunEpoch(TrainParts parts, long epoch, CancellationToken cancel)
    {
        var (trainer, images) = (parts.Trainer, parts.Images);
        var (start, end) = (epoch * trainer.StepsPerEpoch, (epoch + 1) * trainer.StepsPerEpoch);
        // The last batch is filled up.
        long Done() => Math.Min((trainer.Step - start) * settings.Recipe.BatchSize, images);
        using var progress = _host.Progress.Stage($"train epoch {epoch + 1}/{settings.Recipe.Epochs}", images, "images", Done());
        var (loss, accuracy) = (double.NaN, double.NaN);
        var nextRead = Stopwatch.GetTimestamp();
        while (trainer.Step < end)
        {
            parts.Sheets?.DrawIfDue(cancel);
            trainer.Enqueue();
            // What comes after an epoch looks at all of it.
            if (trainer.Step == end)
                trainer.Wait();
            if (trainer.Step == end || Stopwatch.GetTimestamp() >= nextRead)
            {
                var totals = trainer.PeekTotals();
                (loss, accuracy) = (totals.MeanLoss, totals.Accuracy);
                nextRead = Stopwatch.GetTimestamp() + (Stopwatch.Frequency / 2);
            }

            progress.Report(Done(), ("loss", loss), ("accuracy", accuracy));
            if (settings.CheckpointEvery > 0 && trainer.Step % settings.CheckpointEvery == 0)
                SaveState(parts);
            cancel.ThrowIfCancellationRequested();
        }
    }

    private void SaveState(TrainParts parts)
    {
        var state = new TrainingState();
        parts.Trainer.Save(state);
        state.Set("data", parts.Split.Fingerprint);
        state.Set("log", _log.ToString());
        state.Set("audit", _audit.Text);
        state.Save(_statePath);
    }

    private Dictionary<string, string> Metadata(TrainParts parts) =>
        new(StringComparer.Ordinal)
        {
            ["lur.method"] = parts.Excluded is null ? "train" : "retrain",
            ["lur.seed"] = settings.Recipe.Seed.ToString(CultureInfo.InvariantCulture),
            ["lur.precision"] = settings.Precision.Name(),
            ["lur.version"] = OutputFolder.Version,
        };

    private void WriteConfig(Utf8JsonWriter w, TrainParts parts)
    {
        var t = settings.Recipe;
        w.WriteString("command", "train");
        w.WriteString("version", OutputFolder.Version);
        w.WriteString("data", settings.Data);
        w.WriteString("dataFormat", parts.Source.Format);
        w.WriteString("model", parts.Model.Architecture);
        w.WriteString("device", parts.Device.Properties.Name);
        OptionJson.WriteFields(w, t.Record(parts.Model.Augmentation));
        w.WriteString("precision", settings.Precision.Name());
        w.WriteNumber("seed", t.Seed);
        w.WriteNumber("validation", settings.ValidationShare);
        w.WriteNumber("checkpointEvery", settings.CheckpointEvery);
        OutputFolder.WriteTexts(w, "exclude", parts.Excluded?.Specifications ?? []);
    }

    private void WriteResult(OutputFolder output, TrainTest test, TrainParts parts, TimeSpan time)
    {
        var (model, trainer) = (parts.Model, parts.Trainer);
        var sha256 = RunFolder.Sha256Of(output.Staged(OutputFolder.ModelName));
        _audit.Add(
            "done",
            w =>
            {
                w.WriteNumber("steps", trainer.Steps);
                w.WriteString("modelSha256", sha256);
            }
        );
        _audit.Add(
            "measured",
            w =>
                w.WriteNumber(
                    double.IsNaN(test.Accuracy) ? "testLoss" : "testAccuracy",
                    double.IsNaN(test.Accuracy) ? test.MeanLoss : test.Accuracy
                )
        );
        AtomicFile.WriteText(output.Staged(AuditLog.FileName), _audit.Text);
        OutputFolder.WriteJson(
            output.Staged(OutputFolder.ResultName),
            w =>
            {
                w.WriteNumber("schema", 1);
                w.WriteString("command", "train");
                w.WriteString("finished", AuditLog.Stamp(_host.Time));
                w.WriteString("modelSha256", sha256);
                w.WriteString("auditSha256", _audit.Last);
                w.WriteString("model", model.Architecture);
                w.WriteNumber("parameters", model.Parameters.Count);
                w.WriteNumber("trainImages", parts.Images);
                w.WriteNumber("steps", trainer.Steps);
                w.WriteString("precision", settings.Precision.Name());
                w.WriteNumber("seconds", Math.Round(time.TotalSeconds, 3));
                test.Write(w, parts.Source.Test);
            }
        );
    }

    private static string Number(double value) => double.IsNaN(value) ? "" : value.ToString("R", CultureInfo.InvariantCulture);

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
