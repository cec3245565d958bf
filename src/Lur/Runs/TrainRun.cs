using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Lur.Checkpoints;
using Lur.Data;
using Lur.Device;
using Lur.Metrics;
using Lur.Models;
using Lur.Training;

namespace Lur.Runs;

/// <summary>What a training run came to.</summary>
/// <param name="Folder">Its folder.</param>
/// <param name="ModelPath">The model.</param>
/// <param name="Test">Predictions on the test images.</param>
/// <param name="HasForgetFile">True where samples were left out, which forget.txt lists.</param>
public sealed record TrainResult(string Folder, string ModelPath, Predictions Test, bool HasForgetFile);

/// <summary>Trains a model and leaves model.safetensors, split.json, config.json, log.csv, result.json and, where samples were left out,
/// forget.txt.</summary>
/// <param name="settings">What decides the run.</param>
/// <param name="host">Where it computes and whom it tells; null for the first device and nobody.</param>
public sealed class TrainRun(TrainSettings settings, RunHost? host = null)
{
    /// <summary>First line of log.csv.</summary>
    internal const string LogHeader = "epoch,step,learning_rate,loss,accuracy,validation_loss,validation_accuracy\n";
    private readonly RunHost _host = host ?? new RunHost();
    private readonly StringBuilder _log = new(LogHeader);
    private readonly string _statePath = Path.Combine(settings.Output, "training-state.safetensors"),
        _forgetPath = Path.Combine(settings.Output, "forget.txt");

    /// <summary>Path of the model the run writes.</summary>
    public string ModelPath { get; } = Path.Combine(settings.Output, "model.safetensors");

    /// <summary>What a step takes on the device; nothing is written.</summary>
    /// <exception cref="UserErrorException">The settings or the data cannot be used.</exception>
    public StepMemory Plan()
    {
        using var parts = Open(capture: false);
        return StepMemory.Of(parts.Trainer.Program, parts.Model, vectors: 3);
    }

    /// <summary>Runs to the end, or to a checkpoint when cancelled.</summary>
    /// <param name="cancel">Stops after the current step.</param>
    /// <exception cref="UserErrorException">The settings or the data cannot be used, or a file cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; with <see cref="TrainSettings.Resume"/> it goes on.</exception>
    public TrainResult Run(CancellationToken cancel = default)
    {
        using var parts = Open(capture: true);
        var (source, model, trainer) = (parts.Source, parts.Model, parts.Trainer);
        using var output = OutputFolder.Open(settings.Output);
        if (settings.Resume && File.Exists(_statePath))
            Restore(trainer, parts.Split);
        if (output.IsFree)
            Describe(parts);
        _host.Progress.Note(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{model.Architecture}, {model.Parameters.Count:N0} parameters, {parts.Images:N0} images of "
                    + $"{source.Train.Name}, augmentation {model.Augmentation.Name}, on {parts.Device.Properties.Name}"
            )
        );
        var clock = Stopwatch.StartNew();
        using var evaluator = new Evaluator(model);
        Train(parts, output.IsFree, evaluator, cancel);
        output.ReplaceResults();
        Describe(parts);
        SaveLog();
        ModelFile.Save(model, ModelPath, Metadata(parts.Split));
        var test = evaluator.Predict(source.Test, Enumerable.Range(0, source.Test.Count).ToArray(), null, cancel);
        WriteResult(test, source, model, parts.Images, clock.Elapsed, trainer);
        File.Delete(_statePath);
        var result = new TrainResult(settings.Output, ModelPath, test, settings.Exclude.Count > 0);
        _host.Progress?.Report(new TrainingFinished(result));
        return result;
    }

    /// <summary>Writes what the run is about.</summary>
    private void Describe(Parts parts)
    {
        parts.Split.Save(Path.Combine(settings.Output, "split.json"));
        // 'lur verify --reference' reads it: what the model has not seen.
        if (!settings.Exclude.Contains(_forgetPath))
            parts.Excluded?.Save(_forgetPath);
        OutputFolder.WriteJson(Path.Combine(settings.Output, "config.json"), w => WriteConfig(w, parts.Source, parts.Device, parts.Model));
    }

    private Parts Open(bool capture)
    {
        settings.Training.Validate();
        var parts = new Parts();
        try
        {
            parts.Device = ComputeDevice.Open(_host.Device);
            parts.Source = DataAndModel.OpenData(settings.Data, settings.DataOptions, _host.Progress);
            parts.Source.RequireTest();
            var (source, seed) = (parts.Source, settings.Training.Seed);
            parts.Model = DataAndModel.Create(settings.Model, parts.Device, source, seed, settings.Training.Initialization);
            parts.Split = settings.Split ?? DataSplit.Create(source.Train, settings.ValidationShare, seed);
            if (settings.Exclude.Count > 0)
                parts.Excluded = ForgetSet.Resolve(settings.Exclude, source.Train, parts.Split.Train, seed);
            var indices = parts.Excluded?.Retain ?? parts.Split.Train;
            parts.Images = indices.Length;
            parts.Trainer = new Trainer(parts.Model, source.Train, indices, settings.Training, capture);
            return parts;
        }
        catch
        {
            parts.Dispose();
            throw;
        }
    }

    /// <summary>What a training is made of, opened in this order.</summary>
    private sealed class Parts : IDisposable
    {
        public ComputeDevice Device { get; set; } = null!;

        public DataSource Source { get; set; } = null!;

        public Model Model { get; set; } = null!;

        public DataSplit Split { get; set; } = null!;

        public ForgetSet? Excluded { get; set; }

        public int Images { get; set; }

        public Trainer Trainer { get; set; } = null!;

        public void Dispose()
        {
            Trainer?.Dispose();
            Model?.Dispose();
            Source?.Dispose();
            Device?.Dispose();
        }
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
        _host.Progress.Note($"resumed at step {trainer.Step} of {trainer.Steps}");
    }

    private void Train(Parts parts, bool keepLog, Evaluator evaluator, CancellationToken cancel)
    {
        var (trainer, split) = (parts.Trainer, parts.Split);
        while (trainer.Step < trainer.Steps)
        {
            var epoch = trainer.Step / trainer.StepsPerEpoch;
            using (var progress = _host.Progress.Stage($"train epoch {epoch + 1}/{settings.Training.Epochs}", parts.Images, "images"))
            {
                RunEpoch(parts, progress, (epoch + 1) * trainer.StepsPerEpoch, cancel);
            }

            var totals = trainer.ReadTotals();
            var validation = split.Validation.Length == 0 ? null : evaluator.Predict(parts.Source.Train, split.Validation, null, cancel);
            _log.AppendLine(
                string.Join(
                    ',',
                    Number(epoch + 1),
                    Number(trainer.Step),
                    Number(trainer.LearningRate),
                    Number(totals.MeanLoss),
                    Number(totals.Accuracy),
                    Number(validation?.MeanLoss ?? double.NaN),
                    Number(validation?.Accuracy ?? double.NaN)
                )
            );
            if (keepLog)
                SaveLog();
        }
    }

    private void SaveLog() => AtomicFile.WriteText(Path.Combine(settings.Output, "log.csv"), _log.ToString());

    private void RunEpoch(Parts parts, Stage progress, long end, CancellationToken cancel)
    {
        var (trainer, images) = (parts.Trainer, parts.Images);
        var batch = settings.Training.BatchSize;
        var start = end - trainer.StepsPerEpoch;
        var (loss, accuracy) = (double.NaN, double.NaN);
        var nextRead = Stopwatch.GetTimestamp();
        while (trainer.Step < end)
        {
            trainer.RunStep();
            if (trainer.Step == end || Stopwatch.GetTimestamp() >= nextRead)
            {
                var totals = trainer.PeekTotals();
                (loss, accuracy) = (totals.MeanLoss, totals.Accuracy);
                nextRead = Stopwatch.GetTimestamp() + (Stopwatch.Frequency / 2);
            }

            // The last batch is filled up.
            progress.Report(Math.Min((trainer.Step - start) * batch, images), ("loss", loss), ("accuracy", accuracy));
            if (settings.CheckpointEvery > 0 && trainer.Step % settings.CheckpointEvery == 0)
                SaveState(parts);
            if (!cancel.IsCancellationRequested)
                continue;
            SaveState(parts);
            _host.Progress?.Report(new TrainingInterrupted(trainer.Step, trainer.Steps, settings.Resume));
            throw new OperationCanceledException(cancel);
        }
    }

    private void SaveState(Parts parts)
    {
        var state = new TrainingState();
        parts.Trainer.Save(state);
        state.Set("data", parts.Split.Fingerprint);
        state.Set("log", _log.ToString());
        state.Save(_statePath);
    }

    private Dictionary<string, string> Metadata(DataSplit split) =>
        new(StringComparer.Ordinal)
        {
            ["lur.method"] = settings.Exclude.Count == 0 ? "train" : "retrain",
            ["lur.seed"] = settings.Training.Seed.ToString(CultureInfo.InvariantCulture),
            ["lur.data"] = split.Fingerprint,
            ["lur.version"] = OutputFolder.Version,
        };

    private void WriteConfig(Utf8JsonWriter w, DataSource source, ComputeDevice device, Model model)
    {
        var t = settings.Training;
        w.WriteString("command", "train");
        w.WriteString("version", OutputFolder.Version);
        w.WriteString("data", settings.Data);
        w.WriteString("dataFormat", source.Format);
        w.WriteString("model", model.Architecture);
        w.WriteString("device", device.Properties.Name);
        OptionJson.WriteFields(w, t with { Augment = model.Augmentation });
        w.WriteNumber("seed", t.Seed);
        w.WriteNumber("validation", settings.ValidationShare);
        w.WriteNumber("checkpointEvery", settings.CheckpointEvery);
        w.WriteStartArray("exclude");
        foreach (var specification in settings.Exclude)
            w.WriteStringValue(specification);
        w.WriteEndArray();
    }

    private void WriteResult(Predictions test, DataSource source, Model model, int trained, TimeSpan time, Trainer trainer) =>
        OutputFolder.WriteJson(
            Path.Combine(settings.Output, "result.json"),
            w =>
            {
                w.WriteNumber("schema", 1);
                w.WriteString("command", "train");
                w.WriteString("model", model.Architecture);
                w.WriteNumber("parameters", model.Parameters.Count);
                w.WriteNumber("trainImages", trained);
                w.WriteNumber("steps", trainer.Steps);
                w.WriteNumber("seconds", Math.Round(time.TotalSeconds, 3));
                w.WriteNumber("testAccuracy", test.Accuracy);
                w.WriteNumber("testLoss", test.MeanLoss);
                OutputFolder.WritePerClass(
                    w,
                    "perClassTestAccuracy",
                    source.Train.ClassNames,
                    test.PerClassAccuracy(source.Train.ClassNames.Count)
                );
                w.WriteStartObject("test");
                OutputFolder.WritePredictions(w, test);
                w.WriteEndObject();
            }
        );

    private static string Number(double value) => double.IsNaN(value) ? "" : value.ToString("R", CultureInfo.InvariantCulture);

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
