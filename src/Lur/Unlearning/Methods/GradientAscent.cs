using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>GA: minimises -CE on the forget set alone (methods 5).</summary>
public sealed class GradientAscentMethod : UnlearningMethod
{
    private readonly RepairOptions _options;
    private readonly FlatVector _momentum;
    private readonly BatchFeed _feed;
    private readonly SupervisedStep _step;

    private GradientAscentMethod(UnlearningTask task, RepairOptions options)
        : base(task)
    {
        _options = options = options with { Seed = task.Seed };
        _momentum = new FlatVector(Model.Device, Model.Precision, Model.Parameters.Layout, "momentum");
        _feed = new BatchFeed(task.Data, task.Set.Forget, options.BatchSize, RandomStream.StreamOf("order/forget", (long)options.Seed));
        _step = new SupervisedStep(Model, _momentum, options, "forget", new LossSpec(-1, 0, 0), options.ForgetMode);
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } = new("ga", "GA",
        "Ascends the cross-entropy of the forget set.",
        MethodNeeds.ForgetData | MethodNeeds.ForgetLabels, "Graves et al. 2021, Thudi et al. 2022; GA.py of the public code of SalUn",
        "Running statistics stay (--bn both for the public code's way, which moves them with forget-only batches).",
        RepairOptions.Options(1e-4, 5, "public code of SalUn: suits class-wise forgetting; random forgetting needs 5e-4 to 1e-3"),
        values =>
        {
            var options = RepairOptions.Read(values);
            return task => new GradientAscentMethod(task, options);
        });

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
        var (loss, accuracy, norm, skipped) = _step.Run(index, Steps);
        return StepTelemetry.Empty with { ForgetLoss = loss, ForgetAccuracy = accuracy, ForgetGradientNorm = norm, Skipped = skipped };
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _feed.Dispose();
        _step.Dispose();
        _momentum.Dispose();
        base.Dispose(disposing);
    }
}
