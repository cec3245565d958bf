using Lur.Layers;
using Lur.Losses;
using Lur.Tensors;

namespace Lur.Steps;

/// <summary>How the evaluation of a batch trades time for memory.</summary>
/// <param name="MicroBatch">Rows evaluated at a time; 0 is the whole batch.</param>
/// <param name="Recompute">True to run forward and backward again before the tangent passes, instead of keeping their
/// activations until then. A split batch always does.</param>
public readonly record struct BatchSplit(int MicroBatch, bool Recompute)
{
    /// <summary>Everything at once, everything kept.</summary>
    public static BatchSplit None => default;

    /// <summary>True if a batch of a size is evaluated in parts.</summary>
    public bool Splits(int batch) => MicroBatch > 0 && MicroBatch < batch;
}

/// <summary>Loss and gradient of a batch, and the Hessian-vector product on it, whole or in micro-batches.</summary>
/// <remarks>The loss is a mean over rows, so gradient and product of the batch are the means of those of its parts, weighted
/// by their rows, provided that a row's loss does not depend on the other rows: normalisation with batch statistics
/// forbids a split.</remarks>
public sealed class BatchGradient
{
    private readonly EvaluationSite _site;
    private readonly LossFactory _loss;
    private readonly FlatVector _gradient;
    private readonly Func<string, FlatVector> _scratch;
    private readonly List<IBatch> _parts = [];
    private readonly GradientEvaluation? _kept;
    private readonly int _rows;

    /// <summary>Records loss and gradient.</summary>
    /// <param name="site">Where and at what weights; frozen normalisation if the batch is split.</param>
    /// <param name="batch">The rows.</param>
    /// <param name="loss">Records the loss behind the output.</param>
    /// <param name="gradient">Receives the gradient of the mean loss.</param>
    /// <param name="split">Whether to split and to recompute.</param>
    /// <param name="scratch">Gives a flat vector of a name for the gradient of a part; the same name, the same vector.</param>
    /// <param name="evaluated">Called with each loss as it is recorded.</param>
    public BatchGradient(
        EvaluationSite site,
        IBatch batch,
        LossFactory loss,
        FlatVector gradient,
        BatchSplit split,
        Func<string, FlatVector> scratch,
        Action<Loss> evaluated
    )
    {
        (_site, _loss, _gradient, _scratch, _rows) = (site, loss, gradient, scratch, batch.Batch);
        if (!split.Splits(batch.Batch))
        {
            var evaluation = new GradientEvaluation(site, batch, loss, gradient);
            evaluated(evaluation.Loss);
            _parts.Add(batch);
            _kept = split.Recompute ? null : evaluation;
            return;
        }

        if (site.Mode != NormalizationMode.Frozen)
            throw new ArgumentException("A batch whose statistics normalise it cannot be split.", nameof(split));
        for (var start = 0; start < batch.Batch; start += split.MicroBatch)
        {
            var rows = Math.Min(split.MicroBatch, batch.Batch - start);
            _parts.Add(batch.Part(site.Program, $"{site.Name}[{start}..]", start, rows));
        }

        var part = scratch("gradient of a part");
        for (var i = 0; i < _parts.Count; i++)
        {
            evaluated(new GradientEvaluation(site with { Name = PartName(i) }, _parts[i], loss, part).Loss);
            Add(gradient, part, i);
        }
    }

    /// <summary>Records h = H v on the same batch; running statistics are not touched.</summary>
    /// <param name="v">Direction; read.</param>
    /// <param name="h">Receives H v.</param>
    public void HessianVectorProduct(FlatVector v, FlatVector h)
    {
        if (_kept is not null)
        {
            _kept.HessianVectorProduct(v, h);
            return;
        }

        // The first evaluation moved the running statistics where they move; this one must not.
        var mode = _site.Mode == NormalizationMode.TrainAndUpdate ? NormalizationMode.Train : _site.Mode;
        // A whole batch evaluated again writes the bits its gradient holds already: no other vector is needed.
        var again = _parts.Count == 1 ? _gradient : _scratch("gradient of a part");
        var tangent = _parts.Count == 1 ? h : _scratch("product of a part");
        for (var i = 0; i < _parts.Count; i++)
        {
            var site = _site with { Name = PartName(i) + "/again", Mode = mode };
            _ = GradientEvaluation.WithProduct(site, _parts[i], _loss, again, v, tangent);
            if (_parts.Count > 1)
                Add(h, tangent, i);
        }
    }

    private string PartName(int i) => _parts.Count == 1 ? _site.Name : $"{_site.Name}[{i}]";

    private void Add(FlatVector total, FlatVector part, int i)
    {
        var (kernels, n, shape, share) = (
            _site.Program.Launch.Vector,
            total.Count,
            _site.Program.Device.Elements(total.Count),
            (double)_parts[i].Batch / _rows
        );
        if (i == 0)
            kernels.VectorScale(shape, total, part, n, share);
        else
            kernels.VectorAxpy(shape, total, part, n, share);
    }
}
