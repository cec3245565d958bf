using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Tensors;

namespace Lur.Training;

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
    private readonly Program _program;
    private readonly string _name;
    private readonly Model _model;
    private readonly FlatVector _weights,
        _gradient;
    private readonly LossSpec _loss;
    private readonly NormalizationMode _mode;
    private readonly Func<string, FlatVector> _scratch;
    private readonly List<IBatch> _parts = [];
    private readonly GradientEvaluation? _kept;
    private readonly int _rows;

    /// <summary>Emits loss and gradient.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names.</param>
    /// <param name="model">Gives network and running statistics.</param>
    /// <param name="weights">Parameters to evaluate at.</param>
    /// <param name="batch">Images and labels.</param>
    /// <param name="loss">Loss.</param>
    /// <param name="mode">Behaviour of normalisation layers; frozen if the batch is split.</param>
    /// <param name="gradient">Receives the gradient of the mean loss.</param>
    /// <param name="split">Whether to split and to recompute.</param>
    /// <param name="scratch">Gives a flat vector of a name for the gradient of a part; the same name, the same vector.</param>
    /// <param name="evaluated">Called with each loss head as it is emitted.</param>
    public BatchGradient(
        Program program,
        string name,
        Model model,
        FlatVector weights,
        IBatch batch,
        LossSpec loss,
        NormalizationMode mode,
        FlatVector gradient,
        BatchSplit split,
        Func<string, FlatVector> scratch,
        Action<LossHead> evaluated
    )
    {
        (_program, _name, _model, _weights, _gradient, _loss, _mode, _scratch, _rows) = (
            program,
            name,
            model,
            weights,
            gradient,
            loss,
            mode,
            scratch,
            batch.Batch
        );
        if (!split.Splits(batch.Batch))
        {
            var evaluation = new GradientEvaluation(program, name, model, weights, batch, loss, mode, gradient);
            evaluated(evaluation.Loss);
            _parts.Add(batch);
            _kept = split.Recompute ? null : evaluation;
            return;
        }

        if (mode != NormalizationMode.Frozen)
            throw new ArgumentException("A batch whose statistics normalise it cannot be split.", nameof(split));
        for (var start = 0; start < batch.Batch; start += split.MicroBatch)
        {
            _parts.Add(new BatchPart(program, $"{name}[{start}..]", batch, start, Math.Min(split.MicroBatch, batch.Batch - start)));
        }

        var part = scratch("gradient of a part");
        for (var i = 0; i < _parts.Count; i++)
        {
            evaluated(new GradientEvaluation(program, PartName(i), model, weights, _parts[i], loss, mode, part).Loss);
            Add(gradient, part, i);
        }
    }

    /// <summary>Emits h = H v on the same batch; running statistics are not touched.</summary>
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
        var mode = _mode == NormalizationMode.TrainAndUpdate ? NormalizationMode.Train : _mode;
        // A whole batch evaluated again writes the bits its gradient holds already: no other vector is needed.
        var again = _parts.Count == 1 ? _gradient : _scratch("gradient of a part");
        var tangent = _parts.Count == 1 ? h : _scratch("product of a part");
        for (var i = 0; i < _parts.Count; i++)
        {
            _ = GradientEvaluation.WithProduct(
                _program,
                PartName(i) + "/again",
                _model,
                _weights,
                _parts[i],
                _loss,
                mode,
                again,
                v,
                tangent
            );
            if (_parts.Count > 1)
                Add(h, tangent, i);
        }
    }

    private string PartName(int i) => _parts.Count == 1 ? _name : $"{_name}[{i}]";

    private void Add(FlatVector total, FlatVector part, int i)
    {
        var (kernels, n, shape, share) = (
            _program.Launch.Vector,
            total.Count,
            _program.Device.Elements(total.Count),
            (double)_parts[i].Batch / _rows
        );
        if (i == 0)
            kernels.VectorScale(shape, total, part, n, share);
        else
            kernels.VectorAxpy(shape, total, part, n, share);
    }

    /// <summary>Some rows of a batch, copied so that they begin at an aligned address.</summary>
    private sealed class BatchPart : IBatch
    {
        public BatchPart(Program program, string name, IBatch whole, int start, int rows)
        {
            Batch = rows;
            var images = whole.Input.Shape;
            Input = program.Real($"{name}/images", ValueRole.Input, new Shape(rows, images[1], images[2], images[3]));
            DeviceLabels = program.Raw($"{name}/labels", ValueRole.Input, new Shape(rows), sizeof(int));
            var (device, row, size) = (program.Device, images.Count / images[0], program.Precision.Size());
            var (fromImages, fromLabels, toImages, toLabels) = (whole.Input, whole.DeviceLabels, Input, DeviceLabels);
            program.Copy<Real>(toImages, ((Operand<Real>)fromImages).At((long)start * row, size), (long)rows * row * size);
            program.Copy(toLabels, fromLabels.At<int>(start), (long)rows * sizeof(int));
        }

        public int Batch { get; }

        public Value Input { get; }

        public Value DeviceLabels { get; }
    }
}
