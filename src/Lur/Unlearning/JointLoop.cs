using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>The loop of the methods that step on a retain and a forget batch together: feeds, <see cref="JointStep"/>, and a
/// plain retain step for what is left of an epoch when the forget set is exhausted.</summary>
/// <remarks>Streams, order and augmentation of the batches are those of LUR.</remarks>
internal sealed class JointLoop : IDisposable
{
    private readonly EpochMode _mode;
    private readonly FlatVector _momentum;
    private readonly BatchFeed _retain,
        _forget;
    private readonly SupervisedStep? _plain;

    /// <summary>Binds the loop.</summary>
    /// <param name="task">What the method was given.</param>
    /// <param name="options">Options with the task's seed.</param>
    /// <param name="forgetWeight">Weight of the forget loss -CE.</param>
    /// <param name="mode">Length of an epoch.</param>
    /// <param name="change">Change of the joint gradient, or null.</param>
    public JointLoop(UnlearningTask task, RepairOptions options, double forgetWeight, EpochMode mode, IGradientChange? change = null)
    {
        _mode = mode;
        Options = options;
        var model = task.Model;
        _momentum = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "momentum");
        _retain = new BatchFeed(task.Data, task.Set.Retain, options.BatchSize, RandomStream.StreamOf("order/retain", (long)options.Seed));
        _forget = new BatchFeed(task.Data, task.Set.Forget, options.BatchSize, RandomStream.StreamOf("order/forget", (long)options.Seed));
        Step = new JointStep(model, _momentum, options, forgetWeight, change: change);
        if (mode == EpochMode.RetainLengthPlainTail && _forget.BatchesPerEpoch < _retain.BatchesPerEpoch)
        {
            _plain = new SupervisedStep(model, _momentum, options, "retain", LossSpec.CrossEntropy, options.RetainMode);
        }
    }

    /// <summary>Options of the updates.</summary>
    public RepairOptions Options { get; }

    /// <summary>The joint step.</summary>
    public JointStep Step { get; }

    /// <summary>Steps of an epoch.</summary>
    public int StepsPerEpoch =>
        _mode == EpochMode.MinSize ? Math.Min(_retain.BatchesPerEpoch, _forget.BatchesPerEpoch) : _retain.BatchesPerEpoch;

    /// <summary>Steps of the whole run.</summary>
    public long Steps => (long)StepsPerEpoch * Options.Epochs;

    /// <summary>Makes the step of an index and waits for it.</summary>
    public StepTelemetry Run(long index)
    {
        if (_plain is not null && index % StepsPerEpoch >= _forget.BatchesPerEpoch)
        {
            _retain.Fill((BatchStage)_plain.Input);
            var (loss, _, norm, skipped) = _plain.Run(index, Steps);
            return StepTelemetry.Empty with { RetainLoss = loss, RetainGradientNorm = norm, Skipped = skipped };
        }

        _retain.Fill((BatchStage)Step.Retain);
        _forget.Fill((BatchStage)Step.Forget);
        return Step.Run(index, Steps);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _retain.Dispose();
        _forget.Dispose();
        Step.Dispose();
        _plain?.Dispose();
        _momentum.Dispose();
    }
}
