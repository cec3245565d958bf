using Lur.Data;
using Lur.Layers;
using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>LUR, Learning to Unlearn while Retaining (ICCV 2025), for classification: trim, then repair on the bilevel
/// objective L_r(theta) + lambda L_u(theta - alpha grad L_r(theta)) (methods 1.2, 1.3).</summary>
/// <remarks>A run is a function of model, data, forget set and options: same seed, same bytes.</remarks>
public sealed class LurMethod : IDisposable
{
    private readonly TrainedModel _model;
    private readonly IImageDataset _data;
    private readonly ForgetSet _set;
    private readonly LurOptions _options;
    private readonly FlatVector _momentum;
    private readonly BatchFeed _retain;
    private readonly BatchFeed? _forget;
    private readonly LurStep _step;
    private readonly LurStep? _plain;

    /// <summary>Prepares a run; the model is changed in place.</summary>
    /// <param name="model">Model to unlearn from.</param>
    /// <param name="data">Training data.</param>
    /// <param name="set">What to forget and what to retain.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="UserErrorException">An option is out of range.</exception>
    public LurMethod(TrainedModel model, IImageDataset data, ForgetSet set, LurOptions options)
    {
        options.Validate();
        (_model, _data, _set, _options) = (model, data, set, options);
        _momentum = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "momentum");
        _retain = new BatchFeed(data, set.Retain, options.BatchSize, RandomStream.StreamOf("order/retain", (long)options.Seed));
        if (options.Lambda > 0) _forget = new BatchFeed(data, set.Forget, ForgetBatch, RandomStream.StreamOf("order/forget", (long)options.Seed));
        _step = new LurStep(model, _momentum, options, withForget: true);
        if (_forget is not null && options.EpochMode == EpochMode.RetainLengthPlainTail && _forget.BatchesPerEpoch < _retain.BatchesPerEpoch)
        {
            _plain = new LurStep(model, _momentum, options, withForget: false);
        }
    }

    /// <summary>Steps of an epoch: the shorter loader in <see cref="EpochMode.MinSize"/>, else one pass over the retain set.</summary>
    public int StepsPerEpoch => _options.EpochMode == EpochMode.MinSize && _forget is not null
        ? Math.Min(_retain.BatchesPerEpoch, _forget.BatchesPerEpoch) : _retain.BatchesPerEpoch;

    /// <summary>Steps of the whole run.</summary>
    public long Steps => (long)StepsPerEpoch * _options.Epochs;

    /// <summary>Steps made so far.</summary>
    public long Step { get; private set; }

    /// <summary>The step with both batches, for plans and profiles.</summary>
    public LurStep Program => _step;

    private int ForgetBatch => _options.ForgetBatchSize == 0 ? _options.BatchSize : _options.ForgetBatchSize;

    /// <summary>Stage 1; null when the sparsity is 0.</summary>
    public TrimReport? RunTrim()
    {
        if (_options.TrimSparsity == 0) return null;
        using var feed = new BatchFeed(_data, _set.Forget, ForgetBatch, RandomStream.StreamOf("order/trim", (long)_options.Seed));
        return Trim.Run(_model, _options, feed.Fill);
    }

    /// <summary>One step of stage 2.</summary>
    public LurTelemetry RunStep()
    {
        var inEpoch = (int)(Step % StepsPerEpoch);
        var step = _plain is not null && inEpoch >= _forget!.BatchesPerEpoch ? _plain : _step;
        _retain.Fill((BatchStage)step.Retain);
        if (step.Forget is BatchStage forget)
        {
            _forget!.Fill(forget);
            if (_options.ForgetLoss == ForgetLoss.RandomLabel) RedrawLabels(forget);
        }

        Step++;
        return step.Run();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _retain.Dispose();
        _forget?.Dispose();
        _step.Dispose();
        _plain?.Dispose();
        _momentum.Dispose();
    }

    /// <summary>Replaces each label by one of the other classes, uniformly; the draw depends on the sample counter only.</summary>
    private void RedrawLabels(BatchStage stage)
    {
        var random = new RandomStream(_options.Seed, "forget-labels") { Position = stage.Counter };
        foreach (ref var label in stage.Labels)
        {
            // One word a sample, so that the position is the counter; a rejection would shift what follows.
            var other = (int)(((ulong)random.NextUInt() * (ulong)(_model.Classes - 1)) >> 32);
            label = other >= label ? other + 1 : other;
        }
    }
}
