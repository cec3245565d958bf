namespace Lur.Tests.Programs;

public class MemoryPlannerTests
{
    [Test]
    public void BuffersAliveTogetherNeverOverlap([Values(1, 2, 17, 97)] int count, [Range(0, 4)] int seed)
    {
        var random = new Random((seed * 1000) + count);
        var buffers = Enumerable
            .Range(0, count)
            .Select(_ =>
            {
                var first = random.Next(50);
                return new PlannedBuffer(random.Next(1, 5000), first, first + random.Next(20));
            })
            .ToArray();
        var (offsets, bytes) = MemoryPlanner.Place(buffers);
        for (var i = 0; i < count; i++)
        {
            Assert.That(offsets[i] % MemoryPlanner.Alignment, Is.Zero);
            Assert.That(offsets[i] + buffers[i].Bytes, Is.LessThanOrEqualTo(bytes));
            for (var j = 0; j < i; j++)
            {
                if (buffers[i].First > buffers[j].Last || buffers[j].First > buffers[i].Last)
                    continue;
                var apart = offsets[i] + buffers[i].Bytes <= offsets[j] || offsets[j] + buffers[j].Bytes <= offsets[i];
                Assert.That(apart, $"buffers {i} and {j} overlap");
            }
        }

        Assert.That(bytes, Is.GreaterThanOrEqualTo(MemoryPlanner.PeakLive(buffers)));
    }

    [Test]
    public void AChainOfEqualBuffersTakesTwo()
    {
        // y1 = f(y0), y2 = f(y1), ...: only two neighbours are alive at a time.
        var buffers = Enumerable.Range(0, 10).Select(i => new PlannedBuffer(1024, i, i + 1)).ToArray();
        Assert.That(MemoryPlanner.Place(buffers).ArenaBytes, Is.EqualTo(2048));
    }

    [Test]
    public void NothingToPlaceTakesNothing() => Assert.That(MemoryPlanner.Place([]).ArenaBytes, Is.Zero);
}
