namespace Lur.Programs;

/// <summary>Bytes of one role in a plan.</summary>
/// <param name="Role">The role.</param>
/// <param name="Buffers">Number of buffers.</param>
/// <param name="Bytes">Sum of their sizes, as if nothing were shared.</param>
public sealed record PlanLine(ValueRole Role, int Buffers, long Bytes);

/// <summary>Where the buffers of a program lie in one arena, and what it takes. A plan is arithmetic: it holds no memory.</summary>
public sealed class Plan
{
    private readonly (Value Value, long Offset)[] _places;

    internal Plan(IReadOnlyList<Value> values, int operations)
    {
        var used = values.Where(v => v.IsUsed).ToArray();
        foreach (var value in used)
            RequireWritten(value);
        var buffers = Array.ConvertAll(
            used,
            v => v.Kept ? new PlannedBuffer(v.Bytes, 0, Math.Max(0, operations - 1)) : new PlannedBuffer(v.Bytes, v.First, v.Last)
        );
        var (offsets, bytes) = MemoryPlanner.Place(buffers);
        _places = used.Select((v, i) => (v, offsets[i])).ToValues();
        Lines = [.. used.GroupBy(v => v.Role).OrderBy(g => g.Key).Select(g => new PlanLine(g.Key, g.Count(), g.Sum(v => v.Bytes)))];
        (UnsharedBytes, PeakLiveBytes, ArenaBytes, Operations) = (
            used.Sum(v => v.Bytes),
            MemoryPlanner.PeakLive(buffers),
            bytes,
            operations
        );
    }

    /// <summary>Sizes by role.</summary>
    public IReadOnlyList<PlanLine> Lines { get; }

    /// <summary>Sum of all buffers.</summary>
    public long UnsharedBytes { get; }

    /// <summary>Largest sum alive at one operation.</summary>
    public long PeakLiveBytes { get; }

    /// <summary>Size of the arena after sharing.</summary>
    public long ArenaBytes { get; }

    /// <summary>Number of operations in the program.</summary>
    public int Operations { get; }

    internal void Place(ulong arena)
    {
        foreach (var (value, offset) in _places)
            value.Place(arena + (ulong)offset);
    }

    /// <summary>Buffers whose lifetime begins or ends at an operation; those that are kept have no end.</summary>
    internal IEnumerable<Value> BoundedAt(int operation, bool first) =>
        _places.Select(p => p.Value).Where(v => !v.Kept && (first ? v.First : v.Last) == operation);

    private static void RequireWritten(Value value)
    {
        if (!value.Kept && value.ReadFirstBy is { } reader)
        {
            throw new InvalidOperationException(
                $"'{value.Name}' is read by '{reader}' before anything has written it: an operation is missing, or a kernel declares "
                    + "as const what it writes."
            );
        }
    }
}
