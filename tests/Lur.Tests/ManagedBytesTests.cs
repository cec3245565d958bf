using System.Diagnostics;

namespace Lur.Tests;

/// <summary>The measure itself, while another thread collects garbage without end.</summary>
public class ManagedBytesTests
{
    private static readonly byte[][] s_kept = new byte[64][];

    [Test]
    public void CollectionsOfOtherThreadsDoNotCount()
    {
        using var stop = new CancellationTokenSource();
        var collector = new Thread(() => Collect(stop.Token));
        collector.Start();
        try
        {
            for (var i = 0; i < 100; i++)
            {
                s_kept[0] = new byte[100]; // opens an allocation context, with a rest that a collection closes
                Assert.That(ManagedBytes.Of(Wait), Is.Zero);
                var allocating = ManagedBytes.Of(() =>
                {
                    Wait();
                    s_kept[1] = new byte[40];
                });
                Assert.That(allocating, Is.GreaterThanOrEqualTo(40));
            }
        }
        finally
        {
            stop.Cancel();
            collector.Join();
        }
    }

    private static void Collect(CancellationToken stop)
    {
        for (var i = 2; !stop.IsCancellationRequested; i++)
        {
            s_kept[2 + (i % 62)] = new byte[1000 * (1 + (i % 100))];
            if (i % 1000 == 0)
                GC.Collect(2, GCCollectionMode.Optimized, blocking: false);
        }
    }

    private static void Wait()
    {
        var start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < TimeSpan.FromMilliseconds(2)) { }
    }
}
