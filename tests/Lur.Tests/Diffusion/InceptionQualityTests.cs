using Lur.Checkpoints;
using Lur.Data;
using Lur.Device;
using Lur.Metrics.Generation;
using Lur.Models;
using Lur.Tests.Data;
using Lur.Tests.Device;
using Lur.Verification.Generation;

namespace Lur.Tests.Diffusion;

/// <summary>FID and KID from features; the features themselves are compared with PyTorch's in InceptionFixtureTests.</summary>
public class InceptionQualityTests
{
    private static FeatureRows Draw(TestRandom random, int count, int d, double shift = 0) =>
        FeatureRows.Of<double>([.. random.NormalArray(count * d).Select((v, i) => (v * (1 + (i % d))) + shift)], d);

    // Fewer images than numbers on both sides, on one, as many, and more.
    [TestCase(2, 2, 3)]
    [TestCase(5, 9, 13)]
    [TestCase(9, 5, 13)]
    [TestCase(12, 13, 13)]
    [TestCase(40, 31, 7)]
    public void TheDistanceOfFewImagesIsThatOfTheirStatistics(int n, int m, int d)
    {
        var random = TestRandom.ForCurrentTest();
        var (x, y) = (Draw(random, n, d), Draw(random, m, d, 0.7));
        var expected = FrechetDistance.Between(FeatureStatistics.Of(x), FeatureStatistics.Of(y));
        var actual = FrechetDistance.Between(x, y);
        // A sum of d singular values and traces, each right to some dozen units of the largest, of which both have about d^2; the
        // eigenvalues that statistics drop as rounding move the root of the trace by d times 2e-16 d^2.
        var tolerance = 1e-12 * d * d * d;
        Assert.That(actual.MeanTerm, Is.EqualTo(expected.MeanTerm).Within(tolerance));
        Assert.That(actual.CovarianceTerm, Is.EqualTo(expected.CovarianceTerm).Within(tolerance));
        Assert.That(actual.Value, Is.EqualTo(actual.MeanTerm + actual.CovarianceTerm));
        // At rounding of a difference of traces.
        Assert.That(FrechetDistance.Between(x, x).Value, Is.Zero.Within(tolerance));
        Assert.That(expected.Value, Is.GreaterThan(0.1));
    }

    [Test]
    public void SubsetsAreHalfOfTheImagesAndSpread()
    {
        var random = TestRandom.ForCurrentTest();
        var (reals, near, far) = (Draw(random, 40, 5), Draw(random, 31, 5), Draw(random, 31, 5, 3));
        var quality = InceptionQuality.Of(reals, near, null, 3);
        Assert.That((quality.Count, quality.Kernel.Subsets, quality.Kernel.SubsetSize), Is.EqualTo((31, 100, 15)));
        Assert.That(quality.Kernel.Deviation, Is.Positive);
        Assert.That(quality.Kernel, Is.EqualTo(KernelDistance.Compute(reals, near, 3, 100, 15)));
        var other = InceptionQuality.Of(reals, far, null, 3);
        Assert.That(other.Kernel.Mean, Is.GreaterThan(quality.Kernel.Mean + (2 * quality.Kernel.Deviation)));
        Assert.That(other.Distance, Is.GreaterThan(quality.Distance));
        Assert.That(
            InceptionQuality.Of(reals, near, FeatureStatistics.Of(far), 3).Distance,
            Is.EqualTo(FrechetDistance.Between(FeatureStatistics.Of(far), FeatureStatistics.Of(near)).Value)
        );
        Assert.That(InceptionQuality.Of(reals, Draw(random, 2, 5), null, 3).Kernel.SubsetSize, Is.EqualTo(2));
    }

    [TestCase(2047, true)]
    [TestCase(2048, true)]
    [TestCase(2049, false)]
    public void AnFidOfFewImagesHasAReservation(int count, bool reserved)
    {
        var text = InceptionQuality.Reservation(count, 2048);
        Assert.That(text, reserved ? Does.Contain($"{count} images is too high").And.Contain("never beside a paper's") : Is.Null);
    }

    [Test]
    public void StatisticsOfAFileTakeThePlaceOfTheRealImages()
    {
        using var temp = new TempFolder();
        TinyInception.Write(temp["inception.safetensors"]);
        using var features = new InceptionFeatures(
            temp["inception.safetensors"],
            TestDevices.Default,
            Precision.Float32,
            5,
            TinyInception.Divisor,
            TinyInception.Side
        );
        using var source = DataSource.Open("shapes:train=60,test=10");
        var data = source.Train;
        var size = new ImageSize(data.Height, data.Width, data.Channels);
        int[] all = [.. Enumerable.Range(0, 12)];
        var plain = new InceptionComparison(features, data, all, 6, 1);
        Assert.That((plain.Count, plain.Dimension), Is.EqualTo((6, TinyInception.Features)));
        Assert.That(InceptionComparison.Looked(12, 6), Is.EqualTo(12));
        Assert.That(plain.Floor.Distance, Is.Positive);
        // The same images, drawn: those of label 1 do not count.
        var pixels = new byte[8 * data.SampleBytes];
        for (var i = 0; i < 8; i++)
            data.CopyImage(20 + i, pixels.AsSpan(i * data.SampleBytes, data.SampleBytes));
        var set = new GeneratedSet([0, 1, 0, 0, 1, 0, 0, 0], pixels, new double[8]);
        var quality = plain.Of(set, label => label == 0, size, null, CancellationToken.None);
        Assert.That(quality.Count, Is.EqualTo(6));
        // As pytorch-fid writes them, mu and sigma alone.
        int[] kept = [20, 22, 23, 25, 26, 27];
        var own = FeatureStatistics.Of(features.Of(6, size, (i, image) => data.CopyImage(kept[i], image)));
        MomentsFile.Write(temp["fid.npz"], own.Mean, own.Covariance);
        var published = new InceptionComparison(features, data, all, 6, 1, temp["fid.npz"]);
        var same = published.Of(set, label => label == 0, size, null, CancellationToken.None);
        // To itself: what rounding leaves of the traces, of which the least significant counts.
        Assert.That(same.Distance, Is.Zero.Within(1e-9 * own.Trace));
        Assert.That(quality.Distance, Is.GreaterThan(1e-3 * own.Trace));
        Assert.That(same.Kernel, Is.EqualTo(quality.Kernel), "KID is to the real images in both");
        MomentsFile.Write(temp["other.npz"], [0], [1]);
        Assert.That(
            () => new InceptionComparison(features, data, all, 6, 1, temp["other.npz"]),
            Throws.TypeOf<UserErrorException>().With.Message.Contains("features of 1 numbers, but the judge's have 128")
        );
        Assert.That(
            () => new InceptionComparison(features, data, [1, 2, 3], 6, 1),
            Throws.TypeOf<UserErrorException>().With.Message.Contains("at least 4 real")
        );
    }
}
