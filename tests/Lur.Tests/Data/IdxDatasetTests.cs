using System.Buffers.Binary;
using System.IO.Compression;
using Lur.Data;

namespace Lur.Tests.Data;

public class IdxDatasetTests
{
    internal static byte[] Images(int count, int height = 5, int width = 3)
    {
        var bytes = new byte[16 + count * height * width];
        bytes[2] = 8;
        bytes[3] = 3;
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4), count);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(8), height);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(12), width);
        for (var i = 16; i < bytes.Length; i++)
            bytes[i] = (byte)(i * 5);
        return bytes;
    }

    internal static byte[] Labels(int count, int classes = 10)
    {
        var bytes = new byte[8 + count];
        bytes[2] = 8;
        bytes[3] = 1;
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4), count);
        for (var i = 0; i < count; i++)
            bytes[8 + i] = (byte)(i % classes);
        return bytes;
    }

    internal static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal))
            gzip.Write(bytes);
        return packed.ToArray();
    }

    [TestCase(false, "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")]
    [TestCase(true, "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")]
    [TestCase(false, "train-images.idx3-ubyte", "train-labels.idx1-ubyte", "test-images.idx3-ubyte", "test-labels.idx1-ubyte")]
    [TestCase(true, "TRAIN-IMAGES-IDX3-UBYTE.GZ", "TRAIN-LABELS-IDX1-UBYTE.GZ", "T10K-IMAGES.IDX3-UBYTE.gz", "t10k-labels-idx1-ubyte.GZ")]
    [TestCase(false, "Train-Images.idx3-ubyte", "train-labels-idx1-ubyte", "T10k-Images.IDX3-UBYTE", "T10K-LABELS.idx1-ubyte")]
    [TestCase(
        false,
        "raw/train-images-idx3-ubyte",
        "raw/train-labels-idx1-ubyte",
        "raw/t10k-images-idx3-ubyte",
        "raw/t10k-labels-idx1-ubyte"
    )]
    public void DetectsAFolder(bool packed, string images, string labels, string testImages, string testLabels)
    {
        Func<byte[], byte[]> pack = packed ? Gzip : b => b;
        using var folder = new TempFolder();
        folder.Write(images, pack(Images(31)));
        folder.Write(labels, pack(Labels(31)));
        folder.Write(testImages, pack(Images(1)));
        folder.Write(testLabels, pack(Labels(1)));
        using var source = DataSource.Open(folder.Path);
        var train = source.Train;
        Assert.That(
            (source.Format, train.Count, train.Channels, train.Height, train.Width, source.Test.Count, source.Test.ClassNames.Count),
            Is.EqualTo(("idx", 31, 1, 5, 3, 1, 10))
        );
        byte[] sample = new byte[15],
            all = Images(31);
        for (var i = 0; i < 31; i++)
        {
            train.CopyImage(i, sample);
            Assert.That(sample, Is.EqualTo(all.AsSpan(16 + 15 * i, 15).ToArray()), $"sample {i}");
            Assert.That(train.Label(i), Is.EqualTo(i % 10));
        }
    }

    [Test]
    public void LeavesNoTemporaryFile()
    {
        string[] Left() => [.. Directory.EnumerateFiles(Path.GetTempPath(), $".lur-{Environment.ProcessId}-*")];
        using var folder = new TempFolder();
        using var data = IdxDataset.Open(folder.Write("images.gz", Gzip(Images(3))), folder.Write("labels.gz", Gzip(Labels(3))));
        Assert.That(Left(), Is.Empty);
        var sample = new byte[15];
        data.CopyImage(2, sample);
        Assert.That(sample, Is.EqualTo(Images(3).AsSpan(16 + 30, 15).ToArray()));
    }

    [Test]
    public void OpensASingleFile()
    {
        using var folder = new TempFolder();
        var images = folder.Write("digits-images-idx3-ubyte", Images(50));
        var labels = folder.Write("digits-labels-idx1-ubyte.gz", Gzip(Labels(50)));
        foreach (var location in new[] { images, folder.Path })
        {
            using var source = DataSource.Open(location);
            Assert.That((source.Train.Count, source.Test.Count), Is.EqualTo((40, 10)));
        }
        Assert.That(CifarDatasetTests.Message(labels), Does.Contain("give the file of images"));
        File.Delete(labels);
        Assert.That(CifarDatasetTests.Message(images), Does.Contain("digits-labels-idx1-ubyte[.gz]' is missing"));
    }

    [TestCase(0, 0, "offset 0: expected an IDX file")]
    [TestCase(3, 0, "offset 0: expected an IDX file")]
    [TestCase(10, 0, "offset 10: the header is cut")]
    [TestCase(20, 0, "offset 20: the file has 20 bytes, expected 61 for images of 3 x 5 x 3; it is cut")]
    [TestCase(60, 0, "offset 60: the file has 60 bytes, expected 61")]
    [TestCase(61, 4, "offset 61: the file has 65 bytes, expected 61 for images of 3 x 5 x 3; it is followed by other bytes")]
    public void AWrongLengthNamesTheOffset(int kept, int added, string expected)
    {
        using var folder = new TempFolder();
        var path = folder.Write("images", [.. Images(3).AsSpan(0, kept), .. new byte[added]]);
        Assert.That(Fails(path, folder.Write("labels", Labels(3))), Does.Contain(path).And.Contain(expected));
    }

    [TestCase(0, 1, "offset 0: expected an IDX file")]
    [TestCase(2, 0x0D, "offset 2: element type 0x0d, expected 0x08")]
    [TestCase(3, 1, "offset 3: 1 dimensions, expected 3 for images; this looks like a file of labels")]
    [TestCase(4, 0xFF, "offset 4: an extent of 4278190083, expected at most 2147483647")]
    [TestCase(8, 0x7F, "offset 8: images of 2130706437 x 3, expected at most 2^28 pixels")]
    public void AWrongHeaderNamesTheOffset(int offset, byte value, string expected)
    {
        using var folder = new TempFolder();
        var bytes = Images(3);
        bytes[offset] = value;
        string path = folder.Write("images", bytes),
            packed = folder.Write("images.gz", Gzip(bytes)),
            labels = folder.Write("labels", Labels(3));
        Assert.That(Fails(path, labels), Does.Contain(path).And.Contain(expected));
        Assert.That(Fails(packed, labels), Does.Contain(packed).And.Contain(expected));
    }

    [Test]
    public void ImagesAndLabelsMustAgree()
    {
        using var folder = new TempFolder();
        Assert.That(Fails(folder.Write("images", Images(3)), folder.Write("labels", Labels(4))), Does.Contain("4 labels, expected 3"));
        Assert.That(Fails(folder.Write("images", Images(0)), folder.Write("labels", Labels(0))), Does.Contain("at least one image"));
    }

    [Test]
    public void AGapInTheLabelsIsAnEmptyClass()
    {
        using var folder = new TempFolder();
        var labels = Labels(20);
        labels.AsSpan(8).Replace((byte)7, (byte)6);
        var images = folder.Write("images-idx3-ubyte", Images(20));
        folder.Write("labels-idx1-ubyte", labels);
        Assert.That(CifarDatasetTests.Message(images), Does.Contain("no sample of class 7").And.Contain("label 9 is sample 9"));
        labels = Labels(20);
        labels[8 + 13] = 200;
        folder.Write("labels-idx1-ubyte", labels);
        Assert.That(CifarDatasetTests.Message(images), Does.Contain("no sample of class 10").And.Contain("label 200 is sample 13"));
    }

    [Test]
    public void ATestLabelThatTrainingLacksNamesTheOffset()
    {
        using var folder = new TempFolder();
        folder.Write("train-images-idx3-ubyte", Images(20));
        folder.Write("train-labels-idx1-ubyte", Labels(20, 5));
        folder.Write("t10k-images-idx3-ubyte", Images(20));
        folder.Write("t10k-labels-idx1-ubyte", Labels(20, 6));
        Assert.That(CifarDatasetTests.Message(folder.Path), Does.Contain("offset 13: sample 5 has label 5, expected 0 to 4"));
        folder.Write("t10k-images-idx3-ubyte", Images(20, 4));
        Assert.That(CifarDatasetTests.Message(folder.Path), Does.Contain("images of 4 x 3, expected 5 x 3"));
    }

    [Test]
    public void ACutGzipIsAnErrorAtEveryLength()
    {
        using var folder = new TempFolder();
        var packed = Gzip(Images(40));
        var labels = folder.Write("labels", Labels(40));
        for (var length = 2; length < packed.Length; length++)
        {
            var path = folder.Write("images.gz", packed.AsSpan(0, length));
            Assert.That(Fails(path, labels), Does.Contain(path).And.Match("cut|expected"), $"first {length} bytes");
        }
    }

    [TestCase("padding")]
    [TestCase("garbage")]
    [TestCase("members")]
    [TestCase("members and padding")]
    public void WhatGunzipReadsIsRead(string kind)
    {
        var whole = Images(40);
        var packed = kind.StartsWith("members", StringComparison.Ordinal) ? [.. Gzip(whole[..100]), .. Gzip(whole[100..])] : Gzip(whole);
        var tail = kind switch
        {
            "garbage" => new byte[] { 7, 8, 9, 10, 11 },
            "members" => [],
            _ => new byte[512],
        };
        using var folder = new TempFolder();
        using var data = IdxDataset.Open(folder.Write("images.gz", [.. packed, .. tail]), folder.Write("labels", Labels(40)));
        var sample = new byte[15];
        data.CopyImage(39, sample);
        Assert.That(sample, Is.EqualTo(whole.AsSpan(16 + 39 * 15, 15).ToArray()));
        // The last eight bytes of the last member are its checksum and length: one less is cut, and padding does not hide it.
        if (kind != "padding" && kind != "members")
            return;
        var cut = folder.Write("cut.gz", [.. packed[..^5], .. tail]);
        Assert.That(Fails(cut, folder["labels"]), Does.Contain(cut));
    }

    [Test]
    public void AGzipThatPromisesTooMuchIsRefusedBeforeUnpacking()
    {
        using var folder = new TempFolder();
        var bytes = Images(3);
        bytes[4] = 0x40;
        var path = folder.Write("images.gz", Gzip(bytes));
        Assert.That(Fails(path, folder.Write("labels", Labels(3))), Does.Contain("more than").And.Contain("can hold"));
    }

    private static string Fails(string images, string labels) =>
        Assert.Throws<UserErrorException>(() => IdxDataset.Open(images, labels).Dispose())!.Message;
}
