using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Lur.Checkpoints;
using Lur.Data;
using Lur.Device;
using Lur.Metrics;
using Lur.Models;
using Lur.Reports;
using Lur.Tensors;
using Lur.Training;

namespace Lur.Cli.Runs;

/// <summary>Everything that decides a training run.</summary>
internal sealed record TrainSettings
{
    public required string Data { get; init; }

    public required string Model { get; init; }

    public required string Output { get; init; }

    public TrainingOptions Training { get; init; } = new();

    public DataOptions DataOptions { get; init; } = new();

    public double ValidationShare { get; init; }

    public IReadOnlyList<string> Exclude { get; init; } = [];

    public long CheckpointEvery { get; init; }

    public bool Resume { get; init; }

    public bool PlanOnly { get; init; }

    /// <summary>Reads the fields that config.json of a training run and "train" of a recipe share; what is missing is the
    /// default. Data and output are left empty.</summary>
    /// <param name="c">JSON object.</param>
    /// <param name="model">Architecture.</param>
    /// <exception cref="UserErrorException">A field that is there is out of range.</exception>
    public static TrainSettings FromJson(JsonElement c, string model)
    {
        T Or<T>(string name, Func<JsonElement, T> read, T missing) => c.TryGetProperty(name, out var value) ? read(value) : missing;
        var d = new TrainingOptions();
        var training = new TrainingOptions
        {
            Epochs = Or("epochs", v => v.GetInt32(), d.Epochs),
            BatchSize = Or("batch", v => v.GetInt32(), d.BatchSize),
            LearningRate = Or("lr", v => v.GetDouble(), d.LearningRate),
            Momentum = Or("momentum", v => v.GetDouble(), d.Momentum),
            Nesterov = Or("nesterov", v => v.GetBoolean(), d.Nesterov),
            WeightDecay = Or("weightDecay", v => v.GetDouble(), d.WeightDecay),
            Schedule = Or("schedule", v => v.GetString()!, d.Schedule),
            Initialization = Or("init", v => OptionText.Parse<WeightInitialization>(v.GetString()), d.Initialization),
            Augment = Or(
                "augment",
                v =>
                    v.ValueKind == JsonValueKind.String ? Augmentation.Parse(v.GetString()!)
                    : v.GetBoolean() ? Augmentation.Auto
                    : Augmentation.None,
                d.Augment
            ),
            Seed = Or("seed", v => v.GetUInt64(), d.Seed),
        };
        training.Validate();
        return new TrainSettings
        {
            Data = "",
            Output = "",
            Model = model,
            Training = training,
            ValidationShare = Or("validation", v => v.GetDouble(), 0.0),
            CheckpointEvery = 500,
        };
    }
}

/// <summary>Trains a model and leaves model.safetensors, split.json, config.json, log.csv, result.json and, where samples were left out,
/// forget.txt.</summary>
internal sealed class TrainRun(CommandContext context, TrainSettings settings)
{
    /// <summary>First line of log.csv.</summary>
    internal const string LogHeader = "epoch,step,learning_rate,loss,accuracy,validation_loss,validation_accuracy\n";
    private readonly StringBuilder _log = new(LogHeader);
    private readonly string _statePath = Path.Combine(settings.Output, "training-state.safetensors"),
        _forgetPath = Path.Combine(settings.Output, "forget.txt");

    /// <summary>Path of the model the run writes.</summary>
    public string ModelPath { get; } = Path.Combine(settings.Output, "model.safetensors");

    /// <summary>Runs to the end, or to a checkpoint when cancelled.</summary>
    /// <returns>An exit code.</returns>
    public int Run(CancellationToken cancel)
    {
        settings.Training.Validate();
        using var device = ComputeDevice.Open(context.DeviceOrdinal);
        using var source = DataSource.Open(settings.Data, settings.DataOptions);
        using var model = DataAndModel.Create(settings.Model, device, source, settings.Training.Seed, settings.Training.Initialization);
        var split = PrepareSplit(source);
        var excluded =
            settings.Exclude.Count == 0 ? null : ForgetSet.Resolve(settings.Exclude, source.Train, split.Train, settings.Training.Seed);
        var indices = excluded?.Retain ?? split.Train;
        using var trainer = new Trainer(model, source.Train, indices, settings.Training, capture: !settings.PlanOnly);
        if (settings.PlanOnly)
            return PlanPrinter.Print(context, trainer.Program, model, vectors: 3);
        OutputFolder.Prepare(settings.Output);
        if (settings.Resume && File.Exists(_statePath))
            Restore(trainer);
        else
            split.Save(Path.Combine(settings.Output, "split.json"));
        // 'lur verify --reference' reads it: what the model has not seen.
        if (!settings.Exclude.Contains(_forgetPath))
            excluded?.Save(_forgetPath);
        OutputFolder.WriteJson(Path.Combine(settings.Output, "config.json"), w => WriteConfig(w, source, device, model));
        context.Note(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{model.Architecture}, {model.Parameters.Count:N0} parameters, {indices.Length:N0} images of "
                    + $"{source.Train.Name}, augmentation {model.Augmentation.Name}, on {device.Properties.Name}"
            )
        );
        var clock = Stopwatch.StartNew();
        using var evaluator = new Evaluator(model);
        Train(trainer, indices.Length, evaluator, source, split, cancel);
        ModelFile.Save(model, ModelPath, Metadata(split));
        var test = evaluator.Predict(source.Test, Enumerable.Range(0, source.Test.Count).ToArray(), null, cancel);
        WriteResult(test, source, model, indices.Length, clock.Elapsed, trainer);
        File.Delete(_statePath);
        return PrintSummary(test, source);
    }

    private DataSplit PrepareSplit(DataSource source)
    {
        var path = Path.Combine(settings.Output, "split.json");
        return settings.Resume && File.Exists(path)
            ? DataSplit.Load(path, source.Train)
            : DataSplit.Create(source.Train, settings.ValidationShare, settings.Training.Seed);
    }

    private void Restore(Trainer trainer)
    {
        var state = TrainingState.Load(_statePath);
        trainer.Restore(state);
        _log.Clear().Append(state.GetString("log"));
        context.Note($"resumed at step {trainer.Step} of {trainer.Steps}");
    }

    private void Train(Trainer trainer, int images, Evaluator evaluator, DataSource source, DataSplit split, CancellationToken cancel)
    {
        while (trainer.Step < trainer.Steps)
        {
            var epoch = trainer.Step / trainer.StepsPerEpoch;
            using (var progress = new ProgressReporter(context, $"train epoch {epoch + 1}/{settings.Training.Epochs}", images, "images"))
            {
                RunEpoch(trainer, images, progress, (epoch + 1) * trainer.StepsPerEpoch, cancel);
            }

            var totals = trainer.ReadTotals();
            var validation = split.Validation.Length == 0 ? null : evaluator.Predict(source.Train, split.Validation, null, cancel);
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
            AtomicFile.WriteText(Path.Combine(settings.Output, "log.csv"), _log.ToString());
        }
    }

    private void RunEpoch(Trainer trainer, int images, ProgressReporter progress, long end, CancellationToken cancel)
    {
        var batch = settings.Training.BatchSize;
        var start = end - trainer.StepsPerEpoch;
        var metrics = new (string, double)[] { ("loss", double.NaN), ("accuracy", double.NaN) };
        var nextRead = Stopwatch.GetTimestamp();
        while (trainer.Step < end)
        {
            trainer.RunStep();
            if (trainer.Step == end || Stopwatch.GetTimestamp() >= nextRead)
            {
                var totals = trainer.PeekTotals();
                metrics[0].Item2 = totals.MeanLoss;
                metrics[1].Item2 = totals.Accuracy;
                nextRead = Stopwatch.GetTimestamp() + (Stopwatch.Frequency / 2);
            }

            progress.Report(Math.Min((trainer.Step - start) * batch, images), metrics); // the last batch is filled up
            if (settings.CheckpointEvery > 0 && trainer.Step % settings.CheckpointEvery == 0)
                SaveState(trainer);
            if (!cancel.IsCancellationRequested)
                continue;
            SaveState(trainer);
            context.Warn(
                $"interrupted at step {trainer.Step} of {trainer.Steps}; continue with the same "
                    + $"command{(settings.Resume ? "" : " and --resume")}."
            );
            throw new OperationCanceledException(cancel);
        }
    }

    private void SaveState(Trainer trainer)
    {
        var state = new TrainingState();
        trainer.Save(state);
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

    private void WriteConfig(System.Text.Json.Utf8JsonWriter w, DataSource source, ComputeDevice device, Model model)
    {
        var t = settings.Training;
        w.WriteString("command", "train");
        w.WriteString("version", OutputFolder.Version);
        w.WriteString("data", settings.Data);
        w.WriteString("dataFormat", source.Format);
        w.WriteString("model", model.Architecture);
        w.WriteString("device", device.Properties.Name);
        w.WriteNumber("epochs", t.Epochs);
        w.WriteNumber("batch", t.BatchSize);
        w.WriteNumber("lr", t.LearningRate);
        w.WriteNumber("momentum", t.Momentum);
        w.WriteBoolean("nesterov", t.Nesterov);
        w.WriteNumber("weightDecay", t.WeightDecay);
        w.WriteString("schedule", t.Schedule);
        w.WriteString("init", OptionText.Of(t.Initialization));
        w.WriteString("augment", model.Augmentation.Name);
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

    private int PrintSummary(Predictions test, DataSource source)
    {
        var table = new Table("train", new Column("metric", "Metric"), new Column("value", "Value", Right: true));
        table.Add("test accuracy", Cell.Number(test.Accuracy, 2, " %"));
        table.Add("test loss", Cell.Number(test.MeanLoss, 4));
        table.Add("test images", source.Test.Count);
        TablePrinter.Print(context, table);
        context.Note(
            $"wrote {ModelPath}, result.json, log.csv, config.json, split.json{(settings.Exclude.Count > 0 ? ", forget.txt" : "")}"
        );
        return ExitCode.Done;
    }

    private static string Number(double value) => double.IsNaN(value) ? "" : value.ToString("R", CultureInfo.InvariantCulture);

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
