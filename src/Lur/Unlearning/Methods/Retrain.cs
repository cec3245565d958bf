using Lur.Layers;
using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>Retrain: fresh weights, the training recipe, the retain set only. The reference the other methods are judged
/// by: exact unlearning (methods 5).</summary>
public sealed class RetrainMethod : UnlearningMethod
{
    private readonly WeightInitialization _initialization;
    private readonly RepairOptions _options;
    private readonly FlatVector _momentum;
    private readonly BatchFeed _feed;
    private readonly SupervisedStep _step;

    private RetrainMethod(UnlearningTask task, RepairOptions options, WeightInitialization initialization)
        : base(task)
    {
        (_options, _initialization) = (options = options with { Seed = task.Seed }, initialization);
        _momentum = new FlatVector(Model.Device, Model.Precision, Model.Parameters.Layout, "momentum");
        _feed = new BatchFeed(task.Data, task.Set.Retain, options.BatchSize, options.Seed);
        // Named as the trainer's step: a retrained model is that of `lur train --forget` to the byte.
        _step = new SupervisedStep(Model, _momentum, options, "train", LossSpec.CrossEntropy, options.RetainMode);
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } = new("retrain", "Retrain",
        "Trains anew from fresh weights on the retain set only: exact unlearning, and the reference for every other method.",
        MethodNeeds.RetainData,
        "the training recipe of the original model; the papers run 160 to 182 epochs on all of CIFAR-10",
        "",
        [
            .. RepairOptions.Options(0.1, 20, "ours: the defaults of lur train", batch: 128, schedule: "onecycle"),
            MethodOption.Flag("no-nesterov", "Plain instead of Nesterov momentum.", "ours: the defaults of lur train"),
            MethodOption.Choice("init", WeightInitialization.TorchDefault, "Initial filters: torch (uniform, 1/sqrt(fan in)) or kaiming (normal, fan out).", "ours: the defaults of lur train",
                ("torch", WeightInitialization.TorchDefault), ("kaiming", WeightInitialization.KaimingNormal)),
        ],
        values =>
        {
            var options = RepairOptions.Read(values) with { Nesterov = !values.Flag("no-nesterov") };
            return task => new RetrainMethod(task, options, values.Choice<WeightInitialization>("init"));
        });

    /// <inheritdoc/>
    public override IReadOnlyList<Preparation> Preparations => [new Preparation("initialise", Initialize)];

    /// <inheritdoc/>
    public override int StepsPerEpoch => _feed.BatchesPerEpoch;

    /// <inheritdoc/>
    public override long Steps => (long)StepsPerEpoch * _options.Epochs;

    /// <inheritdoc/>
    public override StepProgram Program => _step.Program;

    /// <inheritdoc/>
    public override long VectorBytes => _step.Gradient.Bytes;

    /// <inheritdoc/>
    protected override StepTelemetry MakeStep(long index)
    {
        _feed.Fill((BatchStage)_step.Input);
        var (loss, _, norm, skipped) = _step.Run(index, Steps);
        return StepTelemetry.Empty with { RetainLoss = loss, RetainGradientNorm = norm, Skipped = skipped };
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _feed.Dispose();
        _step.Dispose();
        _momentum.Dispose();
        base.Dispose(disposing);
    }

    private PreparationReport Initialize()
    {
        Model.Initialize(_options.Seed, _initialization);
        Model.ResetRunningStatistics();
        return new PreparationReport(null);
    }
}
