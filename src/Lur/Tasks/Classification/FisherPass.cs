using Lur.Data;
using Lur.Device;
using Lur.Layers;
using Lur.Losses;
using Lur.Models;
using Lur.Steps;
using Lur.Tensors;

namespace Lur.Tasks.Classification;

/// <summary>Labels at which squared gradients are taken.</summary>
public enum FisherLabels
{
    /// <summary>The data's: the empirical Fisher information.</summary>
    True,

    /// <summary>Every label, weighted by the model's probability of it: the Fisher information itself.</summary>
    Model,
}

/// <summary>Gradients of the cross-entropy at fixed weights, sample by sample or batch by batch, over a list of samples: running
/// statistics, captured once, replayed for every batch.</summary>
/// <remarks>The diagonal of the Fisher information is the mean of squared gradients of single samples, which takes batch size
/// 1. With larger batches the mean gradient of a batch is squared, as much public code does: faster, and smaller than the
/// diagonal by about the batch size.</remarks>
public sealed class FisherPass : IDisposable
{
    private readonly Model _model;
    private readonly IImageDataset _data;
    private readonly Program _program;
    private readonly ClassificationBatch _stage;
    private readonly SoftmaxCrossEntropy _loss;
    private ulong _counter;

    /// <summary>Plans and captures the gradient of one batch.</summary>
    /// <param name="model">Model; its current weights are used at every call.</param>
    /// <param name="data">Data set.</param>
    /// <param name="batch">Samples a gradient is the mean of.</param>
    /// <param name="augment">Random changes of the images, as training has them; off for a function of the data alone.</param>
    /// <param name="seed">Seed of the augmentation.</param>
    public FisherPass(Model model, IImageDataset data, int batch = 1, bool augment = false, ulong seed = 1)
    {
        (_model, _data, Batch) = (model, data, batch);
        var p = _program = new Program(model.Device, model.Precision) { Captured = true };
        _stage = new ClassificationBatch(p, "fisher", batch, model, augment, seed, fed: false);
        Gradient = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "gradient");
        _loss = (SoftmaxCrossEntropy)
            new GradientEvaluation(
                p,
                "fisher",
                model,
                model.Parameters,
                _stage,
                ClassificationTask.CrossEntropy(LossSpec.CrossEntropy),
                NormalizationMode.Frozen,
                Gradient
            ).Loss;
        Program.Keep(_loss.Confidence);
    }

    /// <summary>Samples of a batch.</summary>
    public int Batch { get; }

    /// <summary>Sum of the gradients of the last batch, divided by <see cref="Batch"/> whatever the number of samples.</summary>
    public FlatVector Gradient { get; }

    /// <summary>Computes <see cref="Gradient"/>; does not wait for it.</summary>
    /// <param name="samples">Up to <see cref="Batch"/> samples.</param>
    /// <param name="label">Label to use for all; negative for their own.</param>
    public void Run(ReadOnlySpan<int> samples, int label = -1)
    {
        if (samples.Length < 1 || samples.Length > Batch)
            throw new ArgumentException($"A batch has 1 to {Batch} samples; {samples.Length} were given.", nameof(samples));
        _model.Device.Synchronize(); // the previous batch has been read
        for (var i = 0; i < Batch; i++)
        {
            _stage.SetRow(i, _data, samples[Math.Min(i, samples.Length - 1)]);
            if (i >= samples.Length)
                _stage.Labels[i] = -1;
            else if (label >= 0)
                _stage.Labels[i] = label;
        }

        _stage.Counter = _counter;
        _program.Run();
    }

    /// <summary>Mean over batches of the squared mean gradient: with a batch size of 1 the Fisher diagonal.</summary>
    /// <param name="indices">Samples; at least one.</param>
    /// <param name="labels">Labels; the model's take as many gradients a batch as there are classes.</param>
    /// <param name="shift">Added to each gradient before it is squared; 0 but to repeat public code.</param>
    /// <param name="progress">Called with the number of samples done, or null.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <returns>A vector of double, owned by the caller.</returns>
    /// <exception cref="UserErrorException">A gradient is not finite.</exception>
    public FlatVector Diagonal(
        ReadOnlySpan<int> indices,
        FisherLabels labels = FisherLabels.True,
        double shift = 0,
        Action<int>? progress = null,
        CancellationToken cancellation = default
    )
    {
        var sum = new FlatVector(_model.Device, Precision.Float64, Gradient.Layout, "Fisher diagonal");
        try
        {
            var batches = ((long)indices.Length + Batch - 1) / Batch;
            for (var start = 0; start < indices.Length; start += Batch)
            {
                cancellation.ThrowIfCancellationRequested();
                var samples = indices.Slice(start, Math.Min(Batch, indices.Length - start));
                _counter = (ulong)start;
                if (labels == FisherLabels.True)
                    Square(sum, samples, -1, shift, 1.0 / batches);
                else
                    for (var y = 0; y < _model.Outputs; y++)
                        Square(sum, samples, y, shift, 1.0 / (batches * samples.Length));
                progress?.Invoke(start + samples.Length);
            }

            RequireFinite(sum, "squared gradients");
            return sum;
        }
        catch
        {
            sum.Dispose();
            throw;
        }
    }

    /// <summary>Sum of the gradients of all samples, which does not depend on the batch size but for rounding.</summary>
    /// <param name="indices">Samples.</param>
    /// <param name="progress">Called with the number of samples done, or null.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <returns>A vector of the model's precision, owned by the caller.</returns>
    public FlatVector Sum(ReadOnlySpan<int> indices, Action<int>? progress = null, CancellationToken cancellation = default)
    {
        var sum = new FlatVector(_model.Device, _model.Precision, Gradient.Layout, "gradient sum");
        var (kernels, shape) = (_model.Device.Kernels(_model.Precision).Vector, _model.Device.Elements(sum.Count));
        for (var start = 0; start < indices.Length; start += Batch)
        {
            cancellation.ThrowIfCancellationRequested();
            _counter = (ulong)start;
            Run(indices.Slice(start, Math.Min(Batch, indices.Length - start)));
            kernels.VectorAxpy(shape, sum.Pointer, Gradient.Pointer, sum.Count, Batch);
            progress?.Invoke(Math.Min(start + Batch, indices.Length));
        }

        return sum;
    }

    /// <summary>Refuses a vector that is not finite.</summary>
    /// <param name="vector">What was computed.</param>
    /// <param name="what">Its name for the message, in the plural.</param>
    /// <exception cref="UserErrorException">It has a NaN or an infinite element.</exception>
    public static void RequireFinite(FlatVector vector, string what)
    {
        using var reductions = new VectorReductions(vector.Device);
        var bad = reductions.NonFinite(vector);
        if (bad > 0)
            throw new UserErrorException($"The {what} are not finite in {bad} of {vector.Count} places: check the model and the data.");
    }

    /// <summary>A random part of a list, in the list's order.</summary>
    /// <param name="indices">The list.</param>
    /// <param name="count">How many; 0, or more than there are, for all.</param>
    /// <param name="seed">Seed of the draw.</param>
    /// <param name="stream">Name of the draw.</param>
    public static int[] Choose(ReadOnlySpan<int> indices, int count, ulong seed, string stream)
    {
        if (count <= 0 || count >= indices.Length)
            return indices.ToArray();
        var chosen = new RandomStream(seed, stream).Permutation(indices.Length).AsSpan(0, count).ToArray();
        Array.Sort(chosen);
        for (var i = 0; i < count; i++)
            chosen[i] = indices[chosen[i]];
        return chosen;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _model.Device.Synchronize();
        _program.Dispose();
        Gradient.Dispose();
    }

    private void Square(FlatVector sum, ReadOnlySpan<int> samples, int label, double shift, double weight)
    {
        Run(samples, label);
        // Rows without a sample have gradient 0 and probability 0.
        var probability = label < 0 ? default : _loss.Confidence.Pointer;
        _model
            .Device.Kernels(_model.Precision)
            .Fisher.FisherAccumulate(
                _model.Device.Elements(sum.Count),
                sum.Pointer.As<double>(),
                Gradient.Pointer,
                probability,
                sum.Count,
                Batch,
                (double)Batch / samples.Length,
                shift,
                weight
            );
    }
}
