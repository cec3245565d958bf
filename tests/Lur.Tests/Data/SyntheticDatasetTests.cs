using Lur.Data;

namespace Lur.Tests.Data;

public class SyntheticDatasetTests
{
    // Of the first 200 samples of seed 1. The set is part of published results: its pixels are the same on every machine
    // and in every version; a change of pixels needs a new name of the set.
    private const string Golden = "84fb80e96185c836e225888fc472050b007bb3c3ead2f5f5b6ffe9d6c78f1be2";

    [Test]
    public void PixelsNeverChange() => Assert.That(new SyntheticDataset(200, 1, SyntheticPart.Train).Fingerprint(), Is.EqualTo(Golden));

    [Test]
    public void ASampleDependsOnSeedPartAndIndexOnly()
    {
        var a = Sample(new SyntheticDataset(10, 1, SyntheticPart.Train), 7);
        Assert.Multiple(() =>
        {
            Assert.That(Sample(new SyntheticDataset(5003, 1, SyntheticPart.Train), 7), Is.EqualTo(a));
            Assert.That(Sample(new SyntheticDataset(10, 2, SyntheticPart.Train), 7), Is.Not.EqualTo(a));
            Assert.That(Sample(new SyntheticDataset(10, 1, SyntheticPart.Test), 7), Is.Not.EqualTo(a));
            Assert.That(Sample(new SyntheticDataset(5003, 1, SyntheticPart.Train), 17), Is.Not.EqualTo(a));
        });
    }

    // Whatever lies on the stack must not shine through: two renderings with different leftovers below them agree.
    [Test]
    public void EveryPixelIsWritten()
    {
        var data = new SyntheticDataset(50, 3, SyntheticPart.Train);
        for (var i = 0; i < 50; i++)
        {
            DirtyStack(0x00);
            var first = Sample(data, i);
            DirtyStack(0xFF);
            Assert.That(Sample(data, i), Is.EqualTo(first), $"sample {i}");
        }
    }

    [Test]
    public void ThreadsReadTheSameSamples()
    {
        var data = new SyntheticDataset(64, 5, SyntheticPart.Train);
        byte[][] alone = [.. Enumerable.Range(0, 64).Select(i => Sample(data, i))],
            together = new byte[64][];
        Parallel.For(0, 64, i => together[i] = Sample(data, i));
        Assert.That(together, Is.EqualTo(alone));
    }

    [Test]
    public void ReadingAllocatesNothing()
    {
        var data = new SyntheticDataset(100, 5, SyntheticPart.Train);
        var sample = new byte[data.SampleBytes];
        data.CopyImage(0, sample);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            data.CopyImage(i, sample);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    // What needs no learning must not solve it. Chance is 10 %; measured: nearest mean 19.7 %, nearest sample 26.7 %
    // (each class tends to a hue). The bounds say what a later version of the set has to keep.
    [Test]
    public void SimpleClassifiersFail()
    {
        var train = new SyntheticDataset(1000, 1, SyntheticPart.Train);
        var test = new SyntheticDataset(300, 1, SyntheticPart.Test);
        float[][] x = [.. Enumerable.Range(0, train.Count).Select(i => Small(train, i))];
        float[][] means = [.. Enumerable.Range(0, 10).Select(c => Mean([.. x.Where((_, i) => train.Label(i) == c)]))];
        double nearestMean = 0,
            nearestSample = 0;
        for (var i = 0; i < test.Count; i++)
        {
            var y = Small(test, i);
            nearestMean += Nearest(means, y) == test.Label(i) ? 1 : 0;
            nearestSample += train.Label(Nearest(x, y)) == test.Label(i) ? 1 : 0;
        }
        TestContext.Out.WriteLine($"nearest mean {nearestMean / test.Count:p1}, nearest sample {nearestSample / test.Count:p1}");
        Assert.That(nearestMean / test.Count, Is.InRange(0.12, 0.30));
        Assert.That(nearestSample / test.Count, Is.LessThan(0.35));
    }

    [TestCase("synthetic", 8000, 2000)]
    [TestCase("synthetic:train=30,test=10", 30, 10)]
    [TestCase("synthetic:seed=9,train=100", 100, 2000)]
    public void OpensByName(string location, int train, int test)
    {
        using var source = DataSource.Open(location);
        Assert.That((source.Format, source.Train.Count, source.Test.Count), Is.EqualTo(("synthetic", train, test)));
    }

    [TestCase("synthetic:train=9")]
    [TestCase("synthetic:train")]
    [TestCase("synthetic:trains=100")]
    [TestCase("synthetic:seed=-1")]
    public void AMalformedNameIsRefused(string location) =>
        Assert.That(CifarDatasetTests.Message(location), Does.Contain("synthetic:train=N,test=M,seed=S"));

    [Test, Explicit("Writes a picture to look at: synthetic.png in the test's work folder.")]
    public void WriteContactSheet()
    {
        var path = Path.Combine(TestContext.CurrentContext.WorkDirectory, "synthetic.png");
        File.WriteAllBytes(path, PngWriter.ContactSheet(new SyntheticDataset(240, 1, SyntheticPart.Train), 24, 2));
        TestContext.Out.WriteLine(path);
    }

    private static byte[] Sample(IImageDataset data, int index)
    {
        var sample = new byte[data.SampleBytes];
        data.CopyImage(index, sample);
        return sample;
    }

    private static void DirtyStack(byte value)
    {
        Span<byte> stack = stackalloc byte[64 * 1024];
        stack.Fill(value);
        Assert.That(stack[stack.Length / 2], Is.EqualTo(value));
    }

    // 8 x 8 means of each channel.
    private static float[] Small(IImageDataset data, int index)
    {
        var sample = Sample(data, index);
        var small = new float[3 * 64];
        for (var i = 0; i < sample.Length; i++)
            small[(i / 1024 * 64) + (i % 1024 / 32 / 4 * 8) + (i % 32 / 4)] += sample[i] / 16f;
        return small;
    }

    private static float[] Mean(float[][] x) => [.. Enumerable.Range(0, x[0].Length).Select(j => x.Average(v => v[j]))];

    private static int Nearest(float[][] points, float[] y)
    {
        var best = 0;
        var least = float.MaxValue;
        for (var p = 0; p < points.Length; p++)
        {
            float sum = 0;
            for (var j = 0; j < y.Length; j++)
                sum += (points[p][j] - y[j]) * (points[p][j] - y[j]);
            if (sum < least)
                (least, best) = (sum, p);
        }
        return best;
    }
}
