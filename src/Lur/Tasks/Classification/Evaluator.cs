using Lur.Data;
using Lur.Layers;
using Lur.Losses;
using Lur.Metrics;
using Lur.Models;

namespace Lur.Tasks.Classification;

/// <summary>Predictions of a model in evaluation mode: running statistics, no augmentation.</summary>
public sealed class Evaluator : IDisposable
{
    private readonly Model _model;
    private readonly Program _program;
    private readonly ClassificationBatch _stage;
    private readonly SoftmaxCrossEntropy _loss;
    private readonly Value _logits;
    private readonly int[] _predicted;
    private readonly float[] _confidence,
        _rowLoss,
        _rowLogits;
    private readonly double[] _wide;

    /// <summary>Plans the evaluation step.</summary>
    /// <param name="model">Model; its current weights are used at every call.</param>
    /// <param name="batchSize">Batch size; results do not depend on it.</param>
    /// <exception cref="UserErrorException">The model draws images.</exception>
    public Evaluator(Model model, int batchSize = 128)
    {
        ClassificationTask.Require(model);
        _model = model;
        var p = _program = new Program(model.Device, model.Precision) { Captured = true };
        _stage = new ClassificationBatch(p, "evaluate", batchSize, model, augment: false, seed: 0, fed: false);
        var pass = new NetworkPass(p, "evaluate", batchSize, model.Parameters, model.Buffers, NormalizationMode.Frozen)
        {
            Frozen = model.Frozen,
        };
        _logits = Program.Keep(model.Network.Forward(pass, _stage.Input));
        _loss = new SoftmaxCrossEntropy(p, "evaluate", _logits, _stage.DeviceLabels, LossSpec.CrossEntropy);
        Program.Keep(_loss.RowLoss);
        Program.Keep(_loss.Predicted);
        Program.Keep(_loss.Confidence);
        _predicted = new int[batchSize];
        (_confidence, _rowLoss, _rowLogits) = (new float[batchSize], new float[batchSize], new float[_logits.Shape.Count]);
        _wide = new double[_logits.Shape.Count];
    }

    /// <summary>Predicts samples of a data set, without the probabilities of all classes.</summary>
    /// <param name="data">Data set.</param>
    /// <param name="indices">Samples, in the order of the result.</param>
    /// <param name="progress">Called with the number of samples done, or null.</param>
    /// <param name="cancellation">Stops between batches.</param>
    public Predictions Predict(
        IImageDataset data,
        ReadOnlySpan<int> indices,
        Action<int>? progress = null,
        CancellationToken cancellation = default
    ) => Predict(data, indices, probabilities: false, progress, cancellation);

    /// <summary>Predicts samples of a data set.</summary>
    /// <param name="data">Data set.</param>
    /// <param name="indices">Samples, in the order of the result.</param>
    /// <param name="probabilities">Also collects the probabilities of all classes: <see cref="Predictions.Probabilities"/>.</param>
    /// <param name="progress">Called with the number of samples done, or null.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="UserErrorException">An output is NaN or infinite: no class is the largest then.</exception>
    public Predictions Predict(
        IImageDataset data,
        ReadOnlySpan<int> indices,
        bool probabilities,
        Action<int>? progress = null,
        CancellationToken cancellation = default
    )
    {
        int count = indices.Length,
            classes = _logits.Shape[1];
        var result = new Predictions(indices.ToArray(), new int[count], new int[count], new float[count], new float[count])
        {
            Probabilities = probabilities ? new float[count * classes] : null,
        };
        for (var start = 0; start < count; start += _stage.Batch)
        {
            cancellation.ThrowIfCancellationRequested();
            var n = Math.Min(_stage.Batch, count - start);
            for (var i = 0; i < _stage.Batch; i++)
            {
                // Rows beyond the last sample repeat it with a label that is ignored; evaluation has no batch statistics.
                _stage.SetRow(i, data, indices[start + Math.Min(i, n - 1)]);
                if (i >= n)
                    _stage.Labels[i] = -1;
            }

            _program.Run();
            Read(_loss.Confidence, _confidence);
            Read(_loss.RowLoss, _rowLoss);
            Read(_logits, _rowLogits);
            RequireFinite(data, indices, start, n);
            _model.Device.Download(_predicted.AsSpan(), _loss.Predicted.Typed<int>());
            _stage.Labels[..n].CopyTo(result.Labels.AsSpan(start));
            _predicted.AsSpan(0, n).CopyTo(result.Predicted.AsSpan(start));
            _confidence.AsSpan(0, n).CopyTo(result.Confidence.AsSpan(start));
            _rowLoss.AsSpan(0, n).CopyTo(result.Loss.AsSpan(start));
            if (result.Probabilities is { } all)
            {
                for (var i = 0; i < n; i++)
                    Softmax(_rowLogits.AsSpan(i * classes, classes), all.AsSpan((start + i) * classes, classes));
            }

            progress?.Invoke(start + n);
        }

        return result;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _program.Dispose();
    }

    private void RequireFinite(IImageDataset data, ReadOnlySpan<int> indices, int start, int count)
    {
        var classes = _logits.Shape[1];
        for (var i = 0; i < count * classes; i++)
            if (!float.IsFinite(_rowLogits[i]))
                throw new UserErrorException(
                    $"The model's output for sample {indices[start + (i / classes)]} of {data.Name} is {_rowLogits[i]}, not a "
                        + $"finite number, "
                        + "so that it names no class; its training or unlearning diverged, and a smaller learning rate may help."
                )
                {
                    IsDivergence = true,
                };
    }

    private static void Softmax(ReadOnlySpan<float> logits, Span<float> probabilities)
    {
        double max = double.NegativeInfinity,
            sum = 0;
        foreach (var z in logits)
            max = Math.Max(max, z);
        foreach (var z in logits)
            sum += Math.Exp(z - max);
        for (var c = 0; c < logits.Length; c++)
            probabilities[c] = (float)(Math.Exp(logits[c] - max) / sum);
    }

    private void Read(Value value, float[] target)
    {
        if (_program.Precision == Lur.Device.Precision.Float32)
        {
            _model.Device.Download(target.AsSpan(), value.Pointer);
            return;
        }

        _model.Device.Download(_wide.AsSpan(0, target.Length), value.Pointer);
        for (var i = 0; i < target.Length; i++)
            target[i] = (float)_wide[i];
    }
}
