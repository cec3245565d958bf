using Lur.Data;
using Lur.Device;

namespace Lur.Tasks;

/// <summary>Feeds shuffled batches of a data set into a <see cref="BatchStage"/>, assembled ahead on a background thread and sent to
/// the device while it works on the step before.</summary>
/// <remarks>The k-th batch is a function of (indices, batch size, seed, k); the augmentation counter is k times the batch
/// size. A feed set to a position continues exactly. Memory is taken and the thread started by the first <see cref="Fill"/>.</remarks>
public sealed class BatchFeed : IDisposable
{
    // One that a step reads, one that is sent ahead, one that is being assembled.
    private const int RingSize = 3;
    private readonly Resources _resources = new();
    private readonly IImageDataset _data;
    private readonly BatchSampler _sampler;
    private readonly int[] _indices;
    private PrefetchLoader? _loader;
    private LoadedBatch? _current,
        _ahead;

    /// <summary>Prepares feeding.</summary>
    /// <param name="data">Data set.</param>
    /// <param name="indices">Samples to draw from.</param>
    /// <param name="batchSize">Batch size.</param>
    /// <param name="seed">Seed of the permutations.</param>
    /// <param name="start">First position.</param>
    public BatchFeed(IImageDataset data, ReadOnlySpan<int> indices, int batchSize, ulong seed, SamplerPosition start = default)
    {
        _data = data;
        _sampler = new BatchSampler(indices, batchSize, seed) { Position = start };
        (BatchesPerEpoch, BatchSize, Position) = (_sampler.BatchesPerEpoch, batchSize, start);
        _indices = new int[batchSize];
    }

    /// <summary>Samples a batch.</summary>
    public int BatchSize { get; }

    /// <summary>Batches a pass.</summary>
    public int BatchesPerEpoch { get; }

    /// <summary>The batch that <see cref="Fill"/> gives next.</summary>
    public SamplerPosition Position { get; private set; }

    /// <summary>Samples of the batch that <see cref="Fill"/> gave last.</summary>
    public ReadOnlySpan<int> Indices => _indices;

    /// <summary>Number of batches before <see cref="Position"/>.</summary>
    public long BatchNumber => (Position.Epoch * BatchesPerEpoch) + Position.Batch;

    /// <summary>Makes the next run of a stage's step read the next batch, and moves on. The device may still work on the run
    /// before.</summary>
    public void Fill(BatchStage stage)
    {
        var loader = _loader ??= Start(stage.Device);
        Release(loader);
        var batch = _current = _ahead ?? loader.Take();
        _ahead = null;
        stage.Take(Numbered(batch, BatchNumber));
        batch.Buffer.Labels.CopyTo(stage.Labels);
        batch.Indices.CopyTo(_indices);
        stage.Counter = (ulong)(BatchNumber * BatchSize);
        Position = batch.Next;
        _ahead = loader.TryTake();
        if (_ahead is not null)
            stage.TakeAhead(Numbered(_ahead, BatchNumber));
    }

    /// <inheritdoc/>
    public void Dispose() => _resources.Dispose();

    private static PinnedBatch Numbered(LoadedBatch batch, long number)
    {
        var buffer = (PinnedBatch)batch.Buffer;
        buffer.Number = number;
        return buffer;
    }

    private PrefetchLoader Start(ComputeDevice device)
    {
        var ring = new IBatchBuffer[RingSize];
        for (var i = 0; i < ring.Length; i++)
            ring[i] = _resources.Own(new PinnedBatch(device, BatchSize, _data.SampleBytes));
        return _resources.Own(new PrefetchLoader(_data, _sampler, ring));
    }

    private void Release(PrefetchLoader loader)
    {
        if (_current is null)
            return;
        ((PinnedBatch)_current.Buffer).WaitUntilSent();
        loader.Release(_current);
        _current = null;
    }
}
