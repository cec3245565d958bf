using Lur.Data;

namespace Lur.Tests.Data;

public class CifarDatasetTests
{
    // Record r of a file has label (r + 3 * salt) mod classes and pixel p equal to r + 7p + salt, cut to a byte.
    internal static byte[] Records(CifarKind kind, int count, int salt = 0)
    {
        int head = kind == CifarKind.Cifar10 ? 1 : 2,
            size = head + 3072;
        var bytes = new byte[count * size];
        for (var r = 0; r < count; r++)
        {
            var label = (r + 3 * salt) % (head == 1 ? 10 : 100);
            bytes[r * size + head - 1] = (byte)label;
            if (head == 2)
                bytes[r * size] = (byte)(label / 5);
            for (var p = 0; p < 3072; p++)
                bytes[r * size + head + p] = (byte)(r + 7 * p + salt);
        }
        return bytes;
    }

    internal static void WriteCifar10(TempFolder folder, int records = 20)
    {
        folder.Write("data_batch_1.bin", Records(CifarKind.Cifar10, records));
        folder.Write("data_batch_2.bin", Records(CifarKind.Cifar10, 7, 1));
        folder.Write("test_batch.bin", Records(CifarKind.Cifar10, 11, 2));
        folder.Write("batches.meta.txt", "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n");
    }

    [TestCase(CifarKind.Cifar10, 1)]
    [TestCase(CifarKind.Cifar10, 23)]
    [TestCase(CifarKind.Cifar100, 1)]
    [TestCase(CifarKind.Cifar100, 101)]
    public void ReadsAnyNumberOfRecords(CifarKind kind, int count)
    {
        using var folder = new TempFolder();
        using var data = CifarDataset.Open(kind, [folder.Write("a.bin", Records(kind, count)), folder.Write("b.bin", Records(kind, 5, 1))]);
        Assert.That(data.Count, Is.EqualTo(count + 5));
        var sample = new byte[3072];
        for (var i = 0; i < data.Count; i++)
        {
            int r = i < count ? i : i - count,
                salt = i < count ? 0 : 1;
            data.CopyImage(i, sample);
            Assert.That(data.Label(i), Is.EqualTo((r + 3 * salt) % data.ClassNames.Count), $"label {i}");
            Assert.That(sample.Select((b, p) => b == (byte)(r + 7 * p + salt)), Is.All.True, $"pixels of sample {i}");
        }
        Assert.That(() => data.CopyImage(data.Count, sample), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => data.CopyImage(0, new byte[3071]), Throws.ArgumentException);
    }

    [Test]
    public void DetectsAFolderOfCifar10()
    {
        using var folder = new TempFolder();
        WriteCifar10(folder);
        using var source = DataSource.Open(folder.Path);
        Assert.Multiple(() =>
        {
            Assert.That(source.Format, Is.EqualTo("cifar10"));
            Assert.That(source.Train.Count, Is.EqualTo(27));
            Assert.That(source.Test.Count, Is.EqualTo(11));
            Assert.That(source.Train.ClassNames[3], Is.EqualTo("cat"));
            Assert.That(source.Test.Label(0), Is.EqualTo(6));
        });
    }

    [Test]
    public void DetectsAnUnpackedArchiveAndCifar100()
    {
        using var folder = new TempFolder();
        folder.Write("cifar-100-binary/train.bin", Records(CifarKind.Cifar100, 100));
        folder.Write("cifar-100-binary/test.bin", Records(CifarKind.Cifar100, 3));
        folder.Write("cifar-100-binary/fine_label_names.txt", string.Join('\n', Enumerable.Range(0, 100).Select(i => $"thing {i}")));
        using var source = DataSource.Open(folder.Path);
        Assert.That((source.Format, source.Train.Count, source.Test.ClassNames[99]), Is.EqualTo(("cifar100", 100, "thing 99")));
    }

    [TestCase("cifar-10-batches-py/", "data_batch_1", "batches.meta")]
    [TestCase("cifar-100-python/", "train", "test", "meta")]
    [TestCase("", "train", "test", "meta")]
    public void ThePythonVersionIsNamed(string part, params string[] files)
    {
        using var folder = new TempFolder();
        foreach (var file in files)
            folder.Write(part + file, "x");
        Assert.That(Message(folder.Path), Does.Contain("holds the Python version of CIFAR"));
    }

    [TestCase(CifarKind.Cifar10, "data_batch_1.bin")]
    [TestCase(CifarKind.Cifar10, "some.bin")]
    [TestCase(CifarKind.Cifar100, "train.bin")]
    [TestCase(CifarKind.Cifar100, "some.bin")]
    public void HoldsOutATestPartOfASingleFile(CifarKind kind, string name)
    {
        using var folder = new TempFolder();
        var classes = kind == CifarKind.Cifar10 ? 10 : 100;
        using var source = DataSource.Open(folder.Write(name, Records(kind, 10 * classes)));
        Assert.That(source.Train.CountByClass(), Is.All.EqualTo(8));
        Assert.That(source.Test.CountByClass(), Is.All.EqualTo(2));
    }

    [TestCase(3072, "offset 0: record 0 has 3072 bytes, expected 3073")]
    [TestCase(3073 + 5, "offset 3073: record 1 has 5 bytes, expected 3073")]
    [TestCase(0, "offset 0: the CIFAR-10 file is empty")]
    public void ACutFileNamesTheOffset(int length, string expected)
    {
        using var folder = new TempFolder();
        var path = folder.Write("data_batch_1.bin", Records(CifarKind.Cifar10, 2).AsSpan(0, length));
        var error = Assert.Throws<UserErrorException>(() => CifarDataset.Open(CifarKind.Cifar10, [path]).Dispose());
        Assert.That(error!.Message, Does.Contain(path).And.Contain(expected));
    }

    [TestCase(CifarKind.Cifar10, 2 * 3073, 10, "offset 6146: record 2 has label 10, expected 0 to 9")]
    [TestCase(CifarKind.Cifar100, 3074 + 1, 100, "offset 3075: record 1 has label 100, expected 0 to 99")]
    [TestCase(CifarKind.Cifar100, 3074, 20, "offset 3074: record 1 has coarse label 20, expected 0 to 19")]
    public void ALabelOutOfRangeNamesTheOffset(CifarKind kind, int offset, byte value, string expected)
    {
        using var folder = new TempFolder();
        var bytes = Records(kind, 3);
        bytes[offset] = value;
        var path = folder.Write("x.bin", bytes);
        var error = Assert.Throws<UserErrorException>(() => CifarDataset.Open(kind, [path]).Dispose());
        Assert.That(error!.Message, Does.Contain(path).And.Contain(expected));
    }

    [Test]
    public void MissingPartsAreNamed()
    {
        using var folder = new TempFolder();
        WriteCifar10(folder);
        File.Move(folder["data_batch_2.bin"], folder["data_batch_3.bin"]);
        Assert.That(Message(folder.Path), Does.Contain("data_batch_2.bin' is missing"));
        File.Delete(folder["data_batch_3.bin"]);
        File.Delete(folder["test_batch.bin"]);
        Assert.That(Message(folder.Path), Does.Contain("test_batch.bin' is missing"));
        Assert.That(Message(folder["nowhere"]), Does.Contain("does not exist"));
        using var python = new TempFolder();
        python.Write("data_batch_1", "pickle");
        Assert.That(Message(python.Path), Does.Contain("binary version"));
        using var nothing = new TempFolder();
        Assert.That(Message(nothing.Path), Does.Contain("holds no data set"));
    }

    [Test]
    public void ALinkThatLeadsBackEnds()
    {
        using var folder = new TempFolder();
        Directory.CreateSymbolicLink(folder["again"], folder.Path);
        Assert.That(CifarDatasetTests.Message(folder.Path), Does.Contain("again"));
    }

    [Test]
    public void AnEmptyClassIsNamed()
    {
        using var folder = new TempFolder();
        WriteCifar10(folder, 1);
        Assert.That(Message(folder.Path), Does.Contain("no sample of class 1 ('automobile')"));
    }

    [Test]
    public void WrongNamesAreRefused()
    {
        using var folder = new TempFolder();
        WriteCifar10(folder);
        folder.Write("batches.meta.txt", "a\nb\nb\n");
        Assert.That(Message(folder.Path), Does.Contain("2 classes in 3 lines, expected 10"));
    }

    internal static string Message(string location) =>
        Assert.Throws<UserErrorException>(() => DataSource.Open(location).Dispose())!.Message;
}
