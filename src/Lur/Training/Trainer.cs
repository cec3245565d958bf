using Lur.Checkpoints;
using Lur.Data;
using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Optimizers;
using Lur.Tensors;
using Shape = Lur.Programs.Shape;

namespace Lur.Training;

/// <summary>Totals since the last read.</summary>
/// <param name="MeanLoss">Mean cross-entropy, nats; NaN for no rows.</param>
/// <param name="Accuracy">Percent of rows classified as labelled, in train mode; NaN for no rows.</param>
/// <param name="Rows">Number of rows.</param>
public readonly record struct TrainingTotals(double MeanLoss, double Accuracy, long Rows);

/// <summary>Supervised training of a model with SGD: one captured device step, replayed.</summary>
/// <remarks>A run is a function of model, data, indices and options; one that is saved and resumed ends with the same bytes.</remarks>
public sealed class Trainer : IDisposable
{
    private readonly Model _model;
    private readonly TrainingOptions _options;
    private readonly LearningRateSchedule _schedule;
    private readonly FlatVector _momentum,
        _gradient;
    private readonly Program _program;
    private readonly StepParameterBuffer _parameters;
    private readonly BatchStage _stage;
    private readonly FlatVector _totals; // of all steps since they were read
    private readonly IImageDataset _data;
    private readonly int[] _indices;
    private BatchFeed _feed;

    /// <summary>Prepares training; the model's weights are taken as they are.</summary>
    /// <param name="model">Model to train; its augmentation becomes that of the options, unless they leave it to the model.</param>
    /// <param name="data">Data set.</param>
    /// <param name="indices">Samples to train on.</param>
    /// <param name="options">Options.</param>
    /// <param name="capture">False to run without a captured graph.</param>
    public Trainer(Model model, IImageDataset data, int[] indices, TrainingOptions options, bool capture = true)
    {
        options.Validate();
        (_model, _options, _data, _indices) = (model, options, data, indices);
        _schedule = LearningRateSchedule.Parse(options.Schedule);
        _momentum = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "momentum");
        _gradient = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "gradient");
        _program = new Program(model.Device, model.Precision) { Captured = capture };
        _parameters = new StepParameterBuffer(_program, "train") { Momentum = options.Momentum, WeightDecay = options.WeightDecay };
        if (options.Augment != Augmentation.Auto)
            model.Augmentation = options.Augment;
        _stage = new BatchStage(_program, "train", options.BatchSize, model, augment: true, options.Seed);
        var totals = new ParameterLayout();
        totals.Add("totals", ParameterKind.Matrix, new Shape(1, 3));
        _totals = new FlatVector(model.Device, Precision.Float64, totals, "totals");
        var evaluation = new GradientEvaluation(
            _program,
            "train",
            model,
            model.Parameters,
            _stage,
            LossSpec.CrossEntropy,
            NormalizationMode.TrainAndUpdate,
            _gradient
        );
        evaluation.Loss.Accumulate(_totals.Wide);
        EmitUpdate();
        _feed = new BatchFeed(data, indices, options.BatchSize, options.Seed);
        Steps = (long)options.Epochs * _feed.BatchesPerEpoch;
    }

    /// <summary>Steps made so far.</summary>
    public long Step { get; private set; }

    /// <summary>Steps of the whole run.</summary>
    public long Steps { get; }

    /// <summary>Steps of an epoch.</summary>
    public int StepsPerEpoch => _feed.BatchesPerEpoch;

    /// <summary>Learning rate of the next step.</summary>
    public double LearningRate => _options.LearningRate * _schedule.Factor(Step, Steps);

    /// <summary>The planned step.</summary>
    public Program Program => _program;

    /// <summary>Gradient of the last step.</summary>
    public FlatVector Gradient => _gradient;

    /// <summary>Makes one step and waits for it.</summary>
    public void RunStep()
    {
        _feed.Fill(_stage);
        _parameters.LearningRate = LearningRate;
        _parameters.Momentum = _schedule.Momentum(Step, Steps, _options.Momentum);
        _program.Run();
        _model.Device.Synchronize();
        _model.BatchesTracked++;
        Step++;
    }

    /// <summary>Reads and clears the totals.</summary>
    /// <exception cref="UserErrorException">The loss is not a number any more.</exception>
    public TrainingTotals ReadTotals()
    {
        var totals = PeekTotals();
        ClearTotals();
        return totals;
    }

    /// <summary>Reads the totals since the last <see cref="ReadTotals"/>.</summary>
    /// <exception cref="UserErrorException">The loss is not a number any more.</exception>
    public TrainingTotals PeekTotals()
    {
        var read = RawTotals();
        if (!double.IsFinite(read[0]))
        {
            throw new UserErrorException(
                FormattableString.Invariant(
                    $"The loss is not finite at step {Step}: the training diverged; lower --lr (now {_options.LearningRate})."
                )
            );
        }

        return read[2] == 0
            ? new TrainingTotals(double.NaN, double.NaN, 0)
            : new TrainingTotals(read[0] / read[2], 100 * read[1] / read[2], (long)read[2]);
    }

    /// <summary>Puts everything a resumed run needs into a state: weights, momentum, running statistics, position.</summary>
    public void Save(TrainingState state)
    {
        SetVector(state, "parameters", _model.Parameters);
        SetVector(state, "running-statistics", _model.Buffers);
        SetVector(state, "momentum", _momentum);
        state.SetArray("totals", RawTotals());
        state.Set("step", Step);
        state.Set("batches-tracked", _model.BatchesTracked);
        state.Set("epoch", _feed.Position.Epoch);
        state.Set("batch", _feed.Position.Batch);
        state.Set("architecture", _model.Architecture);
        state.Set("options", _options.ToString());
    }

    /// <summary>Continues from a saved state.</summary>
    /// <exception cref="UserErrorException">The state is of another model or other options.</exception>
    public void Restore(TrainingState state)
    {
        const string remedy = "resume with the options of the interrupted run, or start anew with another output directory";
        state.Require("architecture", _model.Architecture, remedy);
        state.Require("options", _options.ToString(), remedy);
        GetVector(state, "parameters", _model.Parameters);
        GetVector(state, "running-statistics", _model.Buffers);
        GetVector(state, "momentum", _momentum);
        Step = state.GetInt64("step");
        _model.BatchesTracked = state.GetInt64("batches-tracked");
        var position = new SamplerPosition(state.GetInt64("epoch"), (int)state.GetInt64("batch"));
        _feed.Dispose();
        _feed = new BatchFeed(_data, _indices, _options.BatchSize, _options.Seed, position);
        _totals.Set(state.GetArray<double>("totals", 3));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _feed.Dispose();
        _program.Dispose();
        _totals.Dispose();
        _momentum.Dispose();
        _gradient.Dispose();
    }

    private static void SetVector(TrainingState state, string name, FlatVector vector)
    {
        if (vector.Precision == Precision.Float64)
            state.SetArray(name, vector.ToArray());
        else
            state.SetArray(name, vector.ToFloatArray());
    }

    private static void GetVector(TrainingState state, string name, FlatVector vector)
    {
        if (vector.Precision == Precision.Float64)
            vector.Set(state.GetArray<double>(name, vector.Count));
        else
            vector.Set(state.GetArray<float>(name, vector.Count));
    }

    private double[] RawTotals() => _totals.ToArray();

    private void ClearTotals() => _totals.Clear();

    private void EmitUpdate()
    {
        var (kernels, n, step) = (_program.Launch.Sgd, _gradient.Count, _parameters.Device);
        var (theta, momentum, gradient, shape) = (_model.Parameters, _momentum, _gradient, _program.Device.Elements(_gradient.Count));
        var nesterov = _options.Nesterov ? 1 : 0;
        kernels.SgdStep(shape, theta, momentum, gradient, default, step, default, n, nesterov);
    }
}
