namespace Lur.Losses;

/// <summary>Loss per row: coefficient * min(CE against (1 - smoothing) onehot + smoothing / classes, cap), averaged over the
/// batch (<c>kernels/losses/softmax_ce.cu</c>).</summary>
/// <param name="Coefficient">1, or -1 to ascend.</param>
/// <param name="Smoothing">Weight of the uniform target; 1 is KL(uniform || p) up to a constant.</param>
/// <param name="Cap">Rows at or above it have no gradient; 0 is no cap.</param>
public readonly record struct LossSpec(double Coefficient, double Smoothing, double Cap)
{
    /// <summary>Cross-entropy with the true labels.</summary>
    public static LossSpec CrossEntropy => new(1, 0, 0);

    /// <summary>Its negative: descending it ascends the cross-entropy.</summary>
    public static LossSpec NegativeCrossEntropy => new(-1, 0, 0);
}

/// <summary>Softmax cross-entropy at the end of a network pass, with predictions.</summary>
public sealed class SoftmaxCrossEntropy : Loss
{
    private readonly Program _program;
    private readonly Value _logits,
        _labels;
    private readonly LossSpec _spec;
    private readonly int _rows,
        _classes;

    /// <summary>Records the forward pass of the loss.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names.</param>
    /// <param name="logits">[N, classes].</param>
    /// <param name="labels">int [N]; negative labels are ignored.</param>
    /// <param name="spec">Loss.</param>
    public SoftmaxCrossEntropy(Program program, string name, Value logits, Value labels, LossSpec spec)
    {
        (_program, _logits, _labels, _spec) = (program, logits, labels, spec);
        (_rows, _classes) = (logits.Shape[0], logits.Shape[1]);
        RowLoss = program.Real($"{name}/loss", ValueRole.Output, new Shape(_rows));
        Predicted = program.Raw($"{name}/predicted", ValueRole.Output, new Shape(_rows), sizeof(int));
        Confidence = program.Real($"{name}/confidence", ValueRole.Output, new Shape(_rows));
        program.Launch.SoftmaxCe.SoftmaxCeForward(
            program.Device.Blocks(_rows),
            RowLoss,
            Predicted,
            Confidence,
            logits,
            labels,
            _rows,
            _classes,
            spec.Coefficient,
            spec.Smoothing,
            spec.Cap
        );
    }

    /// <inheritdoc/>
    public override Value RowLoss { get; }

    /// <summary>Class of the largest logit, int [N].</summary>
    public Value Predicted { get; }

    /// <summary>Probability of the true class, real [N].</summary>
    public Value Confidence { get; }

    /// <inheritdoc/>
    public override void Accumulate(Operand<double> totals) =>
        _program.Launch.Metrics.MetricsAccumulate(_program.Device.Blocks(1), totals, RowLoss, Predicted, _labels, _rows);

    /// <inheritdoc/>
    public override void Backward(Value gradient) =>
        _program.Launch.SoftmaxCe.SoftmaxCeBackward(
            _program.Device.Blocks(_rows),
            gradient,
            _logits,
            _labels,
            _rows,
            _classes,
            _spec.Coefficient,
            _spec.Smoothing,
            _spec.Cap,
            1.0 / _rows
        );

    /// <inheritdoc/>
    public override void BackwardTangent(Value tangent, Value tangentGradient) =>
        _program.Launch.SoftmaxCe.SoftmaxCeBackwardTangent(
            _program.Device.Blocks(_rows),
            tangentGradient,
            tangent,
            _logits,
            _labels,
            _rows,
            _classes,
            _spec.Coefficient,
            _spec.Smoothing,
            _spec.Cap,
            1.0 / _rows
        );
}
