using Lur.Data;

namespace Lur.Tests.Data;

public class SampleCopiesTests
{
    private static byte[] Pixels(int seed)
    {
        var pixels = new byte[16 * 16 * 3];
        new Random(seed).NextBytes(pixels);
        return pixels;
    }

    private static byte[] Picture(int seed) => PngWriter.Encode(16, 16, 3, Pixels(seed));

    /// <summary>The same pixels in other bytes: with an opaque alpha channel.</summary>
    private static byte[] Reencoded(int seed)
    {
        byte[] with = [.. PngWriter.Encode(16, 16, 4, [.. Pixels(seed).Chunk(3).SelectMany(p => (byte[])[.. p, 255])])];
        Assert.That(with, Is.Not.EqualTo(Picture(seed)));
        return with;
    }

    private static void Write(TempFolder folder)
    {
        foreach (var (part, count) in new[] { ("train", 10), ("test", 4) })
            for (var i = 0; i < 2 * count; i++)
                folder.Write($"{part}/{(i < count ? "a" : "b")}/{i % count:000}.png", Picture(i + (part == "test" ? 100 : 0)));
    }

    [Test]
    public void BytesAndPixelsAreComparedInAllParts()
    {
        using var folder = new TempFolder();
        Write(folder);
        // Copies of a/000.png: bytes under the other class, pixels in the test part; and one more for the validation part.
        folder.Write("train/b/copy.png", Picture(0));
        folder.Write("test/b/copy.png", Reencoded(0));
        using var source = DataSource.Open(folder.Path);
        var split = DataSplit.Create(source.Train, 0.3, 1);
        var heldOut = split.Validation.First(i => i > 1 && source.Train.RelativePath(i) != "b/copy.png");
        File.WriteAllBytes(folder[source.Train.Identify(heldOut).Name], Reencoded(1));
        using var again = DataSource.Open(folder.Path);
        var copyNumber = Enumerable.Range(0, again.Train.Count).First(i => again.Train.RelativePath(i) == "b/copy.png");
        int[] train = [.. Enumerable.Range(0, again.Train.Count).Where(i => i != heldOut)];
        Assert.That(heldOut, Is.GreaterThan(1).And.Not.EqualTo(copyNumber), "the pictures that are copied are trained on");
        var known = folder.Write("split.json", SplitOf(again, train, [heldOut]));
        var own = DataSplit.Load(known, again.Train);
        var set = ForgetSet.Resolve(["sample:0", "sample:1"], again, own.Train, 1);
        long read = 0;
        var copies = SampleCopies.Find(again, own, set, n => read = n, default);
        Assert.That(read, Is.EqualTo(again.Train.Count + again.Test.Count), "each sample once");
        Assert.That(
            copies.All,
            Is.EqualTo(
                new[]
                {
                    new SampleCopy(again.Train.Identify(0), again.Train.Identify(copyNumber), "retain", copyNumber, true),
                    new SampleCopy(again.Train.Identify(1), again.Train.Identify(heldOut), "validation", heldOut, false),
                    new SampleCopy(again.Train.Identify(0), new SampleId(8, "test/b/copy.png"), "test", 8, false),
                }
            )
        );
        var (more, after) = copies.AlsoForget(again.Train, set);
        Assert.That(more.Forget, Is.EqualTo(new[] { 0, 1, copyNumber }));
        Assert.That(more.Retain, Is.EqualTo(set.Retain.Where(i => i != copyNumber)));
        Assert.That((after.Retain.Count, after.AlsoForgotten.Count, after.Validation.Count, after.Test.Count), Is.EqualTo((0, 1, 1, 1)));
    }

    [Test]
    public void WithoutCopiesThereIsNothing()
    {
        using var folder = new TempFolder();
        Write(folder);
        using var source = DataSource.Open(folder.Path);
        var split = DataSplit.Create(source.Train, 0, 1);
        var set = ForgetSet.Resolve(["class:a"], source, split.Train, 1);
        Assert.That(SampleCopies.Find(source, split, set, null, default).All, Is.Empty);
        Assert.That(SampleCopies.None.AlsoForget(source.Train, set).Set, Is.SameAs(set));
    }

    [Test]
    public void NearPicturesAreFound()
    {
        using var folder = new TempFolder();
        Write(folder);
        // Brighter by 2 of 255, and the very same: both keep every step from a cell to its neighbour.
        folder.Write("train/a/brighter.png", PngWriter.Encode(16, 16, 3, [.. Pixels(3).Select(p => (byte)Math.Min(255, p + 2))]));
        folder.Write("test/a/same.png", Reencoded(4));
        using var source = DataSource.Open(folder.Path);
        var near = NearCopies.Find(source, 2, 10, default);
        Assert.That(near.Count, Is.EqualTo(2));
        Assert.That(
            near.Pairs.Select(p => (p.First.Name, p.FirstPart, p.Second.Name, p.SecondPart, p.SamePixels)),
            Is.EquivalentTo(
                new[]
                {
                    ("train/a/003.png", "train", "train/a/brighter.png", "train", false),
                    ("train/a/004.png", "train", "test/a/same.png", "test", true),
                }
            )
        );
        Assert.That(near.Pairs[0].Distance, Is.Zero);
        Assert.That(NearCopies.Find(source, 63, 3, default).Pairs, Has.Count.EqualTo(3));
        Assert.Throws<UserErrorException>(() => NearCopies.Find(source, 64, 3, default));
    }

    [Test]
    public void TheNearestPairsAreShownWhereverTheyLie()
    {
        using var folder = new TempFolder();
        for (var i = 0; i < 12; i++)
            folder.Write($"train/a/{i:000}.png", Reencoded(i));
        folder.Write("train/b/last.png", Reencoded(0));
        folder.Write("test/a/other.png", Reencoded(20));
        using var source = DataSource.Open(folder.Path);
        var nearest = NearCopies.Find(source, 63, 1, default).Pairs.Single();
        Assert.That((nearest.First.Name, nearest.Second.Name, nearest.Distance), Is.EqualTo(("train/a/000.png", "train/b/last.png", 0)));
    }

    [Test]
    public void TheHashIsTheSignOfEachStep()
    {
        // 18 x 16 grey: columns in pairs are the cells; lighter to the right in even rows of cells, darker in odd ones.
        var pixels = new byte[16 * 18];
        for (var y = 0; y < 16; y++)
        for (var x = 0; x < 18; x++)
            pixels[y * 18 + x] = (byte)(y / 2 % 2 == 0 ? 10 * (x / 2) : 200 - 10 * (x / 2));
        Assert.That(NearCopies.HashOf(pixels, 1, 16, 18), Is.EqualTo(0xFF00FF00FF00FF00UL));
        Assert.That(NearCopies.HashOf([.. pixels, .. pixels, .. pixels], 3, 16, 18), Is.EqualTo(0xFF00FF00FF00FF00UL));
        // Smaller than the grid: one pixel spans several cells, which are equal.
        Assert.That(NearCopies.HashOf([0, 200], 1, 1, 2), Is.EqualTo(0x1818181818181818UL));
    }

    private static string SplitOf(DataSource source, int[] train, int[] validation) =>
        $$"""
            { "version": 1, "dataset": "folder", "count": {{source.Train.Count}},
              "fingerprint": "{{source.Train.Fingerprint()}}", "seed": 1,
              "validation_share": 0.1, "train_sha256": "{{DataSplit.HashOf(train)}}", "validation_sha256": "{{DataSplit.HashOf(
                validation
            )}}",
              "train": [{{string.Join(',', train)}}], "validation": [{{string.Join(',', validation)}}] }
            """;
}
