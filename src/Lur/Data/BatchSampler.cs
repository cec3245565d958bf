using Lur.Tensors;

namespace Lur.Data;

/// <summary>Where a sampler stands: the batch it gives next. Enough to go on in another process.</summary>
/// <param name="Epoch">Passes over the samples that are complete.</param>
/// <param name="Batch">Batches of the current pass already given.</param>
public readonly record struct SamplerPosition(long Epoch, int Batch);

/// <summary>
/// Gives index batches, pass after pass. Each pass is a permutation that is a pure function of (seed, epoch): Fisher-Yates
/// with Philox draws. Every batch is full, because a captured step has one shape: the last of a pass is topped up from
/// the head of the same pass's permutation, so that no sample is left out and none of the next pass is used early. A
/// sample at the head then counts twice in that pass; over passes the doubled samples change.
/// </summary>
/// <remarks>Not thread-safe. <see cref="Next"/> allocates nothing.</remarks>
public sealed class BatchSampler
{
    private readonly int[] _indices,
        _order;
    private readonly RandomStream _random;
    private readonly bool _shuffle;
    private long _orderEpoch = -1;
    private SamplerPosition _position;

    /// <summary>Creates a sampler.</summary>
    /// <param name="indices">Indices into a data set; at least one.</param>
    /// <param name="batchSize">Samples a batch; may exceed the number of indices, which then repeat.</param>
    /// <param name="seed">Seed of the permutations.</param>
    /// <param name="shuffle">False gives every pass in the order of <paramref name="indices"/>, for evaluation.</param>
    /// <exception cref="UserErrorException">No index, or a batch size below 1.</exception>
    public BatchSampler(ReadOnlySpan<int> indices, int batchSize, ulong seed, bool shuffle = true)
    {
        if (indices.Length == 0)
            throw new UserErrorException("There is no sample to make batches of.");
        if (batchSize < 1)
            throw new UserErrorException($"The batch size {batchSize} is out of range, expected 1 or more.");
        _indices = indices.ToArray();
        _order = new int[indices.Length];
        BatchSize = batchSize;
        BatchesPerEpoch = (int)(((long)indices.Length + batchSize - 1) / batchSize);
        _random = new RandomStream(seed, "data/shuffle");
        _shuffle = shuffle;
    }

    /// <summary>Samples a batch.</summary>
    public int BatchSize { get; }

    /// <summary>Samples a pass, without topping up.</summary>
    public int Count => _indices.Length;

    /// <summary>Batches a pass: Count / BatchSize, rounded up.</summary>
    public int BatchesPerEpoch { get; }

    /// <summary>The batch that <see cref="Next"/> gives; set it to resume.</summary>
    /// <exception cref="UserErrorException">Set to a batch that no pass has: the position is of another sampler.</exception>
    public SamplerPosition Position
    {
        get => _position;
        set
        {
            if (value.Epoch < 0 || value.Batch < 0 || value.Batch >= BatchesPerEpoch)
                throw new UserErrorException(
                    $"The sampler position epoch {value.Epoch}, batch {value.Batch} does not exist with {BatchesPerEpoch} "
                        + $"batches an epoch; it belongs to other data or another batch size."
                );
            _position = value;
        }
    }

    /// <summary>Gives the next batch and moves on.</summary>
    /// <param name="batch">BatchSize indices, written.</param>
    /// <returns>How many of them, from the front, are not topping up.</returns>
    public int Next(Span<int> batch)
    {
        if (batch.Length != BatchSize)
            throw new ArgumentException($"A batch has {BatchSize} indices, but the buffer has {batch.Length}.");
        var order = OrderOf(_position.Epoch);
        int start = _position.Batch * BatchSize,
            fresh = Math.Min(BatchSize, order.Length - start);
        for (int i = 0, source = start; i < batch.Length; i++, source++)
        {
            if (source == order.Length)
                source = 0;
            batch[i] = order[source];
        }
        _position =
            _position.Batch + 1 < BatchesPerEpoch
                ? _position with
                {
                    Batch = _position.Batch + 1,
                }
                : new SamplerPosition(_position.Epoch + 1, 0);
        return fresh;
    }

    private ReadOnlySpan<int> OrderOf(long epoch)
    {
        if (!_shuffle)
            return _indices;
        if (epoch != _orderEpoch)
        {
            _indices.CopyTo(_order, 0);
            // Each epoch has 2^34 words of the stream to itself, which no permutation of an int's range uses up.
            _random.Position = (ulong)epoch << 34;
            _random.Shuffle<int>(_order);
            _orderEpoch = epoch;
        }
        return _order;
    }
}
