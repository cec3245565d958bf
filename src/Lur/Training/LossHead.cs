using Lur.Layers;

namespace Lur.Training;

/// <summary>Loss per row: coefficient * min(CE against (1 - smoothing) onehot + smoothing / classes, cap), averaged over the
/// batch (<c>kernels/losses/softmax_ce.cu</c>).</summary>
/// <param name="Coefficient">1, or -1 to ascend.</param>
/// <param name="Smoothing">Weight of the uniform target; 1 is KL(uniform || p) up to a constant.</param>
/// <param name="Cap">Rows at or above it have no gradient; 0 is no cap.</param>
public readonly record struct LossSpec(double Coefficient, double Smoothing, double Cap)
{
    /// <summary>Cross-entropy with the true labels.</summary>
    public static LossSpec CrossEntropy => new(1, 0, 0);
}

/// <summary>Softmax cross-entropy at the end of a network pass: loss, predictions, the gradient of the logits and their
/// tangents.</summary>
public sealed class LossHead
{
    private readonly NetworkPass _pass;
    private readonly Value _logits,
        _labels;
    private readonly LossSpec _spec;
    private readonly double _inverseCount;

    /// <summary>Emits the forward pass of the loss.</summary>
    /// <param name="pass">Pass whose logits are given.</param>
    /// <param name="logits">[N, classes].</param>
    /// <param name="labels">int [N]; negative labels are ignored.</param>
    /// <param name="spec">Loss.</param>
    public LossHead(NetworkPass pass, Value logits, Value labels, LossSpec spec)
    {
        (_pass, _logits, _labels, _spec) = (pass, logits, labels, spec);
        var p = pass.Program;
        int n = logits.Shape[0],
            classes = logits.Shape[1];
        _inverseCount = 1.0 / n;
        RowLoss = p.Real($"{pass.Name}/loss", ValueRole.Output, new Shape(n));
        Predicted = p.Raw($"{pass.Name}/predicted", ValueRole.Output, new Shape(n), sizeof(int));
        Confidence = p.Real($"{pass.Name}/confidence", ValueRole.Output, new Shape(n));
        var (kernels, shape) = (pass.Launch.SoftmaxCe, pass.Device.Blocks(n));
        var (loss, predicted, confidence) = (RowLoss, Predicted, Confidence);
        kernels.SoftmaxCeForward(
            shape,
            loss,
            predicted,
            confidence,
            logits,
            labels,
            n,
            classes,
            spec.Coefficient,
            spec.Smoothing,
            spec.Cap
        );
    }

    /// <summary>Loss of each row, real [N].</summary>
    public Value RowLoss { get; }

    /// <summary>Class of the largest logit, int [N].</summary>
    public Value Predicted { get; }

    /// <summary>Probability of the true class, real [N].</summary>
    public Value Confidence { get; }

    /// <summary>Adds the batch's loss, number of correct predictions and number of rows to three doubles of an array.</summary>
    /// <param name="totals">Three doubles.</param>
    public void Accumulate(Operand<double> totals)
    {
        var (kernels, n, shape) = (_pass.Launch.Metrics, _logits.Shape[0], _pass.Device.Blocks(1));
        var (loss, predicted, labels) = (RowLoss, Predicted, _labels);
        kernels.MetricsAccumulate(shape, totals, loss, predicted, labels, n);
    }

    /// <summary>Emits the gradient of the mean loss with respect to the logits.</summary>
    public void Backward()
    {
        int n = _logits.Shape[0],
            classes = _logits.Shape[1];
        var (kernels, shape, logits, labels, spec, inverse) = (
            _pass.Launch.SoftmaxCe,
            _pass.Device.Blocks(n),
            _logits,
            _labels,
            _spec,
            _inverseCount
        );
        var dz = _pass.GradientOf(_logits, out _);
        kernels.SoftmaxCeBackward(shape, dz, logits, labels, n, classes, spec.Coefficient, spec.Smoothing, spec.Cap, inverse);
    }

    /// <summary>Emits the tangent of the logits' gradient.</summary>
    public void BackwardTangent()
    {
        int n = _logits.Shape[0],
            classes = _logits.Shape[1];
        var (kernels, shape, logits, labels, spec, inverse) = (
            _pass.Launch.SoftmaxCe,
            _pass.Device.Blocks(n),
            _logits,
            _labels,
            _spec,
            _inverseCount
        );
        var (tz, tdz) = (_pass.TangentOf(_logits), _pass.TangentGradientOf(_logits, out _));
        kernels.SoftmaxCeBackwardTangent(shape, tdz, tz, logits, labels, n, classes, spec.Coefficient, spec.Smoothing, spec.Cap, inverse);
    }
}
