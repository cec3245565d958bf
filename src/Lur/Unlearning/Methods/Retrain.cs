using Lur.Models;
using Lur.Steps;
using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>Options of <see cref="Retrain"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 0.1, Source = Ours)]
[OptionDefault(nameof(Epochs), 20, Source = Ours)]
[OptionDefault(nameof(BatchSize), 128)]
[OptionDefault(nameof(Schedule), "onecycle")]
public sealed partial record RetrainOptions : RepairOptions
{
    private const string Ours = "ours: the defaults of lur train";

    /// <summary>Nesterov momentum, which is the default here as in training; <see cref="RepairOptions.Nesterov"/> says nothing.</summary>
    [Option("no-nesterov", true, Source = Ours, Description = "Plain instead of Nesterov momentum.")]
    public partial bool NesterovMomentum { get; init; }

    /// <summary>Initial filters: torch (uniform, 1/sqrt(fan in)) or kaiming (normal, fan out).</summary>
    [Option("init", WeightInitialization.TorchDefault, Source = Ours)]
    public partial WeightInitialization Initialization { get; init; }
}

/// <summary>Retrain: fresh weights, the training recipe, the retain set only. The reference the other methods are judged
/// by: exact unlearning.</summary>
public sealed class Retrain : UnlearningMethod
{
    private readonly WeightInitialization _initialization;

    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public Retrain(UnlearningTask task, RetrainOptions options)
        : base(task)
    {
        using var construction = Construct();
        options = options.Validated() with { Nesterov = options.NesterovMomentum, Seed = task.Seed };
        _initialization = options.Initialization;
        var repair = new Repair(this, options);
        // Named and ordered as the trainer's step: a retrained model is that of training without the samples to the byte.
        var feed = repair.Retain("train", order: task.Seed);
        SetEpochs(options.Epochs, (repair.Single("train", feed, TermRole.Retain), feed.BatchesPerEpoch));
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<RetrainOptions>(
            "retrain",
            "Retrain",
            "Trains anew from fresh weights on the retain set only: exact unlearning, and the reference for every other method.",
            MethodNeeds.RetainData,
            "the training recipe of the original model; the papers run 160 to 182 epochs on all of CIFAR-10",
            "",
            (task, options) => new Retrain(task, options)
        );

    /// <summary>The options that repeat a training recipe; its seed is the task's.</summary>
    public static RetrainOptions OptionsOf(TrainingOptions training) =>
        new()
        {
            Epochs = training.Epochs,
            BatchSize = training.BatchSize,
            LearningRate = training.LearningRate,
            Momentum = training.Momentum,
            NesterovMomentum = training.Nesterov,
            WeightDecay = training.WeightDecay,
            Schedule = training.Schedule,
            Initialization = training.Initialization,
            Augment = training.Augment != Augmentation.None,
        };

    /// <summary>The training recipe that options stand for; null when no plain training has the same result (frozen statistics).</summary>
    public static TrainingOptions? TrainingOf(RetrainOptions options, ulong seed) =>
        options.BatchNorm == BatchNormPolicy.Frozen
            ? null
            : new TrainingOptions
            {
                Epochs = options.Epochs,
                BatchSize = options.BatchSize,
                LearningRate = options.LearningRate,
                Momentum = options.Momentum,
                Nesterov = options.NesterovMomentum,
                WeightDecay = options.WeightDecay,
                Schedule = options.Schedule,
                Initialization = options.Initialization,
                Augment = options.Augment ? Augmentation.Auto : Augmentation.None,
                Seed = seed,
            };

    /// <inheritdoc/>
    public override IReadOnlyList<Preparation> Preparations => [new Preparation("initialise", Initialize)];

    private PreparationReport Initialize()
    {
        Model.Initialize(Task.Seed, _initialization);
        Model.ResetRunningStatistics();
        return new PreparationReport(null);
    }
}
