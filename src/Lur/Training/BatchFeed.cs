using Lur.Data;
using Lur.Steps;

namespace Lur.Training;

/// <summary>Feeds shuffled batches of a data set into a <see cref="BatchStage"/>, assembled ahead on a background thread.</summary>
/// <remarks>The k-th batch is a function of (indices, batch size, seed, k); the augmentation counter is k times the batch
/// size. A feed set to a position continues exactly.</remarks>
public sealed class BatchFeed : IDisposable
{
    private readonly PrefetchLoader _loader;
    private readonly int _batchesPerEpoch;
    private readonly int[] _indices;

    /// <summary>Starts feeding.</summary>
    /// <param name="data">Data set.</param>
    /// <param name="indices">Samples to draw from.</param>
    /// <param name="batchSize">Batch size.</param>
    /// <param name="seed">Seed of the permutations.</param>
    /// <param name="start">First position.</param>
    public BatchFeed(IImageDataset data, ReadOnlySpan<int> indices, int batchSize, ulong seed, SamplerPosition start = default)
    {
        var sampler = new BatchSampler(indices, batchSize, seed) { Position = start };
        _batchesPerEpoch = sampler.BatchesPerEpoch;
        BatchSize = batchSize;
        _indices = new int[batchSize];
        Position = start;
        var buffers = Enumerable.Range(0, 4).Select(_ => (IBatchBuffer)new ArrayBatchBuffer(batchSize, data.SampleBytes)).ToArray();
        _loader = new PrefetchLoader(data, sampler, buffers);
    }

    /// <summary>Samples a batch.</summary>
    public int BatchSize { get; }

    /// <summary>Batches a pass.</summary>
    public int BatchesPerEpoch => _batchesPerEpoch;

    /// <summary>The batch that <see cref="Fill"/> gives next.</summary>
    public SamplerPosition Position { get; private set; }

    /// <summary>Samples of the batch that <see cref="Fill"/> gave last.</summary>
    public ReadOnlySpan<int> Indices => _indices;

    /// <summary>Number of batches before <see cref="Position"/>.</summary>
    public long BatchNumber => (Position.Epoch * _batchesPerEpoch) + Position.Batch;

    /// <summary>Copies the next batch into a stage and moves on. The device must be done with the stage's previous batch.</summary>
    public void Fill(BatchStage stage)
    {
        var batch = _loader.Take();
        batch.Buffer.Images.CopyTo(stage.Images);
        batch.Buffer.Labels.CopyTo(stage.Labels);
        batch.Indices.CopyTo(_indices);
        stage.Counter = (ulong)(BatchNumber * BatchSize);
        Position = batch.Next;
        _loader.Release(batch);
    }

    /// <inheritdoc/>
    public void Dispose() => _loader.Dispose();
}
