using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>FT: goes on training on the retain set (methods 5), and, with <see cref="SparseFineTuneMethod"/>, its
/// l1-sparse variant: one loop, an l1 penalty that fades out.</summary>
public class FineTuneMethod : UnlearningMethod
{
    private readonly RepairOptions _options;
    private readonly FlatVector _momentum;
    private readonly BatchFeed _feed;
    private readonly SupervisedStep _step;
    private readonly Func<long, double>? _penalty;

    /// <summary>Binds the loop.</summary>
    /// <param name="task">What the method was given.</param>
    /// <param name="options">Options of the loop.</param>
    /// <param name="penalty">Weight of the l1 penalty in an epoch, from 0; null for none.</param>
    private protected FineTuneMethod(UnlearningTask task, RepairOptions options, Func<long, double>? penalty = null)
        : base(task)
    {
        (_options, _penalty) = (options = options with { Seed = task.Seed }, penalty);
        _momentum = new FlatVector(Model.Device, Model.Precision, Model.Parameters.Layout, "momentum");
        // Streams and order are those of LUR's retain batches: LUR with lambda = 0 is this method bit for bit.
        _feed = new BatchFeed(task.Data, task.Set.Retain, options.BatchSize, RandomStream.StreamOf("order/retain", (long)options.Seed));
        _step = new SupervisedStep(Model, _momentum, options, "retain", LossSpec.CrossEntropy, options.RetainMode, rule: new UpdateRule { Penalty = penalty is not null });
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } = new("ft", "FT",
        "Fine-tunes on the retain set and hopes that the rest is forgotten.",
        MethodNeeds.RetainData, "Warnecke et al. 2021; FT.py of the public code of SalUn", "",
        RepairOptions.Options(1e-2, 10, "public code of SalUn; its authors search 1e-4 to 1e-1"),
        values =>
        {
            var options = RepairOptions.Read(values);
            return task => new FineTuneMethod(task, options);
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
        if (_penalty is not null) _step.Penalty = _penalty(index / StepsPerEpoch);
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
}
