using System.Numerics;

namespace Lur.Data;

/// <summary>Two samples that look alike.</summary>
/// <param name="First">One of them.</param>
/// <param name="FirstPart">Its part: <c>train</c> or <c>test</c>.</param>
/// <param name="Second">The other.</param>
/// <param name="SecondPart">Its part.</param>
/// <param name="Distance">Bits in which their perceptual hashes differ, 0 to 64.</param>
/// <param name="SamePixels">True if all pixels are the same, decoded and scaled as a model sees them.</param>
public sealed record NearPair(SampleId First, string FirstPart, SampleId Second, string SecondPart, int Distance, bool SamePixels);

/// <summary>Pairs of samples of a data set that look alike: the same picture scaled, brightened, or compressed again.</summary>
/// <remarks>
/// The hash is the difference hash (Krawetz 2013, "Kind of Like That"): the picture in grey, averaged to 9 columns and 8 rows, and
/// for each two neighbours in a row one bit that says whether it gets lighter to the right. Two samples are near when at most a
/// given number of the 64 bits differ. It is a means to look, no proof: pictures with little in them are near to each other, and
/// a mirrored or cropped copy is not found. Cost: every sample is read once, and all hashes are compared with each other (60,000
/// samples: 1.8 thousand million comparisons, some seconds).
/// </remarks>
public sealed class NearCopies
{
    /// <summary>Bits that may differ unless another number is given.</summary>
    public const int DefaultDistance = 4;

    private const int Columns = 9,
        Rows = 8,
        Chunk = 512;

    private NearCopies(long count, IReadOnlyList<NearPair> pairs) => (Count, Pairs) = (count, pairs);

    /// <summary>Number of pairs found.</summary>
    public long Count { get; }

    /// <summary>The nearest pairs, by distance and then by their place in the data.</summary>
    public IReadOnlyList<NearPair> Pairs { get; }

    /// <summary>Finds the pairs.</summary>
    /// <param name="source">The data set; samples of both parts are compared.</param>
    /// <param name="distance">Bits that may differ, 0 to 63.</param>
    /// <param name="limit">Pairs to name, 1 or more; all are counted.</param>
    /// <param name="cancel">Stops between samples.</param>
    /// <exception cref="UserErrorException">The distance is out of range, or a sample cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static NearCopies Find(DataSource source, int distance, int limit, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        if (distance is < 0 or > 63)
            throw new UserErrorException($"The distance {distance} of near copies is out of range, expected 0 to 63 bits.");
        ulong[] hashes = [.. Hashes(source.Train, cancel), .. Hashes(source.Test, cancel)];
        var nearest = new List<(int, int)>[distance + 1];
        for (var d = 0; d <= distance; d++)
            nearest[d] = [];
        long count = 0;
        for (var first = 0; first < hashes.Length; first += Chunk)
        {
            var rows = new List<(int Second, int Distance)>[Math.Min(Chunk, hashes.Length - first)];
            var start = first;
            Parallel.For(
                0,
                rows.Length,
                new ParallelOptions { CancellationToken = cancel },
                r => rows[r] = Near(hashes, start + r, distance, limit, ref count)
            );
            for (var r = 0; r < rows.Length; r++)
                foreach (var (second, d) in rows[r])
                    if (nearest[d].Count < limit)
                        nearest[d].Add((start + r, second));
        }

        var shown = nearest.SelectMany((list, d) => list.Select(p => Describe(source, p, d))).Take(limit);
        return new NearCopies(count, [.. shown]);
    }

    /// <summary>The hash of one sample.</summary>
    /// <param name="pixels">Channels * height * width bytes.</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    public static ulong HashOf(ReadOnlySpan<byte> pixels, int channels, int height, int width)
    {
        // Whole numbers throughout: a pixel's overlap with a cell in units of 1/9 and 1/8 of a pixel, grey in thousandths.
        Span<long> cells = stackalloc long[Rows * Columns];
        cells.Clear();
        var plane = height * width;
        for (var y = 0; y < height; y++)
        for (var x = 0; x < width; x++)
        {
            var at = y * width + x;
            long grey = channels == 3 ? 299 * pixels[at] + 587 * pixels[plane + at] + 114 * pixels[2 * plane + at] : 1000 * pixels[at];
            for (var r = y * Rows / height; r < Rows && r * height < (y + 1) * Rows; r++)
            for (var c = x * Columns / width; c < Columns && c * width < (x + 1) * Columns; c++)
                cells[r * Columns + c] += grey * Overlap(y, Rows, r, height) * Overlap(x, Columns, c, width);
        }

        ulong hash = 0;
        for (var r = 0; r < Rows; r++)
        for (var c = 0; c + 1 < Columns; c++)
            hash = (hash << 1) | (cells[r * Columns + c] < cells[r * Columns + c + 1] ? 1UL : 0);
        return hash;
    }

    private static long Overlap(int pixel, int cells, int cell, int pixels) =>
        Math.Min((pixel + 1) * cells, (cell + 1) * pixels) - Math.Max(pixel * cells, cell * pixels);

    private static ulong[] Hashes(IImageDataset data, CancellationToken cancel)
    {
        var hashes = new ulong[data.Count];
        SampleReading.ForEach(
            data,
            [.. Sequences.Range(0, data.Count)],
            (i, pixels) => hashes[i] = HashOf(pixels, data.Channels, data.Height, data.Width),
            cancel
        );
        return hashes;
    }

    private static List<(int Second, int Distance)> Near(ulong[] hashes, int first, int distance, int limit, ref long count)
    {
        var found = new List<(int, int)>();
        // Of each distance as many as are shown: nearer ones may come last.
        Span<int> kept = stackalloc int[distance + 1];
        kept.Clear();
        var own = hashes[first];
        long all = 0;
        for (var second = first + 1; second < hashes.Length; second++)
        {
            var bits = BitOperations.PopCount(own ^ hashes[second]);
            if (bits > distance)
                continue;
            all++;
            if (kept[bits]++ < limit)
                found.Add((second, bits));
        }

        Interlocked.Add(ref count, all);
        return found;
    }

    private static NearPair Describe(DataSource source, (int First, int Second) pair, int distance)
    {
        (IImageDataset Data, int Index, string Part) At(int i) =>
            i < source.Train.Count ? (source.Train, i, "train") : (source.Test, i - source.Train.Count, "test");
        var (a, b) = (At(pair.First), At(pair.Second));
        byte[] one = new byte[a.Data.SampleBytes],
            two = new byte[b.Data.SampleBytes];
        a.Data.CopyImage(a.Index, one);
        b.Data.CopyImage(b.Index, two);
        return new NearPair(a.Data.Identify(a.Index), a.Part, b.Data.Identify(b.Index), b.Part, distance, one.AsSpan().SequenceEqual(two));
    }
}
