using Lur.Data;
using Lur.Tests.Device;

namespace Lur.Tests.Data;

public class ScaledViewTests
{
    /// <summary>Against the definition: at half the size a target pixel is the mean of 4 x 4 source pixels with the weights 1, 3, 3, 1
    /// along both sides, and at the rim of those that exist.</summary>
    [TestCase(1, 4)]
    [TestCase(3, 14)]
    public void HalfTheSizeIsATriangleOfTwoPixels(int channels, int side)
    {
        var random = TestRandom.ForCurrentTest();
        var pixels = new byte[channels * side * side];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)random.Below(256);
        var half = side / 2;
        var scaled = new byte[channels * half * half];
        new ScaledView(new One(pixels, channels, side), half, half).CopyImage(0, scaled);
        double[] weights = [1, 3, 3, 1];
        for (var c = 0; c < channels; c++)
        for (var y = 0; y < half; y++)
        for (var x = 0; x < half; x++)
        {
            double sum = 0,
                total = 0;
            for (var i = 0; i < 4; i++)
            for (var j = 0; j < 4; j++)
            {
                int row = (2 * y) - 1 + i,
                    column = (2 * x) - 1 + j;
                if (row < 0 || row >= side || column < 0 || column >= side)
                    continue;
                total += weights[i] * weights[j];
                sum += weights[i] * weights[j] * pixels[(((c * side) + row) * side) + column];
            }

            // Rounded to a byte, of sums in single precision.
            Assert.That(scaled[(((c * half) + y) * half) + x], Is.EqualTo(sum / total).Within(0.501), $"{c} {y} {x}");
        }
    }

    [Test]
    public void AModelOfHalfTheSizeHasItsImagesScaledAndAnotherDoesNot()
    {
        using var runs = new TempFolder();
        CifarFiles(runs);
        (int, int) SizeFor(int? side, (int, int)? model)
        {
            using var source = DataSource.Open(runs["cifar"], new DataOptions { ImageSize = side, ModelSize = model });
            var image = new byte[source.Test.Channels * source.Test.Height * source.Test.Width];
            source.Test.CopyImage(0, image);
            return (source.Train.Height, source.Train.Width);
        }

        Assert.That(SizeFor(null, null), Is.EqualTo((32, 32)));
        Assert.That(SizeFor(null, (16, 16)), Is.EqualTo((16, 16)));
        Assert.That(SizeFor(null, (24, 24)), Is.EqualTo((32, 32)), "no model was trained on those");
        Assert.That(SizeFor(null, (16, 32)), Is.EqualTo((32, 32)));
        Assert.That(SizeFor(24, (16, 16)), Is.EqualTo((24, 24)), "what was asked for");
        using DataSource whole = DataSource.Open(runs["cifar"]),
            half = DataSource.Open(runs["cifar"], new DataOptions { ImageSize = 16 });
        Assert.That(half.Train.Fingerprint(), Is.Not.EqualTo(whole.Train.Fingerprint()), "other data");
        Assert.That(half.Train.Identify(3), Is.EqualTo(whole.Train.Identify(3)), "the same samples");
    }

    private static void CifarFiles(TempFolder temp)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var name in new[] { "data_batch_1.bin", "test_batch.bin" })
        {
            var bytes = new byte[20 * 3073];
            for (var i = 0; i < bytes.Length; i++)
                bytes[i] = i % 3073 == 0 ? (byte)(i / 3073 % 10) : (byte)random.Below(256);
            temp.Write("cifar/" + name, bytes);
        }
    }

    private sealed class One(byte[] pixels, int channels, int side) : IImageDataset
    {
        public string Name => "one";

        public int Count => 1;

        public int Channels => channels;

        public int Height => side;

        public int Width => side;

        public IReadOnlyList<string> ClassNames => ["a"];

        public int Label(int index) => 0;

        public void CopyImage(int index, Span<byte> chw) => pixels.CopyTo(chw);

        public void Dispose() { }
    }
}
