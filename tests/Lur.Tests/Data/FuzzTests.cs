using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using CsCheck;
using Lur.Checkpoints;
using Lur.Data;
using Lur.Tests.Checkpoints;

namespace Lur.Tests.Data;

/// <summary>Valid files of every format, changed at random: whatever happens, a reader throws one kind of exception.</summary>
public class FuzzTests
{
    private sealed record Mutation((int Place, byte Value)[] Bytes, int Cut, int Grow);

    private static Gen<Mutation> Mutations(int length) =>
        Gen.Select(
            Gen.Select(Gen.Int[0, Math.Max(0, length - 1)], Gen.Byte).Array[0, 6],
            Gen.Frequency((3, Gen.Const(0)), (1, Gen.Int[0, length])),
            Gen.Frequency((6, Gen.Const(0)), (1, Gen.Int[0, 20])),
            (bytes, cut, grow) => new Mutation(bytes, cut, grow)
        );

    private static byte[] Apply(byte[] valid, Mutation mutation)
    {
        var bytes = new byte[valid.Length - mutation.Cut + mutation.Grow];
        valid.AsSpan(0, valid.Length - mutation.Cut).CopyTo(bytes);
        foreach ((var place, var value) in mutation.Bytes)
            if (place < bytes.Length)
                bytes[place] = value;
        return bytes;
    }

    // The seed follows from the test's name; CsCheck prints the seed of the smallest failing case.
    private static string Seed()
    {
        var hash = BitConverter.ToUInt64(SHA256.HashData(Encoding.UTF8.GetBytes(TestContext.CurrentContext.Test.FullName)));
        var seed = new PCG((uint)hash, hash).ToString();
        TestContext.Out.WriteLine($"seed {seed}");
        return seed;
    }

    private static void Run(byte[] valid, int iterations, Action<string> read)
    {
        using var folder = new TempFolder();
        var path = folder["file"];
        Mutations(valid.Length)
            .Sample(
                mutation =>
                {
                    File.WriteAllBytes(path, Apply(valid, mutation));
                    try
                    {
                        read(path);
                    }
                    catch (UserErrorException e)
                    {
                        Assert.That(e.Message, Does.Not.Contain("\n").And.EndWith("."));
                    }
                },
                seed: Seed(),
                iter: iterations,
                threads: 1
            );
    }

    [TestCase("npz_stored.npz")]
    [TestCase("npz_deflated.npz")]
    public void Npz(string name) =>
        Run(
            File.ReadAllBytes(Path.Combine(TestContext.CurrentContext.TestDirectory, "Golden", name)),
            1000,
            path =>
            {
                using var file = NpzFile.Open(path);
                foreach (var array in file.Names)
                    try
                    {
                        Assert.That(file.Read(array).Values, Is.Not.Null);
                    }
                    catch (UserErrorException e) when (array is "objects" or "big" or "integers" or "structured")
                    {
                        Assert.That(e.Message, Does.Contain($"'{array}'"));
                    }
            }
        );

    [Test]
    public void SafeTensors() =>
        Run(
            SafeTensorsTests.FileOf(SafeTensorsTests.Foreign, 37, 5),
            3000,
            path =>
            {
                using var file = SafeTensorsFile.Open(path);
                foreach (var t in file.Tensors)
                    Assert.That(file.Bytes(t.Name).Length, Is.EqualTo(t.End - t.Begin));
            }
        );

    [Test]
    public void TrainingStates()
    {
        using var folder = new TempFolder();
        var state = new TrainingState();
        state.SetArray("parameters", new float[5]);
        state.Set("step", 3L);
        state.Save(folder["s"]);
        Run(File.ReadAllBytes(folder["s"]), 1000, path => TrainingState.Load(path));
    }

    [Test]
    public void Splits()
    {
        using var folder = new TempFolder();
        var data = new SyntheticDataset(30, 1, SyntheticPart.Train);
        DataSplit.Create(data, 0.3, 1).Save(folder["s"]);
        Run(File.ReadAllBytes(folder["s"]), 300, path => DataSplit.Load(path, data));
    }

    [Test]
    public void CifarFiles() =>
        Run(
            CifarDatasetTests.Records(CifarKind.Cifar100, 2),
            500,
            path =>
            {
                using var data = CifarDataset.Open(CifarKind.Cifar100, [path]);
                ReadAll(data);
            }
        );

    [TestCase(false)]
    [TestCase(true)]
    public void IdxFiles(bool packed)
    {
        using var folder = new TempFolder();
        var labels = folder.Write("labels", IdxDatasetTests.Labels(3));
        var images = IdxDatasetTests.Images(3);
        Run(
            packed ? IdxDatasetTests.Gzip(images) : images,
            1000,
            path =>
            {
                using var data = IdxDataset.Open(path, labels);
                ReadAll(data);
            }
        );
    }

    [Test]
    public void ForgetFiles()
    {
        var data = new SyntheticDataset(30, 1, SyntheticPart.Train);
        int[] train = [.. Enumerable.Range(0, 30)];
        Run("# ids\n3\n17\n 4 # four\n"u8.ToArray(), 1000, path => ForgetSet.Resolve([path], data, train, 1));
    }

    [TestCase("baseline.jpg")]
    [TestCase("progressive.jpg")]
    [TestCase("grey.jpg")]
    [TestCase("colour.png")]
    public void Images(string name)
    {
        var valid = name switch
        {
            "baseline.jpg" => JpegFixtures.Baseline,
            "progressive.jpg" => JpegFixtures.Progressive,
            "grey.jpg" => JpegFixtures.Grey,
            _ => PngWriter.Encode(6, 5, 3, new byte[90]),
        };
        Run(valid, 1500, path => ImageFile.Read(path, 3, 4, 4, new byte[48]));
    }

    // Checksums stop nearly every change of a PNG before the decoder sees it; these repair them.
    [Test]
    public void PngWithRightChecksums()
    {
        var valid = PngWriter.Encode(6, 5, 3, [.. Enumerable.Range(0, 90).Select(i => (byte)(i * 29))]);
        int data = valid.AsSpan().IndexOf("IDAT"u8),
            end = valid.AsSpan().IndexOf("IEND"u8) - 8;
        using var folder = new TempFolder();
        Mutations(end - data - 4)
            .Sample(
                mutation =>
                {
                    byte[] bytes = [.. valid];
                    foreach ((var place, var value) in mutation.Bytes)
                        bytes[data + 4 + place] = value;
                    BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(end), Crc32.Of(bytes.AsSpan(data, end - data)));
                    var path = folder.Write("x.png", bytes);
                    try
                    {
                        ImageFile.Read(path, 3, 4, 4, new byte[48]);
                    }
                    catch (UserErrorException e)
                    {
                        Assert.That(e.Message, Does.Contain(path));
                    }
                },
                seed: Seed(),
                iter: 1500,
                threads: 1
            );
    }

    private static void ReadAll(IImageDataset data)
    {
        var sample = new byte[data.SampleBytes];
        for (var i = 0; i < data.Count; i++)
        {
            data.CopyImage(i, sample);
            Assert.That(data.Label(i), Is.LessThan(data.ClassNames.Count));
        }
    }
}
