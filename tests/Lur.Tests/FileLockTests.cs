using Lur.Tests.Data;

namespace Lur.Tests;

/// <summary>One holder at a time, however often the file goes and comes.</summary>
public class FileLockTests
{
    [Test]
    public void OneHolderAtATime()
    {
        using var folder = new TempFolder();
        var (holders, taken, crowded) = (0, 0, 0);
        Parallel.For(
            0,
            8,
            _ =>
            {
                for (var i = 0; i < 4000; i++)
                {
                    using var held = FileLock.TryTake(folder["lock"]);
                    if (held is null)
                        continue;
                    Interlocked.Increment(ref taken);
                    if (Interlocked.Increment(ref holders) > 1)
                        Interlocked.Increment(ref crowded);
                    Interlocked.Decrement(ref holders);
                }
            }
        );
        Assert.That((taken > 100, crowded, File.Exists(folder["lock"])), Is.EqualTo((true, 0, false)));
    }

    [Test]
    public void AHeldLockIsNotGiven()
    {
        using var folder = new TempFolder();
        Assert.That(FileLock.HolderOf(folder["lock"]), Is.Null);
        using (FileLock.TryTake(folder["lock"]))
        {
            Assert.That(FileLock.TryTake(folder["lock"]), Is.Null);
            Assert.That(FileLock.HolderOf(folder["lock"]), Is.EqualTo($"process {Environment.ProcessId}"));
        }

        // A killed holder leaves both files, and has nothing any more.
        folder.Write("lock", "");
        folder.Write("lock.pid", "1 elsewhere");
        Assert.That(FileLock.HolderOf(folder["lock"]), Is.Null);
        using var again = FileLock.TryTake(folder["lock"]);
        Assert.That(again, Is.Not.Null);
    }
}
