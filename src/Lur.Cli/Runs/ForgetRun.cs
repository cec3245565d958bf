using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Lur.Checkpoints;
using Lur.Data;
using Lur.Device;
using Lur.Layers;
using Lur.Metrics;
using Lur.Models;
using Lur.Training;
using Lur.Unlearning;

namespace Lur.Cli.Runs;

/// <summary>Everything that decides a forgetting run.</summary>
internal sealed record ForgetSettings
{
    public required string Model { get; init; }

    public required string Data { get; init; }

    public required string Output { get; init; }

    public required IReadOnlyList<string> Forget { get; init; }

    public string? Split { get; init; }

    public LurOptions Lur { get; init; } = new();

    public DataOptions DataOptions { get; init; } = new();

    public bool PlanOnly { get; init; }
}

/// <summary>Predictions of one model on the three sets, and the metrics that follow.</summary>
/// <param name="Forget">On the forget set.</param>
/// <param name="Retain">On the retain set.</param>
/// <param name="Test">On the test set.</param>
/// <param name="Metrics">UA, RA, TA.</param>
internal sealed record Assessment(Predictions Forget, Predictions Retain, Predictions Test, ForgettingMetrics Metrics);

/// <summary>Makes a model forget and leaves model.safetensors, forget.txt, config.json, log.csv and result.json.</summary>
internal sealed class ForgetRun(CommandContext context, ForgetSettings settings)
{
    private const string LogHeader = "step,epoch,retain_loss,forget_loss,forget_accuracy,retain_gradient,forget_gradient,cosine,second_order_share,parameter_norm,look_ahead_norm,skipped\n";
    private const int MaxSkipped = 10;
    private readonly StringBuilder _log = new(LogHeader);
    private readonly List<(string Stage, double Seconds)> _stages = [];

    /// <summary>Path of the model the run writes.</summary>
    public string ModelPath { get; } = Path.Combine(settings.Output, "model.safetensors");

    /// <summary>Runs to the end; a cancelled run leaves nothing but the log.</summary>
    /// <returns>An exit code.</returns>
    public int Run(CancellationToken cancel)
    {
        settings.Lur.Validate();
        using var device = ComputeDevice.Open(context.DeviceOrdinal);
        using var source = DataSource.Open(settings.Data, settings.DataOptions);
        using var model = DataAndModel.Load(settings.Model, device, source);
        var split = LoadSplit(source);
        var set = ForgetSet.Resolve(settings.Forget, source.Train, split.Train, settings.Lur.Seed);
        using var method = new LurMethod(model, source.Train, set, settings.Lur);
        if (settings.PlanOnly) return PlanPrinter.Print(context, method.Program.Program, model, 2 + (int)(method.Program.VectorBytes / model.Parameters.Bytes));
        OutputFolder.Prepare(settings.Output);
        set.Save(Path.Combine(settings.Output, "forget.txt"));
        OutputFolder.WriteJson(Path.Combine(settings.Output, "config.json"), w => WriteConfig(w, source, device, model));
        context.Note(FormattableString.Invariant($"{model.Architecture}, {model.Parameters.Count:N0} parameters, on {device.Properties.Name}: forget {set.Forget.Length:N0} of {set.Forget.Length + set.Retain.Length:N0} images of {source.Train.Name}"));

        using var evaluator = new Evaluator(model);
        var before = Timed("evaluate original", () => Assess(evaluator, source, set, "evaluate original", cancel));
        var trim = Timed("trim", method.RunTrim);
        if (trim is not null) context.Note(FormattableString.Invariant($"trim: reset {trim.Reset:N0} of {trim.Eligible:N0} eligible weights (saliency above {trim.Threshold:G4})"));
        Timed("repair", () => Repair(method, cancel));
        var after = Timed("evaluate unlearned", () => Assess(evaluator, source, set, "evaluate unlearned", cancel));

        ModelFile.Save(model, ModelPath, Metadata(set));
        WriteResult(before, after, source, set, trim, method.Steps);
        ForgetReport.Print(context, source.Train.ClassNames, before, after, set);
        Warn(before.Metrics, after.Metrics);
        context.Note($"wrote {ModelPath}, result.json, log.csv, config.json, forget.txt");
        return ExitCode.Done;
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
        var beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(settings.Model)) ?? ".", "split.json");
        var path = settings.Split ?? (File.Exists(beside) ? beside : null);
        if (path is not null) return DataSplit.Load(path, source.Train);
        context.Note("no split.json beside the model: every training image counts as trained on (give --split otherwise)");
        return DataSplit.Create(source.Train, 0, settings.Lur.Seed);
    }

    private Assessment Assess(Evaluator evaluator, DataSource source, ForgetSet set, string task, CancellationToken cancel)
    {
        var total = (long)set.Forget.Length + set.Retain.Length + source.Test.Count;
        using var progress = new ProgressReporter(context, task, total, "images");
        long done = 0;
        Predictions Predict(IImageDataset data, int[] indices)
        {
            var start = done;
            var result = evaluator.Predict(data, indices, n => progress.Report(done = start + n), cancel);
            done = start + indices.Length;
            return result;
        }

        var forget = Predict(source.Train, set.Forget);
        var retain = Predict(source.Train, set.Retain);
        var test = Predict(source.Test, [.. Enumerable.Range(0, source.Test.Count)]);
        var metrics = ForgettingMetrics.Compute(forget, retain, test, set.WholeClasses.ToHashSet(), source.Train.ClassNames.Count);
        return new Assessment(forget, retain, test, metrics);
    }

    private int Repair(LurMethod method, CancellationToken cancel)
    {
        var skipped = 0;
        var warned = false;
        var logPath = Path.Combine(settings.Output, "log.csv");
        using var progress = new ProgressReporter(context, "repair", method.Steps, "steps");
        try
        {
            while (method.Step < method.Steps)
            {
                cancel.ThrowIfCancellationRequested();
                var t = method.RunStep();
                AppendLog(method, t);
                progress.Report(method.Step, ("retain", t.RetainLoss), ("forget", t.ForgetLoss), ("cos", t.Cosine));
                skipped = t.Skipped ? skipped + 1 : 0;
                if (skipped == MaxSkipped)
                {
                    throw new UserErrorException(FormattableString.Invariant($"The loss or a gradient was not finite for {MaxSkipped} steps in a row (step {method.Step}): unlearning diverged; lower --lr or --lambda, or use --forget-loss bounded."));
                }

                if (!warned && t.LookAheadNorm > 0.01 * t.ParameterNorm)
                {
                    warned = true;
                    context.Warn(FormattableString.Invariant($"the look-ahead step |alpha g| = {t.LookAheadNorm:G3} exceeds 1 % of |theta| = {t.ParameterNorm:G3} at step {method.Step}; consider a smaller --alpha or --look-ahead-cap 0.01."));
                }
            }
        }
        finally
        {
            AtomicFile.WriteText(logPath, _log.ToString());
        }

        return 0;
    }

    private void AppendLog(LurMethod method, LurTelemetry t)
    {
        static string N(double v) => double.IsNaN(v) ? "" : v.ToString("R", CultureInfo.InvariantCulture);
        var epoch = ((method.Step - 1) / method.StepsPerEpoch) + 1;
        _log.Append(string.Join(',', method.Step.ToString(CultureInfo.InvariantCulture), epoch.ToString(CultureInfo.InvariantCulture), N(t.RetainLoss), N(t.ForgetLoss),
            N(t.ForgetAccuracy), N(t.RetainGradientNorm), N(t.ForgetGradientNorm), N(t.Cosine), N(t.SecondOrderShare), N(t.ParameterNorm), N(t.LookAheadNorm), t.Skipped ? "1" : "0")).Append('\n');
    }

    private void Warn(ForgettingMetrics before, ForgettingMetrics after)
    {
        var moved = after.UnlearningAccuracy - before.UnlearningAccuracy;
        if (settings.Lur.Lambda > 0 && Math.Abs(moved) < 0.5 && before.UnlearningAccuracy < 99)
        {
            context.Warn(FormattableString.Invariant($"forgetting did not move: UA went from {before.UnlearningAccuracy:F2} % to {after.UnlearningAccuracy:F2} %; raise --lambda, --lr or --epochs."));
        }

        if (after.RetainAccuracy < before.RetainAccuracy - 10)
        {
            context.Warn(FormattableString.Invariant($"retain accuracy collapsed from {before.RetainAccuracy:F2} % to {after.RetainAccuracy:F2} %; lower --lambda or --lr, use --forget-loss bounded, or give more --epochs."));
        }
    }

    private Dictionary<string, string> Metadata(ForgetSet set)
    {
        using var parent = SafeTensorsFile.Open(settings.Model);
        return new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["lur.method"] = "lur",
            ["lur.seed"] = settings.Lur.Seed.ToString(CultureInfo.InvariantCulture),
            ["lur.parent-sha256"] = parent.Sha256(),
            ["lur.forget-sha256"] = set.Sha256(),
            ["lur.version"] = OutputFolder.Version,
        };
    }

    private void WriteConfig(Utf8JsonWriter w, DataSource source, ComputeDevice device, TrainedModel model)
    {
        var o = settings.Lur;
        w.WriteString("command", "forget");
        w.WriteString("method", "lur");
        w.WriteString("version", OutputFolder.Version);
        w.WriteString("model", settings.Model);
        w.WriteString("architecture", model.Architecture);
        w.WriteString("data", settings.Data);
        w.WriteString("dataFormat", source.Format);
        w.WriteString("device", device.Properties.Name);
        w.WriteStartArray("forget");
        foreach (var specification in settings.Forget) w.WriteStringValue(specification);
        w.WriteEndArray();
        foreach (var (name, value) in new (string, double)[]
        {
            ("alpha", o.Alpha), ("lambda", o.Lambda), ("retainWeight", o.RetainWeight), ("lr", o.LearningRate), ("momentum", o.Momentum), ("weightDecay", o.WeightDecay),
            ("epochs", o.Epochs), ("batch", o.BatchSize), ("forgetBatch", o.ForgetBatchSize == 0 ? o.BatchSize : o.ForgetBatchSize), ("fdRadius", o.FiniteDifferenceRadius),
            ("boundMargin", o.BoundMargin), ("trim", o.TrimSparsity), ("trimBatches", o.TrimBatches), ("lookAheadCap", o.LookAheadCap),
        })
        {
            w.WriteNumber(name, value);
        }

        w.WriteString("epochMode", OptionText.Of(o.EpochMode));
        w.WriteString("hvp", OptionText.Of(o.Hvp));
        w.WriteString("batchNorm", OptionText.Of(o.BatchNorm));
        w.WriteString("forgetLoss", OptionText.Of(o.ForgetLoss));
        w.WriteString("trimScope", OptionText.Of(o.TrimScope));
        w.WriteStartArray("trimLayers");
        foreach (var layer in o.TrimLayers) w.WriteStringValue(layer);
        w.WriteEndArray();
        w.WriteBoolean("trimCompat", o.TrimCompat);
        w.WriteBoolean("augment", o.Augment);
        w.WriteNumber("seed", o.Seed);
    }

    private void WriteResult(Assessment before, Assessment after, DataSource source, ForgetSet set, TrimReport? trim, long steps) =>
        OutputFolder.WriteJson(Path.Combine(settings.Output, "result.json"), w =>
        {
            w.WriteNumber("schema", 1);
            w.WriteString("command", "forget");
            w.WriteString("method", "lur");
            w.WriteNumber("forgetImages", set.Forget.Length);
            w.WriteNumber("retainImages", set.Retain.Length);
            w.WriteString("forgetSha256", set.Sha256());
            w.WriteStartArray("forgottenClasses");
            foreach (var c in set.WholeClasses) w.WriteStringValue(source.Train.ClassNames[c]);
            w.WriteEndArray();
            w.WriteNumber("steps", steps);
            w.WriteStartObject("seconds");
            foreach (var (stage, seconds) in _stages) w.WriteNumber(stage, Math.Round(seconds, 3));
            w.WriteEndObject();
            if (trim is not null)
            {
                w.WriteStartObject("trim");
                w.WriteNumber("threshold", trim.Threshold);
                w.WriteNumber("ranked", trim.Ranked);
                w.WriteNumber("eligible", trim.Eligible);
                w.WriteNumber("reset", trim.Reset);
                w.WriteEndObject();
            }

            WriteMetrics(w, "original", before.Metrics, source);
            WriteMetrics(w, "unlearned", after.Metrics, source);
            w.WriteStartObject("samples");
            WriteSamples(w, "forget", before.Forget, after.Forget);
            WriteSamples(w, "retain", before.Retain, after.Retain);
            WriteSamples(w, "test", before.Test, after.Test);
            w.WriteEndObject();
        });

    private static void WriteMetrics(Utf8JsonWriter w, string name, ForgettingMetrics m, DataSource source)
    {
        w.WriteStartObject(name);
        OutputFolder.WriteValue(w, "ua", m.UnlearningAccuracy);
        OutputFolder.WriteValue(w, "ra", m.RetainAccuracy);
        OutputFolder.WriteValue(w, "ta", m.TestAccuracy);
        OutputFolder.WriteValue(w, "forgottenClassTestAccuracy", m.ForgottenClassTestAccuracy);
        OutputFolder.WritePerClass(w, "perClassTestAccuracy", source.Train.ClassNames, m.PerClassTestAccuracy);
        w.WriteEndObject();
    }

    private static void WriteSamples(Utf8JsonWriter w, string name, Predictions before, Predictions after)
    {
        w.WriteStartObject(name);
        OutputFolder.WriteSamples(w, before);
        w.WriteStartObject("original");
        OutputFolder.WriteOutcome(w, before);
        w.WriteEndObject();
        w.WriteStartObject("unlearned");
        OutputFolder.WriteOutcome(w, after);
        w.WriteEndObject();
        w.WriteEndObject();
    }
}
