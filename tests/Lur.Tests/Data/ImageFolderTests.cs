using Lur.Data;

namespace Lur.Tests.Data;

public class ImageFolderTests
{
    // Pixel value 40 * salt + 3 y + x + 50 c.
    private static byte[] Png(int width, int height, int channels, int salt = 0)
    {
        var pixels = new byte[width * height * channels];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)(40 * salt + 3 * (i / channels / width) + i / channels % width + 50 * (i % channels));
        return PngWriter.Encode(width, height, channels, pixels);
    }

    private static void WriteClasses(TempFolder folder, string part, int perClass, int channels = 3)
    {
        foreach (var name in new[] { "cat", "dog", "ant" })
            for (var i = 0; i < perClass; i++)
                folder.Write($"{part}{name}/{name}_{i:00}.png", Png(6, 5, channels, i));
    }

    [Test]
    public void ReadsClassesInOrderOfNames()
    {
        using var folder = new TempFolder();
        WriteClasses(folder, "train/", 2);
        WriteClasses(folder, "test/", 1);
        folder.Write("train/cat/deeper/more.PNG", Png(6, 5, 3, 3));
        folder.Write("train/cat/notes.txt", "not an image, and not named like one");
        folder.Write("train/.hidden/x.png", "ignored");
        using var source = DataSource.Open(folder.Path);
        var train = source.Train;
        Assert.That(
            (source.Format, train.Count, source.Test.Count, train.Channels, train.Height, train.Width),
            Is.EqualTo(("folder", 7, 3, 3, 5, 6))
        );
        Assert.That(train.ClassNames, Is.EqualTo(new[] { "ant", "cat", "dog" }));
        Assert.That(
            Enumerable.Range(0, 7).Select(train.RelativePath),
            Is.EqualTo(
                new[]
                {
                    "ant/ant_00.png",
                    "ant/ant_01.png",
                    "cat/cat_00.png",
                    "cat/cat_01.png",
                    "cat/deeper/more.PNG",
                    "dog/dog_00.png",
                    "dog/dog_01.png",
                }
            )
        );
        var sample = new byte[90];
        for (var pass = 0; pass < 2; pass++) // decoded, then from the cache
        {
            train.CopyImage(3, sample);
            Assert.That(sample, Is.EqualTo(Enumerable.Range(0, 90).Select(i => 40 + 3 * (i % 30 / 6) + i % 6 + 50 * (i / 30))));
        }
    }

    [Test]
    public void HoldsOutATestPart()
    {
        using var folder = new TempFolder();
        WriteClasses(folder, "", 10);
        using var source = DataSource.Open(folder.Path, new DataOptions { TestShare = 0.3 });
        Assert.That(source.Train.CountByClass(), Is.All.EqualTo(7));
        Assert.That(source.Test.CountByClass(), Is.All.EqualTo(3));
        using var again = DataSource.Open(folder.Path, new DataOptions { TestShare = 0.3, TestSeed = 2 });
        Assert.That(again.Test.Fingerprint(), Is.Not.EqualTo(source.Test.Fingerprint()));
        Assert.That(source.TestOrigin, Is.EqualTo("30 % of each class held out with seed 1"));
    }

    [TestCase(1, 1)]
    [TestCase(2, 1)]
    [TestCase(3, 3)]
    [TestCase(4, 3)]
    public void ChannelsFollowTheFormat(int channels, int expected)
    {
        using var folder = new TempFolder();
        WriteClasses(folder, "", 1, channels);
        using var data = ImageFolderDataset.Open(folder.Path);
        Assert.That(data.Channels, Is.EqualTo(expected));
        var sample = new byte[30 * expected];
        data.CopyImage(0, sample);
        // Alpha is the last channel of Png(): 50 * (channels - 1) + 3 y + x; blended over white.
        for (var i = 0; i < sample.Length; i++)
        {
            int y = i % 30 / 6,
                x = i % 6,
                value = 3 * y + x + 50 * (i / 30);
            var alpha = channels is 2 or 4 ? 50 * (channels - 1) + 3 * y + x : 255;
            Assert.That(
                sample[i],
                Is.EqualTo((byte)Math.Round((value * alpha + 255.0 * (255 - alpha)) / 255, MidpointRounding.AwayFromZero)),
                $"byte {i}"
            );
        }
    }

    [Test]
    public void ReadsJpeg()
    {
        using var folder = new TempFolder();
        folder.Write("a/1.jpg", JpegFixtures.Baseline);
        folder.Write("a/2.JPEG", JpegFixtures.Progressive);
        folder.Write("b/3.jpeg", [.. JpegFixtures.Grey, .. "camera data"u8]);
        using var data = ImageFolderDataset.Open(folder.Path);
        Assert.That((data.Channels, data.Width, data.Height), Is.EqualTo((3, 20, 12)));
        var sample = new byte[720];
        for (var i = 0; i < 3; i++)
        {
            data.CopyImage(i, sample);
            double worst = 0;
            for (var p = 0; p < 720; p++)
            {
                int x = p % 20,
                    y = p % 240 / 20,
                    c = p / 240;
                // Away from the edge in the middle, where a quantised 8 x 8 block rings.
                if (i < 2 && x is >= 7 and <= 15)
                    continue;
                var original =
                    i == 2 ? Math.Min(255, 12 * x + 5)
                    : c == 1 ? 10 * y + 20
                    : c == 0 ? (x < 10 ? 200 : 30)
                    : x < 10 ? 40
                    : 220;
                worst = Math.Max(worst, Math.Abs(sample[p] - original));
            }
            // Quality 90 quantises coefficients in steps of 2 to 24: a few grey levels, doubled where colour is subsampled.
            Assert.That(worst, Is.LessThan(16), $"image {i}");
        }
    }

    [Test]
    public void ScalesToARequestedSize()
    {
        using var folder = new TempFolder();
        folder.Write("a/1.png", Png(9, 5, 3));
        folder.Write("b/1.png", Png(4, 16, 1));
        Assert.That(Fails(folder.Path), Does.Contain("differ in size").And.Contain("9 x 5").And.Contain("4 x 16"));
        using var data = ImageFolderDataset.Open(folder.Path, 8);
        Assert.That((data.Width, data.Height, data.Channels), Is.EqualTo((8, 8, 3)));
        var sample = new byte[192];
        data.CopyImage(0, sample);
        Assert.That(() => ImageFolderDataset.Open(folder.Path, 0), Throws.InstanceOf<UserErrorException>());
    }

    [Test]
    public void DefectsAreOneSentence()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder["a"]);
        Assert.That(Fails(folder.Path), Does.Contain($"The class folder '{folder["a"]}' holds no PNG or JPEG file"));
        folder.Write("a/1.png", "hello");
        Assert.That(Fails(folder.Path), Does.Contain("a/1.png', offset 0: expected the signature"));
        var png = Png(6, 5, 3);
        folder.Write("a/1.png", png.AsSpan(0, png.Length - 9));
        Assert.That(
            Fails(folder.Path),
            Does.Contain("expected the end marker of a PNG image; the file is cut; fetch it again, or remove it")
        );
        folder.Write("a/1.png", png.AsSpan(0, 20));
        Assert.That(Fails(folder.Path), Does.Contain("offset 12: expected the IHDR chunk"));
        folder.Write("a/1.png", JpegFixtures.Baseline.AsSpan(0, 300));
        Assert.That(
            Fails(folder.Path),
            Does.Contain("offset 300: expected the end marker of a JPEG image").Or.Contain("goes past the end")
        );
        folder.Write("a/1.png", JpegFixtures.Baseline.AsSpan(0, 100));
        Assert.That(Fails(folder.Path), Does.Contain("expected a frame header of a JPEG image"));
        folder.Write("a/1.webp", "x");
        File.Delete(folder["a/1.png"]);
        Assert.That(Fails(folder.Path), Does.Contain("type .webp are not read"));
    }

    [Test]
    public void DamageInsideAPngIsFoundWhenTheFolderIsOpened()
    {
        using var folder = new TempFolder();
        var png = Png(6, 5, 3);
        var data = png.AsSpan().IndexOf("IDAT"u8);
        png[data + 9] ^= 0x10;
        folder.Write("a/1.png", png);
        Assert.That(Fails(folder.Path), Does.Contain($"a/1.png', offset {data - 4}: the checksum"));
    }

    [Test]
    public void TrainAndTestMustFit()
    {
        using var folder = new TempFolder();
        WriteClasses(folder, "train/", 1);
        WriteClasses(folder, "val/", 1);
        folder.Write("val/bird/1.png", Png(6, 5, 3));
        Assert.That(CifarDatasetTests.Message(folder.Path), Does.Contain("val/bird' is a class that the training set does not have"));
        Directory.Delete(folder["val/bird"], true);
        Directory.Delete(folder["val/cat"], true);
        using (var source = DataSource.Open(folder.Path))
            Assert.That(source.Test.CountByClass(), Is.EqualTo(new[] { 1, 0, 1 }));
        folder.Write("val/ant/ant_00.png", Png(7, 5, 3));
        folder.Write("val/dog/dog_00.png", Png(7, 5, 3));
        Assert.That(CifarDatasetTests.Message(folder.Path), Does.Contain("are 7 x 5").And.Contain("6 x 5"));
    }

    [TestCase("glob:cat/*", "cat/cat_00.png cat/cat_01.png")]
    [TestCase("glob:*_01.png", "ant/ant_01.png cat/cat_01.png dog/dog_01.png")]
    [TestCase("glob:**/d*_0?.png", "dog/dog_00.png dog/dog_01.png")]
    [TestCase("glob:?at/cat_00.png", "cat/cat_00.png")]
    public void AGlobSelectsByPath(string glob, string expected)
    {
        using var folder = new TempFolder();
        WriteClasses(folder, "", 2);
        using var data = ImageFolderDataset.Open(folder.Path);
        var set = ForgetSet.Resolve([glob], data, Enumerable.Range(0, 6).ToArray(), 1);
        Assert.That(set.Forget.Select(data.RelativePath), Is.EqualTo(expected.Split(' ')));
        var error = Assert.Throws<UserErrorException>(() => ForgetSet.Resolve(["glob:cat_*/x"], data, Enumerable.Range(0, 6).ToArray(), 1));
        Assert.That(error!.Message, Does.Contain("selects nothing").And.Contain("ant/ant_00.png"));
    }

    [Test]
    public void TheFingerprintFollowsNamesAndBytes()
    {
        using var folder = new TempFolder();
        WriteClasses(folder, "", 2);
        using var before = ImageFolderDataset.Open(folder.Path);
        var hash = before.Fingerprint();
        using (var again = ImageFolderDataset.Open(folder.Path))
            Assert.That(again.Fingerprint(), Is.EqualTo(hash));
        folder.Write("cat/cat_01.png", Png(6, 5, 3, 4));
        Assert.That(before.Fingerprint(), Is.Not.EqualTo(hash));
    }

    // Against the definition, in double and in two dimensions at once: every source pixel weighed by both triangles.
    [TestCase(9, 5, 9, 5)]
    [TestCase(16, 16, 8, 8)]
    [TestCase(17, 13, 5, 5)]
    [TestCase(3, 4, 11, 11)]
    [TestCase(1, 1, 7, 3)]
    [TestCase(64, 2, 3, 8)]
    public void ResizingFollowsItsDefinition(int sourceWidth, int sourceHeight, int width, int height)
    {
        byte[] source = [.. Enumerable.Range(0, sourceWidth * sourceHeight * 3).Select(i => (byte)(i * 37 + i / 7))];
        var actual = new byte[3 * width * height];
        var resize = new ImageResize(sourceWidth, sourceHeight, 3, width, height);
        for (var y = 0; y < sourceHeight; y++)
            resize.Add(y, [.. source[(3 * sourceWidth * y)..(3 * sourceWidth * (y + 1))].Select(s => (ushort)(s * 257))]);
        resize.Finish(actual);
        double scale = Math.Min((double)sourceWidth / width, (double)sourceHeight / height),
            radius = Math.Max(1, scale);
        for (var y = 0; y < height; y++)
        for (var x = 0; x < width; x++)
        for (var c = 0; c < 3; c++)
        {
            double cx = sourceWidth / 2.0 + (x + 0.5 - width / 2.0) * scale,
                cy = sourceHeight / 2.0 + (y + 0.5 - height / 2.0) * scale;
            double sum = 0,
                weight = 0;
            for (var sy = 0; sy < sourceHeight; sy++)
            for (var sx = 0; sx < sourceWidth; sx++)
            {
                var w = Math.Max(0, 1 - Math.Abs(sx + 0.5 - cx) / radius) * Math.Max(0, 1 - Math.Abs(sy + 0.5 - cy) / radius);
                sum += w * source[(sy * sourceWidth + sx) * 3 + c];
                weight += w;
            }
            // Half a grey level of rounding, and 255 * (a few float roundings).
            Assert.That(actual[(c * height + y) * width + x], Is.EqualTo(sum / weight).Within(0.5001), $"({x}, {y}, {c})");
        }
        if (width == sourceWidth && height == sourceHeight)
            Assert.That(actual[0], Is.EqualTo(source[0]));
    }

    private static string Fails(string path) => Assert.Throws<UserErrorException>(() => ImageFolderDataset.Open(path).Dispose())!.Message;
}
