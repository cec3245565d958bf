using Lur.Checkpoints;

namespace Lur.Tests.Checkpoints;

public class MemoryLayoutTests
{
    [TestCase(1, 1, 1, 1)]
    [TestCase(2, 3, 5, 7)]
    [TestCase(64, 3, 7, 7)]
    [TestCase(5, 33, 1, 1)]
    [TestCase(1, 1, 3, 2)]
    public void ElementsGoWhereTheLayoutSaysAndBack(int n, int c, int h, int w)
    {
        int[] source = [.. Enumerable.Range(0, n * c * h * w)],
            target = new int[source.Length],
            back = new int[source.Length];
        MemoryLayout.OihwToKrsc<int>(source, target, n, c, h, w);
        for (var i = 0; i < n; i++)
        for (var j = 0; j < c; j++)
        for (var y = 0; y < h; y++)
        for (var x = 0; x < w; x++)
            Assert.That(target[((i * h + y) * w + x) * c + j], Is.EqualTo(((i * c + j) * h + y) * w + x));
        MemoryLayout.KrscToOihw<int>(target, back, n, c, h, w);
        Assert.That(back, Is.EqualTo(source));
        MemoryLayout.NhwcToNchw<int>(source, target, n, c, h, w);
        MemoryLayout.NchwToNhwc<int>(target, back, n, c, h, w);
        Assert.That(back, Is.EqualTo(source));
    }

    [Test]
    public void LengthsAreChecked()
    {
        Assert.That(() => MemoryLayout.NchwToNhwc<float>(new float[5], new float[6], 1, 2, 3, 1), Throws.ArgumentException);
        Assert.That(() => MemoryLayout.NhwcToNchw<float>(new float[6], new float[7], 1, 2, 3, 1), Throws.ArgumentException);
    }
}
