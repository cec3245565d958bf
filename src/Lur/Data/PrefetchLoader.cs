using System.Runtime.ExceptionServices;

namespace Lur.Data;

/// <summary>Memory that a batch is assembled in, such as pinned host memory; the owner keeps it alive.</summary>
public interface IBatchBuffer
{
    /// <summary>BatchSize * Channels * Height * Width bytes, sample after sample.</summary>
    Span<byte> Images { get; }

    /// <summary>BatchSize labels.</summary>
    Span<int> Labels { get; }
}

/// <summary>A batch buffer in managed memory.</summary>
/// <param name="batchSize">Samples a batch.</param>
/// <param name="sampleBytes">Bytes a sample.</param>
public sealed class ArrayBatchBuffer(int batchSize, int sampleBytes) : IBatchBuffer
{
    private readonly byte[] _images = new byte[checked(batchSize * sampleBytes)];
    private readonly int[] _labels = new int[batchSize];

    /// <inheritdoc/>
    public Span<byte> Images => _images;

    /// <inheritdoc/>
    public Span<int> Labels => _labels;
}

/// <summary>A filled batch, valid from <see cref="PrefetchLoader.Take"/> to <see cref="PrefetchLoader.Release"/>.</summary>
public sealed class LoadedBatch
{
    internal LoadedBatch(IBatchBuffer buffer, int batchSize)
    {
        Buffer = buffer;
        IndexArray = new int[batchSize];
    }

    /// <summary>The memory with images and labels: one of those given to the loader.</summary>
    public IBatchBuffer Buffer { get; }

    /// <summary>Indices of the samples in the data set.</summary>
    public ReadOnlySpan<int> Indices => IndexArray;

    /// <summary>How many samples, from the front, are not topping up of the last batch of a pass.</summary>
    public int FreshCount { get; internal set; }

    /// <summary>Which batch this is.</summary>
    public SamplerPosition Position { get; internal set; }

    /// <summary>The batch after this one: what a checkpoint written after this batch's step stores.</summary>
    public SamplerPosition Next { get; internal set; }

    internal int[] IndexArray { get; }
    internal SlotState State { get; set; }
    internal Exception? Failure { get; set; }
}

internal enum SlotState
{
    Free,
    Filling,
    Ready,
    Taken,
}

/// <summary>
/// Assembles batches ahead of their use on background threads, into a ring of buffers given by the caller. The order of
/// batches is the sampler's whatever the threads do, and nothing is allocated per batch.
/// </summary>
public sealed class PrefetchLoader : IDisposable
{
    private readonly IImageDataset _data;
    private readonly BatchSampler _sampler;
    private readonly LoadedBatch[] _ring;
    private readonly Thread[] _workers;
    private readonly object _gate = new();
    private readonly int _sampleBytes;
    private long _nextFill,
        _nextTake,
        _nextRelease;
    private bool _stop;

    /// <summary>Starts loading at the sampler's position; from here on the sampler belongs to the loader.</summary>
    /// <param name="data">Where samples come from.</param>
    /// <param name="sampler">Which samples, in which order.</param>
    /// <param name="buffers">The ring: two or more let loading and use overlap.</param>
    /// <param name="workers">Threads that assemble; more than one pays where samples are decoded or generated.</param>
    /// <exception cref="ArgumentException">No buffer, or one of the wrong size.</exception>
    public PrefetchLoader(IImageDataset data, BatchSampler sampler, IReadOnlyList<IBatchBuffer> buffers, int workers = 1)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(sampler);
        ArgumentNullException.ThrowIfNull(buffers);
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        ArgumentOutOfRangeException.ThrowIfZero(buffers.Count);
        _data = data;
        _sampler = sampler;
        _sampleBytes = data.SampleBytes;
        foreach (var b in buffers)
            if (b.Images.Length != sampler.BatchSize * _sampleBytes || b.Labels.Length != sampler.BatchSize)
                throw new ArgumentException(
                    $"A buffer holds {b.Images.Length} bytes and {b.Labels.Length} labels, expected "
                        + $"{sampler.BatchSize * _sampleBytes} and {sampler.BatchSize}."
                );
        _ring = [.. buffers.Select(b => new LoadedBatch(b, sampler.BatchSize))];
        _workers =
        [
            .. Enumerable
                .Range(0, Math.Min(workers, _ring.Length))
                .Select(i => new Thread(Work) { IsBackground = true, Name = $"Lur loader {i}" }),
        ];
        foreach (var worker in _workers)
            worker.Start();
    }

    /// <summary>Waits for the next batch.</summary>
    /// <returns>The batch; give it back with <see cref="Release"/>.</returns>
    /// <exception cref="UserErrorException">A sample of the batch is damaged.</exception>
    /// <exception cref="InvalidOperationException">Every buffer is taken: waiting would never end.</exception>
    public LoadedBatch Take()
    {
        lock (_gate)
        {
            var slot = _ring[_nextTake % _ring.Length];
            if (slot.State == SlotState.Taken)
                throw new InvalidOperationException("Every buffer of the loader is taken; release one first.");
            while (slot.State != SlotState.Ready)
            {
                ObjectDisposedException.ThrowIf(_stop, this);
                Monitor.Wait(_gate);
            }
            if (slot.Failure is { } failure)
                ExceptionDispatchInfo.Throw(failure);
            slot.State = SlotState.Taken;
            _nextTake++;
            return slot;
        }
    }

    /// <summary>The next batch, where it is ready and not damaged.</summary>
    /// <returns>The batch, to be given back with <see cref="Release"/>; null where <see cref="Take"/> would wait or fail.</returns>
    public LoadedBatch? TryTake()
    {
        lock (_gate)
        {
            var slot = _ring[_nextTake % _ring.Length];
            if (slot.State != SlotState.Ready || slot.Failure is not null)
                return null;
            slot.State = SlotState.Taken;
            _nextTake++;
            return slot;
        }
    }

    /// <summary>Gives a batch back for refilling; batches go back in the order they were taken.</summary>
    /// <param name="batch">The oldest batch taken and not released.</param>
    public void Release(LoadedBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        lock (_gate)
        {
            if (batch.State != SlotState.Taken || batch != _ring[_nextRelease % _ring.Length])
                throw new InvalidOperationException("Only the oldest batch taken can be released.");
            batch.State = SlotState.Free;
            _nextRelease++;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Stops the threads and waits for them; the buffers may be freed afterwards.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _stop = true;
            Monitor.PulseAll(_gate);
        }
        foreach (var worker in _workers)
            worker.Join();
    }

    private void Work()
    {
        while (Claim() is { } slot)
        {
            Exception? failure = null;
            try
            {
                Fill(slot);
            }
            catch (Exception e)
            {
                // Carried to the thread that asks for this batch; an exception here would end the process.
                failure = e;
            }
            lock (_gate)
            {
                slot.Failure = failure;
                slot.State = SlotState.Ready;
                Monitor.PulseAll(_gate);
            }
        }
    }

    private LoadedBatch? Claim()
    {
        lock (_gate)
        {
            while (!_stop && _ring[_nextFill % _ring.Length].State != SlotState.Free)
                Monitor.Wait(_gate);
            if (_stop)
                return null;
            var slot = _ring[_nextFill++ % _ring.Length];
            slot.State = SlotState.Filling;
            slot.Position = _sampler.Position;
            slot.FreshCount = _sampler.Next(slot.IndexArray);
            slot.Next = _sampler.Position;
            return slot;
        }
    }

    private void Fill(LoadedBatch slot)
    {
        var images = slot.Buffer.Images;
        var labels = slot.Buffer.Labels;
        for (var i = 0; i < labels.Length; i++)
        {
            var index = slot.IndexArray[i];
            labels[i] = _data.Label(index);
            _data.CopyImage(index, images.Slice(i * _sampleBytes, _sampleBytes));
        }
    }
}
