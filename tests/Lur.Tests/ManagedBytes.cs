namespace Lur.Tests;

/// <summary>Managed bytes that a call allocates on its own thread.</summary>
internal static class ManagedBytes
{
    private const int Attempts = 10;

    /// <summary>The least that a call allocates in a few attempts.</summary>
    /// <remarks>A collection that another thread starts closes this thread's allocation context, and the unused rest of its 8 KB counts
    /// as allocated. <see cref="GC.CollectionCount"/> does not tell: a background collection is counted at its beginning and closes
    /// contexts later (in one of ten measurements, where another thread collected without end). A rest is only ever added, and a
    /// closed context has none: a call that allocates nothing shows 0 the next time, one that allocates shows it every time.</remarks>
    /// <param name="call">Made again until it allocates nothing, ten times at most.</param>
    public static long Of(Action call)
    {
        var least = long.MaxValue;
        for (var attempt = 0; attempt < Attempts && least > 0; attempt++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            call();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return least;
    }
}
