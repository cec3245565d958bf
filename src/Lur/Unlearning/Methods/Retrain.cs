using System.Globalization;
using Lur.Models;
using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>Retrain: fresh weights, the training recipe, the retain set only. The reference the other methods are judged
/// by: exact unlearning (methods 5).</summary>
public sealed class RetrainMethod : SingleBatchMethod
{
    private readonly WeightInitialization _initialization;

    private RetrainMethod(UnlearningTask task, RepairOptions options, WeightInitialization initialization)
        // Named and ordered as the trainer's step: a retrained model is that of `lur train --forget` to the byte.
        : base(
            task,
            options,
            onForget: false,
            (momentum, o) => new SupervisedStep(task.Model, momentum, o, "train", LossSpec.CrossEntropy, o.RetainMode),
            order: task.Seed
        ) => _initialization = initialization;

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        new(
            "retrain",
            "Retrain",
            "Trains anew from fresh weights on the retain set only: exact unlearning, and the reference for every other method.",
            MethodNeeds.RetainData,
            "the training recipe of the original model; the papers run 160 to 182 epochs on all of CIFAR-10",
            "",
            [
                .. RepairOptions.Options(0.1, 20, "ours: the defaults of lur train", batch: 128, schedule: "onecycle"),
                MethodOption.Flag("no-nesterov", "Plain instead of Nesterov momentum.", "ours: the defaults of lur train"),
                MethodOption.Choice(
                    "init",
                    WeightInitialization.TorchDefault,
                    "Initial filters: torch (uniform, 1/sqrt(fan in)) or kaiming (normal, fan out).",
                    "ours: the defaults of lur train",
                    ("torch", WeightInitialization.TorchDefault),
                    ("kaiming", WeightInitialization.KaimingNormal)
                ),
            ],
            values =>
            {
                var options = RepairOptions.Read(values) with { Nesterov = !values.Flag("no-nesterov") };
                return task => new RetrainMethod(task, options, values.Choice<WeightInitialization>("init"));
            }
        );

    /// <summary>The options that repeat a training recipe; its seed is the task's.</summary>
    public static IEnumerable<(string Name, string Text)> OptionsOf(TrainingOptions training)
    {
        static string N(double value) => value.ToString("R", CultureInfo.InvariantCulture);
        static string Flag(bool value) => value ? "true" : "false";
        return
        [
            ("lr", N(training.LearningRate)),
            ("epochs", N(training.Epochs)),
            ("batch", N(training.BatchSize)),
            ("schedule", training.Schedule),
            ("momentum", N(training.Momentum)),
            ("weight-decay", N(training.WeightDecay)),
            ("no-augment", Flag(training.Augment == Augmentation.None)),
            ("no-nesterov", Flag(!training.Nesterov)),
            ("init", training.Initialization == WeightInitialization.KaimingNormal ? "kaiming" : "torch"),
        ];
    }

    /// <summary>The training recipe that options stand for; null when no plain training has the same result (--bn).</summary>
    public static TrainingOptions? TrainingOf(OptionValues values, ulong seed)
    {
        var options = RepairOptions.Read(values);
        return options.BatchNorm == BatchNormPolicy.Frozen
            ? null
            : new TrainingOptions
            {
                Epochs = options.Epochs,
                BatchSize = options.BatchSize,
                LearningRate = options.LearningRate,
                Momentum = options.Momentum,
                Nesterov = !values.Flag("no-nesterov"),
                WeightDecay = options.WeightDecay,
                Schedule = options.Schedule,
                Initialization = values.Choice<WeightInitialization>("init"),
                Augment = options.Augment ? Augmentation.Auto : Augmentation.None,
                Seed = seed,
            };
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Preparation> Preparations => [new Preparation("initialise", Initialize)];

    private PreparationReport Initialize()
    {
        Model.Initialize(Options.Seed, _initialization);
        Model.ResetRunningStatistics();
        return new PreparationReport(null);
    }
}
