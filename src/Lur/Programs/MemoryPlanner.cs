namespace Lur.Programs;

/// <summary>One buffer to be placed by <see cref="MemoryPlanner"/>.</summary>
/// <param name="Bytes">Size.</param>
/// <param name="First">Index of the first operation that touches it.</param>
/// <param name="Last">Index of the last operation that touches it.</param>
public readonly record struct PlannedBuffer(long Bytes, int First, int Last);

/// <summary>Places buffers with known lifetimes in one arena so that buffers alive at the same time do not overlap.</summary>
public static class MemoryPlanner
{
    /// <summary>Alignment of every offset: what cuMemAlloc promises, and a multiple of every vector width.</summary>
    public const long Alignment = 256;

    /// <summary>Assigns offsets. Greedy by size: the largest buffer first, each at the lowest gap that fits among the
    /// already placed buffers whose lifetimes intersect its own. For a network's forward and backward pass this lands
    /// within a few percent of the lower bound <see cref="PeakLive"/>.</summary>
    /// <returns>The offset of each buffer and the size of the arena.</returns>
    public static (long[] Offsets, long ArenaBytes) Place(IReadOnlyList<PlannedBuffer> buffers)
    {
        var offsets = new long[buffers.Count];
        var placed = new List<int>(buffers.Count);
        var overlapping = new List<(long Start, long End)>();
        long arena = 0;
        foreach (var i in Sequences.Range(0, buffers.Count).OrderByDescending(i => buffers[i].Bytes).ThenBy(i => i))
        {
            var buffer = buffers[i];
            overlapping.Clear();
            foreach (var j in placed)
            {
                if (buffers[j].First <= buffer.Last && buffers[j].Last >= buffer.First)
                {
                    overlapping.Add((offsets[j], offsets[j] + Align(buffers[j].Bytes)));
                }
            }

            overlapping.Sort();
            long at = 0;
            foreach (var (start, end) in overlapping)
            {
                if (at + Align(buffer.Bytes) <= start)
                    break;
                at = Math.Max(at, end);
            }

            offsets[i] = at;
            arena = Math.Max(arena, at + Align(buffer.Bytes));
            placed.Add(i);
        }

        return (offsets, arena);
    }

    /// <summary>Largest sum of aligned sizes alive at one operation: no placement needs less.</summary>
    public static long PeakLive(IReadOnlyList<PlannedBuffer> buffers)
    {
        if (buffers.Count == 0)
            return 0;
        var change = new long[buffers.Max(b => b.Last) + 2];
        foreach (var buffer in buffers)
        {
            change[buffer.First] += Align(buffer.Bytes);
            change[buffer.Last + 1] -= Align(buffer.Bytes);
        }

        long live = 0,
            peak = 0;
        foreach (var delta in change)
            peak = Math.Max(peak, live += delta);
        return peak;
    }

    private static long Align(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;
}
