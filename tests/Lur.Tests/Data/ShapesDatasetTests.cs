using Lur.Data;

namespace Lur.Tests.Data;

public class ShapesDatasetTests
{
    // Of the first 70 samples of seed 1. Results name the set: a change of pixels needs a new name.
    private const string Golden = "322ded15ed507d6982fc920e9d25757c9442b135e4a3863f71900ac262590f15";

    [Test]
    public void PixelsNeverChange() => Assert.That(new ShapesDataset(70, 1, SyntheticPart.Train).Fingerprint(), Is.EqualTo(Golden));

    [Test]
    public void ASampleDependsOnSeedPartAndIndexOnly()
    {
        static byte[] Sample(ShapesDataset data, int index)
        {
            var bytes = new byte[data.SampleBytes];
            data.CopyImage(index, bytes);
            return bytes;
        }

        var a = Sample(new ShapesDataset(10, 1, SyntheticPart.Train), 3);
        Assert.Multiple(() =>
        {
            Assert.That(Sample(new ShapesDataset(500, 1, SyntheticPart.Train), 3), Is.EqualTo(a));
            Assert.That(Sample(new ShapesDataset(10, 2, SyntheticPart.Train), 3), Is.Not.EqualTo(a));
            Assert.That(Sample(new ShapesDataset(10, 1, SyntheticPart.Test), 3), Is.Not.EqualTo(a));
        });
    }

    [Test]
    public void ItIsOpenedByName()
    {
        using var source = DataSource.Open("shapes:train=21,test=14,seed=3");
        Assert.That((source.Train.Count, source.Test.Count, source.Train.Height), Is.EqualTo((21, 14, 16)));
        Assert.That(source.Train.ClassNames[3], Is.EqualTo("star"));
        Assert.That(() => DataSource.Open("shapes:train=x"), Throws.TypeOf<UserErrorException>().With.Message.Contains("shapes:train=N"));
    }
}
