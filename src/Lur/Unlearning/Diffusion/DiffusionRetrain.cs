using Lur.Checkpoints;
using Lur.Optimizers;
using Lur.Steps;
using Lur.Tasks.Diffusion;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>Retrain for diffusion models: fresh weights, the training recipe, the retain set only; exact unlearning. The weights are
/// those of a training without the samples, to the byte.</summary>
public sealed class DiffusionRetrain : UnlearningMethod
{
    private readonly DiffusionTrainingOptions _options;
    private readonly AveragedWeights? _average;
    private bool _finished;

    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">The training recipe; its seed is the task's.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public DiffusionRetrain(UnlearningTask task, DiffusionTrainingOptions options)
        : base(task)
    {
        using var construction = Construct();
        _options = options = options.Validated() with { Seed = task.Seed };
        options.Prepare(Model);
        if (options.Augment != Models.Augmentation.Auto)
            Model.Augmentation = options.Augment;
        var optimizer = Own(options.Optimizer(Model.Parameters));
        _average = options.Average is { } average ? Own(new AveragedWeights(Model.Parameters, average)) : null;
        foreach (var vector in optimizer.State.Concat(_average?.State ?? []))
            Keep(vector);
        // Named and ordered as the trainer's.
        var step = Own(new Step(Model, optimizer, new StepOptions { Name = "train", Schedule = options.Schedule }));
        var learning = new DiffusionTask(Model);
        var stage = learning.Batch(step.Program, "train", options.BatchSize, augment: true, options.Seed);
        var term = new LossTerm("train", TermRole.Retain, stage, Layers.NormalizationMode.TrainAndUpdate, learning.Loss);
        var rule = new UpdateRule
        {
            LargestNorm = options.LargestNorm,
            After = _average is null ? null : (program, skip) => _average.Emit(program, skip.At<int>(0)),
        };
        step.Update(step.Along(step.Gradient(Model.Parameters, term)), rule);
        var feed = Feed(new MethodFeed(task, "train", task.Set.Retain, options.BatchSize, task.Seed));
        SetEpochs(options.Epochs, (new FedStep(step, (feed, stage)), feed.BatchesPerEpoch));
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<DiffusionTrainingOptions>(
            "retrain",
            "Retrain",
            "Trains anew from fresh weights on the retain set only: exact unlearning, and the reference for every other method. The "
                + "recipe is that in the config.json beside the model, where there is one.",
            MethodNeeds.RetainData,
            "the training recipe of the original model",
            "",
            (task, options) => new DiffusionRetrain(task, options),
            MethodTask.Diffusion
        );

    /// <inheritdoc/>
    public override IReadOnlyList<Preparation> Preparations => [new Preparation("initialise", Initialize)];

    /// <summary>The averaged weights, where there are any, are the model.</summary>
    public override void Finish()
    {
        // For good, and once: what it gives would put the others back, and so would another use.
        if (!_finished)
            _ = _average?.Use();
        _finished = true;
    }

    /// <inheritdoc/>
    public override void Save(TrainingState state)
    {
        base.Save(state);
        state.Set("finished", _finished ? 1L : 0L);
    }

    /// <inheritdoc/>
    public override void Restore(TrainingState state)
    {
        base.Restore(state);
        _finished = state.GetInt64("finished") != 0;
    }

    private PreparationReport Initialize()
    {
        Model.Initialize(_options.Seed, ((ITrainingRecipe)_options).Initialization);
        Model.ResetRunningStatistics();
        return new PreparationReport(null);
    }
}
