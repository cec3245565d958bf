using System.Formats.Tar;
using System.IO.Compression;
using Lur.Checkpoints;
using Lur.Data;
using Lur.Tests.Checkpoints;

namespace Lur.Tests.Data;

/// <summary>Files that stand where a model or data should and are something else are named for what they are.</summary>
public class ForeignFileTests
{
    private static byte[] Content(string kind)
    {
        using var stream = new MemoryStream();
        switch (kind)
        {
            case "lfs":
                return "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 44763136\n"u8.ToArray();
            case "html":
                return "\n<!DOCTYPE html><html><body>404</body></html>"u8.ToArray();
            case "pickle":
                return [0x80, 2, (byte)'}', (byte)'q', 0, (byte)'.', .. new byte[100]];
            case "torch":
                // As torch.save writes them before version 1.6: the magic number as a long of ten bytes.
                return [0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E, .. new byte[64]];
            case "zip":
                using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
                    zip.CreateEntry("model/weights").Open().Dispose();
                return stream.ToArray();
            case "tar":
                using (var tar = new TarWriter(stream, TarEntryFormat.Ustar, leaveOpen: true))
                    tar.WriteEntry(new UstarTarEntry(TarEntryType.Directory, "train"));
                return stream.ToArray();
            default:
                return IdxDatasetTests.Gzip(new byte[500]);
        }
    }

    [TestCase("lfs", "is a Git LFS pointer", "git lfs pull")]
    [TestCase("html", "is a web page", "download it again")]
    [TestCase("pickle", "is a pickled Python file", "safetensors.torch.save_file")]
    [TestCase("torch", "is a pickled Python file", "safetensors.torch.save_file")]
    [TestCase("zip", "is a zip archive", "unpack it")]
    [TestCase("tar", "is a tar archive", "tar -xf")]
    [TestCase("gzip", "is compressed with gzip", "gunzip")]
    public void EveryReaderNamesThem(string kind, string expected, string remedy)
    {
        using var folder = new TempFolder();
        var content = Content(kind);
        string model = folder.Write("model.safetensors", content),
            records = folder.Write("data_batch_1.bin", content),
            loose = folder.Write("data", content),
            ids = folder.Write("ids.txt", content),
            split = folder.Write("split.json", content);
        folder.Write("set/a/1.jpg", content);
        var data = new SyntheticDataset(30, 1, SyntheticPart.Train);
        foreach (
            var read in new Action[]
            {
                () => SafeTensorsFile.Open(model).Dispose(),
                () => CifarDataset.Open(CifarKind.Cifar10, [records]).Dispose(),
                () => DataSource.Open(loose).Dispose(),
                () => DataSource.Open(folder["set"]).Dispose(),
                () => ForgetSet.Resolve([ids], data, [0, 1, 2], 1),
                () => DataSplit.Load(split, data),
            }
        )
            Assert.That(Assert.Throws<UserErrorException>(() => read())!.Message, Does.Contain(expected).And.Contain(remedy));
        if (kind == "gzip")
            return;
        string images = folder.Write("x-images-idx3-ubyte.gz", content),
            labels = folder.Write("x-labels-idx1-ubyte", IdxDatasetTests.Labels(3));
        Assert.That(Assert.Throws<UserErrorException>(() => IdxDataset.Open(images, labels))!.Message, Does.Contain(expected));
    }

    [Test]
    public void AZipOfPyTorchIsKnownByItsName()
    {
        using var folder = new TempFolder();
        var path = folder.Write("model.pth", Content("zip"));
        Assert.That(
            Assert.Throws<UserErrorException>(() => SafeTensorsFile.Open(path))!.Message,
            Does.Contain("is a pickled PyTorch file").And.Contain("torch.load")
        );
    }

    [Test]
    public void AHeaderOfSafetensorsThatBeginsLikeAPickleIsNone()
    {
        // Its length is 0x0280, the first two bytes of a pickle.
        using var folder = new TempFolder();
        var whole = SafeTensorsTests.FileOf("{" + new string(' ', 0x27E) + "}", 0);
        Assert.That(whole[..2], Is.EqualTo(new byte[] { 0x80, 2 }));
        using var file = SafeTensorsFile.Open(folder.Write("model.safetensors", whole));
        Assert.That(file.Tensors, Is.Empty);
    }

    [Test]
    public void ADeviceIsRefusedAtOnce()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Ignore("There is no /dev/zero.");
        var data = new SyntheticDataset(30, 1, SyntheticPart.Train);
        foreach (
            var read in new Action[]
            {
                () => SafeTensorsFile.Open("/dev/zero").Dispose(),
                () => DataSource.Open("/dev/zero").Dispose(),
                () => ForgetSet.Resolve(["/dev/zero"], data, [0, 1, 2], 1),
                () => DataSplit.Load("/dev/zero", data),
            }
        )
            Assert.That(Assert.Throws<UserErrorException>(() => read())!.Message, Does.Contain("'/dev/zero' is a character device"));
    }
}
