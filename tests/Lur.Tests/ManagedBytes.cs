namespace Lur.Tests;

/// <summary>Managed bytes that a call allocates on its own thread.</summary>
internal static class ManagedBytes
{
    /// <summary>Measures a call without a garbage collection in it: one that another thread starts closes this thread's
    /// allocation context, and the unused rest of its 8 KB counts as allocated (7,152 B were seen).</summary>
    /// <param name="call">Made again while a collection falls into it, ten times at most.</param>
    public static long Of(Action call)
    {
        for (var attempt = 1; ; attempt++)
        {
            var (collections, before) = (GC.CollectionCount(0), GC.GetAllocatedBytesForCurrentThread());
            call();
            var bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            if (GC.CollectionCount(0) == collections || attempt == 10)
                return bytes;
        }
    }
}
