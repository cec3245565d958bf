using Lur.Checkpoints;
using Lur.Data;
using Lur.Tasks;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>Batches of one set of a task, in an order of its own, which an interrupted run goes on with where it stood.</summary>
internal sealed class MethodFeed : IDisposable
{
    private readonly IImageDataset _data;
    private readonly int[] _indices;
    private readonly int _batchSize;
    private readonly ulong _order;
    private BatchFeed _feed;

    /// <summary>Starts feeding.</summary>
    /// <param name="task">Gives data and seed.</param>
    /// <param name="name">Name of the order of batches, and of the position in a checkpoint.</param>
    /// <param name="indices">Samples to draw from.</param>
    /// <param name="batchSize">Batch size.</param>
    /// <param name="order">Seed of the order; null for that of the name and the task's seed.</param>
    public MethodFeed(UnlearningTask task, string name, int[] indices, int batchSize, ulong? order = null)
    {
        (_data, Name, _indices, _batchSize) = (task.Data, name, indices, batchSize);
        _order = order ?? RandomStream.StreamOf("order/" + name, (long)task.Seed);
        _feed = new BatchFeed(_data, indices, batchSize, _order);
    }

    /// <summary>Name of the order.</summary>
    public string Name { get; }

    /// <summary>Batches a pass.</summary>
    public int BatchesPerEpoch => _feed.BatchesPerEpoch;

    /// <summary>Samples of the batch that was given last.</summary>
    public ReadOnlySpan<int> Indices => _feed.Indices;

    /// <summary>Copies the next batch into a stage and moves on.</summary>
    public void Fill(BatchStage stage) => _feed.Fill(stage);

    /// <summary>Puts the position into a state.</summary>
    public void Save(TrainingState state)
    {
        state.Set($"feed/{Name}/epoch", _feed.Position.Epoch);
        state.Set($"feed/{Name}/batch", _feed.Position.Batch);
    }

    /// <summary>Goes on at a saved position.</summary>
    public void Restore(TrainingState state)
    {
        var position = new SamplerPosition(state.GetInt64($"feed/{Name}/epoch"), (int)state.GetInt64($"feed/{Name}/batch"));
        _feed.Dispose();
        _feed = new BatchFeed(_data, _indices, _batchSize, _order, position);
    }

    /// <inheritdoc/>
    public void Dispose() => _feed.Dispose();
}
