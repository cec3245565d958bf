using Lur.Checkpoints;
using Lur.Data;
using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Optimizers;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tensors;

namespace Lur.Training;

/// <summary>Totals since the last read.</summary>
/// <param name="MeanLoss">Mean loss (cross-entropy in nats, squared error); NaN for no rows.</param>
/// <param name="Accuracy">Percent of rows classified as labelled, in train mode; NaN for no rows, and without answers.</param>
/// <param name="Rows">Number of rows.</param>
public readonly record struct TrainingTotals(double MeanLoss, double Accuracy, long Rows);

/// <summary>Training of a model: one captured device step, replayed.</summary>
/// <remarks>A run is a function of model, data, indices and options; one that is saved and resumed ends with the same bytes.</remarks>
public sealed class Trainer : IDisposable
{
    private readonly Resources _resources = new();
    private readonly Model _model;
    private readonly ITrainingRecipe _options;
    private readonly LearningRateSchedule _schedule;
    private readonly Optimizer _optimizer;
    private readonly AveragedWeights? _average;
    private readonly Step _step;
    private readonly GradientTerm _gradient;
    private readonly BatchStage _stage;
    private readonly double[] _totals = new double[3]; // of all steps since they were read
    private readonly IImageDataset _data;
    private readonly int[] _indices;
    private BatchFeed _feed;

    /// <summary>Prepares training; the model's weights are taken as they are.</summary>
    /// <param name="model">Model to train; its augmentation becomes that of the options, unless they leave it to the model.</param>
    /// <param name="data">Data set.</param>
    /// <param name="indices">Samples to train on.</param>
    /// <param name="options">Options.</param>
    /// <param name="capture">False to run without a captured graph.</param>
    public Trainer(Model model, IImageDataset data, int[] indices, ITrainingRecipe options, bool capture = true)
    {
        using var construction = _resources.Construct();
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        (_model, _options, _data, _indices) = (model, options, data, indices);
        _schedule = LearningRateSchedule.Parse(options.Schedule);
        _optimizer = _resources.Own(options.Optimizer(model.Parameters));
        _average = options.Average is { } average ? _resources.Own(new AveragedWeights(model.Parameters, average)) : null;
        _step = _resources.Own(
            new Step(
                model,
                _optimizer,
                new StepOptions
                {
                    Name = "train",
                    Schedule = options.Schedule,
                    Captured = capture,
                }
            )
        );
        if (options.Augment != Augmentation.Auto)
            model.Augmentation = options.Augment;
        var task = options.TaskOf(model);
        _stage = task.Batch(Program, "train", options.BatchSize, augment: true, options.Seed);
        var term = new LossTerm("train", TermRole.Retain, _stage, NormalizationMode.TrainAndUpdate, task.Loss);
        _gradient = _step.Gradient(model.Parameters, term);
        var rule = new UpdateRule
        {
            LargestNorm = options.LargestNorm,
            After = _average is null ? null : (program, skip) => _average.Emit(program, skip.At<int>(0)),
        };
        _step.Update(_step.Along(_gradient), rule);
        _feed = new BatchFeed(data, indices, options.BatchSize, options.Seed);
        Steps = (long)options.Epochs * _feed.BatchesPerEpoch;
        construction.Complete();
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
    public Program Program => _step.Program;

    /// <summary>Makes one step and waits for it. A step whose loss, gradient or statistics are not finite changes nothing; its loss
    /// stays in the totals.</summary>
    public void RunStep()
    {
        Enqueue();
        Wait();
    }

    /// <summary>Gives the device one step, and waits for the one before. What the host knows of the model
    /// (<see cref="Model.BatchesTracked"/>) and of the loss is a step behind until <see cref="Wait"/>.</summary>
    public void Enqueue()
    {
        _feed.Fill(_stage);
        _step.Enqueue(Step, Steps);
        Step++;
        if (_step.Pending > 1)
            Take();
    }

    /// <summary>Waits for the steps that were given.</summary>
    public void Wait()
    {
        while (_step.Pending > 0)
            Take();
    }

    private void Take()
    {
        _ = _step.Read();
        var (sum, correct, rows) = _step.TotalsOf(_gradient);
        (_totals[0], _totals[1], _totals[2]) = (_totals[0] + sum, _totals[1] + correct, _totals[2] + rows);
    }

    /// <summary>Waits for the last step, reads and clears the totals.</summary>
    /// <exception cref="UserErrorException">The loss is not a number any more.</exception>
    public TrainingTotals ReadTotals()
    {
        Wait();
        var totals = PeekTotals();
        ClearTotals();
        return totals;
    }

    /// <summary>Reads the totals since the last <see cref="ReadTotals"/>, without those of a step that the device is still at.</summary>
    /// <exception cref="UserErrorException">The loss is not a number any more.</exception>
    public TrainingTotals PeekTotals()
    {
        var read = _totals;
        if (!double.IsFinite(read[0]))
        {
            throw new UserErrorException(
                FormattableString.Invariant(
                    $"The loss is not finite at step {Step}: the training diverged; lower the learning rate (now {_options.LearningRate})."
                )
            );
        }

        return read[2] == 0
            ? new TrainingTotals(double.NaN, double.NaN, 0)
            : new TrainingTotals(read[0] / read[2], _gradient.HasAnswers ? 100 * read[1] / read[2] : double.NaN, (long)read[2]);
    }

    /// <summary>Puts the averaged weights, which are what training is for where there are any, in the place of the model's until the
    /// result is disposed.</summary>
    public IDisposable? Averaged()
    {
        Wait();
        return _average?.Use();
    }

    /// <summary>Puts everything a resumed run needs into a state: weights, momentum, running statistics, position.</summary>
    public void Save(TrainingState state)
    {
        Wait();
        StateVectors.Save(state, "parameters", _model.Parameters);
        StateVectors.Save(state, "running-statistics", _model.Buffers);
        foreach (var vector in StateOfRun)
            StateVectors.Save(state, vector.Name, vector);
        state.SetArray("totals", (double[])_totals.Clone());
        state.Set("step", Step);
        state.Set("batches-tracked", _model.BatchesTracked);
        state.Set("epoch", _feed.Position.Epoch);
        state.Set("batch", _feed.Position.Batch);
        state.Set("architecture", _model.Architecture);
        state.Set("precision", _model.Products.Name());
        state.SetAll(_options.Identity());
        state.Set("samples", DataSplit.HashOf(_indices));
    }

    /// <summary>Continues from a saved state.</summary>
    /// <exception cref="UserErrorException">The state is of another model, other options or other samples.</exception>
    public void Restore(TrainingState state)
    {
        const string remedy = "resume with the options of the interrupted run, or start anew with another output directory";
        state.Require("architecture", _model.Architecture, remedy);
        state.RequireAll(_options.Identity(), remedy);
        state.Require("precision", _model.Products.Name(), ProductPrecision.Float32.Name(), remedy);
        state.Require(
            "samples",
            DataSplit.HashOf(_indices),
            "resume with the validation share and the exclusions of the interrupted run, or start anew with another output directory"
        );
        StateVectors.Restore(state, "parameters", _model.Parameters);
        StateVectors.Restore(state, "running-statistics", _model.Buffers);
        foreach (var vector in StateOfRun)
            StateVectors.Restore(state, vector.Name, vector);
        Step = state.GetInt64("step");
        _model.BatchesTracked = state.GetInt64("batches-tracked");
        var position = new SamplerPosition(state.GetInt64("epoch"), (int)state.GetInt64("batch"));
        _feed.Dispose();
        _feed = new BatchFeed(_data, _indices, _options.BatchSize, _options.Seed, position);
        state.GetArray<double>("totals", 3).CopyTo(_totals, 0);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _feed.Dispose();
        _resources.Dispose();
    }

    private void ClearTotals() => Array.Clear(_totals);

    private IEnumerable<FlatVector> StateOfRun => [.. _optimizer.State, .. _average?.State ?? []];
}
