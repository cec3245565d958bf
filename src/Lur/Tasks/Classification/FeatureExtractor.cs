using Lur.Data;
using Lur.Layers;
using Lur.Metrics.Generation;
using Lur.Models;

namespace Lur.Tasks.Classification;

/// <summary>What a classifier sees in images.</summary>
/// <param name="Labels">Labels the images came with.</param>
/// <param name="Probabilities">Softmax rows, images x classes.</param>
/// <param name="Features">What its head is given, a row an image.</param>
public sealed record SeenImages(int[] Labels, double[] Probabilities, FeatureRows Features)
{
    /// <summary>Number of images.</summary>
    public int Count => Labels.Length;

    /// <summary>Share of the images whose label has the largest probability, the lowest class on ties; percent, NaN without
    /// images.</summary>
    public double Accuracy
    {
        get
        {
            if (Count == 0)
                return double.NaN;
            var classes = Probabilities.Length / Count;
            return 100.0 * Labels.Where((label, i) => Largest(Probabilities.AsSpan(i * classes, classes)) == label).Count() / Count;
        }
    }

    private static int Largest(ReadOnlySpan<double> row)
    {
        var best = 0;
        for (var c = 1; c < row.Length; c++)
            best = row[c] > row[best] ? c : best;
        return best;
    }
}

/// <summary>Probabilities and features of images by a classifier in evaluation mode: running statistics, no augmentation. Features are
/// the input of the last layer, of a residual network the means over all positions.</summary>
public sealed class FeatureExtractor : IDisposable
{
    private readonly Program _program;
    private readonly ClassificationBatch _stage;
    private readonly Value _logits,
        _features;

    /// <summary>Plans the pass.</summary>
    /// <param name="model">A classifier; its current weights are used at every call.</param>
    /// <param name="batchSize">Batch size; results do not depend on it.</param>
    public FeatureExtractor(Model model, int batchSize = 128)
    {
        ArgumentNullException.ThrowIfNull(model);
        var p = _program = new Program(model.Device, model.Precision) { Captured = true };
        _stage = new ClassificationBatch(p, "features", batchSize, model, augment: false, seed: 0, fed: false);
        var pass = new NetworkPass(p, "features", batchSize, model.Parameters, model.Buffers, NormalizationMode.Frozen)
        {
            Frozen = model.Frozen,
        };
        _logits = Program.Keep(model.Network.Forward(pass, _stage.Input));
        _features = Program.Keep(Network.Input(pass, model.Network.Nodes[^1]));
    }

    /// <summary>Numbers of a feature.</summary>
    public int Dimension => _features.Shape.Count / _stage.Batch;

    /// <summary>Looks at samples of a data set.</summary>
    /// <param name="data">Data set, of images as the model takes them.</param>
    /// <param name="indices">Samples, in the order of the result.</param>
    /// <param name="progress">Called with the number of samples done, or null.</param>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="UserErrorException">An output is NaN or infinite.</exception>
    public SeenImages See(IImageDataset data, ReadOnlySpan<int> indices, Action<int>? progress = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        var (count, classes, d) = (indices.Length, _logits.Shape.Innermost, Dimension);
        var (labels, probabilities, features) = (new int[count], new double[count * classes], new double[count * d]);
        for (var start = 0; start < count; start += _stage.Batch)
        {
            cancel.ThrowIfCancellationRequested();
            var n = Math.Min(_stage.Batch, count - start);
            // Rows beyond the last sample repeat it; evaluation has no batch statistics.
            for (var row = 0; row < _stage.Batch; row++)
                _stage.SetRow(row, data, indices[start + Math.Min(row, n - 1)]);
            _program.Run();
            var (logits, rows) = (HostCopy.Of(_program, _logits), HostCopy.Of(_program, _features));
            _stage.Labels[..n].CopyTo(labels.AsSpan(start));
            for (var i = 0; i < n; i++)
                Softmax(logits.AsSpan(i * classes, classes), probabilities.AsSpan((start + i) * classes, classes), data);
            rows.AsSpan(0, n * d).CopyTo(features.AsSpan(start * d));
            progress?.Invoke(start + n);
        }

        return new SeenImages(labels, probabilities, FeatureRows.Of<double>(features, d));
    }

    /// <inheritdoc/>
    public void Dispose() => _program.Dispose();

    private static void Softmax(ReadOnlySpan<double> logits, Span<double> probabilities, IImageDataset data)
    {
        var (largest, sum) = (double.NegativeInfinity, 0.0);
        foreach (var z in logits)
        {
            if (!double.IsFinite(z))
                throw new UserErrorException(
                    $"The classifier's output for an image of {data.Name} is {z}, not a finite number; its training diverged, and a "
                        + "smaller learning rate may help."
                )
                {
                    IsDivergence = true,
                };
            largest = Math.Max(largest, z);
        }

        foreach (var z in logits)
            sum += Math.Exp(z - largest);
        for (var c = 0; c < logits.Length; c++)
            probabilities[c] = Math.Exp(logits[c] - largest) / sum;
    }
}
