using Lur.Models;
using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>A method whose steps look at one batch of one set: feed, momentum and step of SGD are the same for all of them.</summary>
public abstract class SingleBatchMethod : UnlearningMethod
{
    private readonly FlatVector _momentum;
    private readonly BatchFeed _feed;
    private readonly bool _onForget;

    /// <summary>Binds a method.</summary>
    /// <param name="task">What the method was given.</param>
    /// <param name="options">Options of the loop; their seed is the task's.</param>
    /// <param name="onForget">True for forget batches, false for retain batches.</param>
    /// <param name="step">Makes the step from the momentum and the options.</param>
    /// <param name="model">Model that is trained; null for the task's.</param>
    /// <param name="order">Seed of the order of batches; null for that of LUR's retain or forget batches.</param>
    private protected SingleBatchMethod(
        UnlearningTask task,
        RepairOptions options,
        bool onForget,
        Func<FlatVector, RepairOptions, SupervisedStep> step,
        Model? model = null,
        ulong? order = null
    )
        : base(task)
    {
        Options = options with { Seed = task.Seed };
        _onForget = onForget;
        model ??= task.Model;
        _momentum = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "momentum");
        var seed = order ?? RandomStream.StreamOf(onForget ? "order/forget" : "order/retain", (long)task.Seed);
        _feed = new BatchFeed(task.Data, onForget ? task.Set.Forget : task.Set.Retain, options.BatchSize, seed);
        OneStep = step(_momentum, Options);
    }

    /// <inheritdoc/>
    public override int StepsPerEpoch => _feed.BatchesPerEpoch;

    /// <inheritdoc/>
    public override long Steps => (long)StepsPerEpoch * Options.Epochs;

    /// <inheritdoc/>
    public override Program Program => OneStep.Program;

    /// <inheritdoc/>
    public override long VectorBytes => OneStep.Gradient.Bytes;

    /// <summary>Options of the loop.</summary>
    protected RepairOptions Options { get; }

    /// <summary>The step.</summary>
    protected SupervisedStep OneStep { get; }

    /// <inheritdoc/>
    protected override StepTelemetry MakeStep(long index)
    {
        var stage = (BatchStage)OneStep.Input;
        _feed.Fill(stage);
        Prepare(stage, index);
        var (loss, accuracy, norm, skipped) = OneStep.Run(index, Steps);
        return _onForget
            ? StepTelemetry.Empty with
            {
                ForgetLoss = loss,
                ForgetAccuracy = accuracy,
                ForgetGradientNorm = norm,
                Skipped = skipped,
            }
            : StepTelemetry.Empty with
            {
                RetainLoss = loss,
                RetainGradientNorm = norm,
                Skipped = skipped,
            };
    }

    /// <summary>Changes a batch, or the numbers of the step, before it is made.</summary>
    protected virtual void Prepare(BatchStage batch, long index) { }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _feed.Dispose();
        OneStep.Dispose();
        _momentum.Dispose();
        base.Dispose(disposing);
    }
}
