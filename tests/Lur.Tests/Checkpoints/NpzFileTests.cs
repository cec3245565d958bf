using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using Lur.Checkpoints;
using Lur.Tests.Data;

namespace Lur.Tests.Checkpoints;

/// <summary>Zips of NumPy arrays. The two fixtures were written by NumPy (Golden/README.md).</summary>
public class NpzFileTests
{
    private static readonly double[] s_cube = [.. Enumerable.Range(0, 24).Select(i => (double)i)];
    private static readonly double[] s_sevenths = [.. Enumerable.Range(0, 6).Select(i => (double)((float)i / 7))];

    private static string Golden(string name) => Path.Combine(TestContext.CurrentContext.TestDirectory, "Golden", name);

    private static string[] Files => ["npz_stored.npz", "npz_deflated.npz"];

    [TestCaseSource(nameof(Files))]
    public void ReadsWhatNumpyWrote(string name)
    {
        using var file = NpzFile.Open(Golden(name));
        void Expect(string array, long[] shape, double[] values)
        {
            var read = file.Read(array);
            Assert.That(read.Name, Is.EqualTo(array));
            Assert.That(read.Shape, Is.EqualTo(shape), array);
            Assert.That(read.Values, Is.EqualTo(values), array);
        }

        Expect("mu", [3], [0.5, -1.25, 3]);
        Expect("scalar", [], [2.5]);
        Expect("empty", [0, 4], []);
        Expect("cube", [2, 3, 4], s_cube);
        Expect("cube_fortran", [2, 3, 4], s_cube);
        Expect("single", [2, 3], s_sevenths);
        Expect("single_fortran", [2, 3], s_sevenths);
        Expect("version2", [2], [1, 2]);
        Expect("version3", [2, 1], [3, 4]);
        Assert.That(file.Names, Has.Count.EqualTo(14));
        Refuses(() => file.Read("objects"), "'objects' holds Python objects (a pickle), which Lur does not run");
        Refuses(() => file.Read("big"), "'big' is big-endian ('>f8')");
        Refuses(() => file.Read("integers"), "'integers' has elements of type '<i8', expected little-endian float64 or float32");
        Refuses(() => file.Read("structured"), "'structured' has elements of type [('a', '<f8'), ('b', '<i4')]");
        Refuses(() => file.Read("nu"), "has no array 'nu'; it holds mu, sigma, scalar");
    }

    [TestCase(false)]
    [TestCase(true)]
    public void WritesWhatNumpyWould(bool compress)
    {
        using var folder = new TempFolder();
        using var numpy = NpzFile.Open(Golden("npz_stored.npz"));
        string[] names = ["mu", "sigma", "scalar", "empty", "cube"];
        NpzFile.Write(folder["a.npz"], [.. names.Select(numpy.Read)], compress);
        using (var zip = ZipFile.OpenRead(folder["a.npz"]))
        using (var theirs = ZipFile.OpenRead(Golden("npz_stored.npz")))
            foreach (var name in names)
                Assert.That(Bytes(zip, name), Is.EqualTo(Bytes(theirs, name)), name);
        using (var back = NpzFile.Open(folder["a.npz"]))
            foreach (var name in names)
            {
                Assert.That(back.Read(name).Values, Is.EqualTo(numpy.Read(name).Values));
                Assert.That(back.Read(name).Shape, Is.EqualTo(numpy.Read(name).Shape));
            }
        NpzFile.Write(folder["b.npz"], [.. names.Select(numpy.Read)], compress);
        Assert.That(File.ReadAllBytes(folder["b.npz"]), Is.EqualTo(File.ReadAllBytes(folder["a.npz"])), "the same bytes each time");
        Assert.That(() => NpzFile.Write(folder["c"], [new("a", [2], [1])]), Throws.ArgumentException);
        Assert.That(() => NpzFile.Write(folder["c"], [new("a", [], [1]), new("a", [], [1])]), Throws.ArgumentException);

        static byte[] Bytes(ZipArchive zip, string name)
        {
            using var stream = zip.GetEntry(name + ".npy")!.Open();
            using var memory = new MemoryStream();
            stream.CopyTo(memory);
            return memory.ToArray();
        }
    }

    [TestCase("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", null)]
    [TestCase("{'shape': (2L,), 'fortran_order': True, 'descr': \"<f8\"}\n", null)]
    [TestCase("  {  'descr' : '<f8','fortran_order':False , 'shape':( 1 , 2 ) , }  \n", null)]
    [TestCase("{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", "has 16 bytes of elements, expected 24 for F64 [3]")]
    [TestCase("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", "has 16 bytes of elements, expected 8 for F64 [1]")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "expected 8 for F32 [2]")]
    [TestCase("{'descr': '<f8', 'fortran_order': False, 'shape': (-2,), }", "the shape (-2,), expected whole numbers")]
    [TestCase("{'descr': '<f8', 'fortran_order': False, 'shape': (2,,), }", "the shape (2,,), expected whole numbers")]
    [TestCase("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,), }", "expected whole numbers")]
    [TestCase("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "more than 2 GiB")]
    [TestCase("{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775807, 0), }", "more than 2 GiB")]
    [TestCase("{'descr': '<f8', 'fortran_order': False, 'shape': (268435456,), }", "more than 2 GiB")]
    [TestCase("{'descr': '<f8', 'fortran_order': False, 'shape': 2, }", "no dictionary")]
    [TestCase("{'descr': '<f8', 'fortran_order': False, 'shape': True, }", "shape is no tuple")]
    [TestCase("{'descr': '<f8', 'fortran_order': (2,), 'shape': (2,), }", "neither True nor False")]
    [TestCase("{'descr': '<f8', 'fortran_order': False, }", "lacks one of")]
    [TestCase("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), 'extra': True}", "or has another key")]
    [TestCase("{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", "'descr' twice")]
    [TestCase("{'descr': '<f8' 'fortran_order': False, 'shape': (2,)}", "no dictionary")]
    [TestCase("{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", "Python objects")]
    [TestCase("{'descr': '>f4', 'fortran_order': False, 'shape': (4,)}", "big-endian")]
    [TestCase("{'descr': '=f8', 'fortran_order': False, 'shape': (2,)}", "type '=f8'")]
    [TestCase("", "no dictionary")]
    public void HeadersAreTakenStrictly(string header, string? problem)
    {
        using var folder = new TempFolder();
        var path = folder.Write("f.npz", Zip(("a.npy", Npy(header, [1, 2]))));
        using var file = NpzFile.Open(path);
        if (problem is null)
            Assert.That(file.Read("a").Values, Is.EqualTo(new double[] { 1, 2 }));
        else
            Refuses(() => file.Read("a"), problem, path, "'a'");
    }

    [Test]
    public void FilesThatAreNoneAreNamed()
    {
        using var folder = new TempFolder();
        var npy = Npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", [1, 2]);
        Refuses(() => NpzFile.Open(folder["none.npz"]), "does not exist");
        Refuses(() => NpzFile.Open(folder.Write("text.npz", "mu")), "no whole .npz file");
        Refuses(() => NpzFile.Open(folder.Write("empty.npz", "")), "no whole .npz file");
        Refuses(() => NpzFile.Open(folder.Write("single.npy", npy)), "a single NumPy array", "numpy.savez");
        Refuses(() => NpzFile.Open(folder.Write("m.pt", Zip(("archive/data.pkl", npy)))), "a pickled PyTorch file");
        Refuses(() => NpzFile.Open(folder.Write("page.npz", "<html>not found</html>")), "a web page");
        Refuses(() => NpzFile.Open(folder.Write("lines.npz", Zip(("c\nube.npy", npy)))), "no whole .npz file");
        Refuses(() => NpzFile.Open(folder.Write("twice.npz", Zip(("a.npy", npy), ("a.npy", npy)))), "the array 'a' twice");
        using var other = NpzFile.Open(
            folder.Write("other.npz", Zip(("readme.txt", npy), ("b.npy", Encoding.UTF8.GetBytes("hello world"))))
        );
        Assert.That(other.Names, Is.EqualTo(new[] { "b" }));
        Refuses(() => other.Read("b"), "does not begin as a NumPy array does");
        npy[6] = 4;
        using var version = NpzFile.Open(folder.Write("version.npz", Zip(("a.npy", npy))));
        Refuses(() => version.Read("a"), "version 4");
        using var shorter = NpzFile.Open(folder.Write("short.npz", Zip(("a.npy", npy[..5]))));
        Refuses(() => shorter.Read("a"), "cut or damaged");
    }

    [TestCaseSource(nameof(Files))]
    public void CutsAndFlippedBitsAreSeen(string name)
    {
        using var folder = new TempFolder();
        var whole = File.ReadAllBytes(Golden(name));
        for (var length = 0; length < whole.Length; length += 131)
        {
            var path = folder.Write("cut.npz", whole.AsSpan(0, length));
            Refuses(() => NpzFile.Open(path).Dispose(), path);
        }

        // Each bit of the elements of the first array, and of what deflate made of them.
        var start =
            Array.IndexOf(whole, (byte)'\n') is var at && at >= 0 && name.Contains("stored", StringComparison.Ordinal) ? at + 1 : 40;
        for (var i = 0; i < 24; i++)
        {
            var changed = (byte[])whole.Clone();
            changed[start + i] ^= (byte)(1 << (i % 8));
            using var file = NpzFile.Open(folder.Write("flip.npz", changed));
            Refuses(() => file.Read("mu"), "'mu'");
        }
    }

    [Test]
    public void AClaimOfGigabytesAllocatesNothing()
    {
        // A true header of 1 GiB in an entry of some bytes, whose directory claims 1 GiB as well.
        using var folder = new TempFolder();
        var bytes = Zip(("a.npy", Npy("{'descr': '<f8', 'fortran_order': False, 'shape': (134217728,), }", [1, 2])));
        var directory = bytes.AsSpan().LastIndexOf("PK\x01\x02"u8);
        BitConverter.TryWriteBytes(bytes.AsSpan(directory + 24), 128 + (1 << 30));
        using var file = NpzFile.Open(folder.Write("f.npz", bytes));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Refuses(() => file.Read("a"), "cut or damaged");
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));
    }

    [Test]
    public void MomentsComeBack()
    {
        using var folder = new TempFolder();
        MomentsFile.Write(folder["a.npz"], [1, 2], [3, 0.5, 0.5, 4], 50);
        var (mean, covariance, count) = MomentsFile.Read(folder["a.npz"], 2);
        Assert.That((mean, covariance, count), Is.EqualTo((new double[] { 1, 2 }, new[] { 3, 0.5, 0.5, 4 }, 50L)));
        MomentsFile.Write(folder["b.npz"], [1], [3]);
        Assert.That(MomentsFile.Read(folder["b.npz"]).Count, Is.Zero);
        // NumPy's own: sigma = a a^T.
        var theirs = MomentsFile.Read(Golden("npz_deflated.npz"), 3);
        Assert.That(theirs.Mean, Is.EqualTo(new[] { 0.5, -1.25, 3 }));
        Refuses(() => MomentsFile.Read(folder["a.npz"], 64), "features of 2 numbers, but the judge's have 64");
    }

    private static IEnumerable<TestCaseData> NoMoments()
    {
        NpzArray mu = new("mu", [2], [0, 0]),
            sigma = new("sigma", [2, 2], [1, 0, 0, 1]);
        yield return new TestCaseData(new[] { mu }, "no array 'sigma'");
        yield return new TestCaseData(new[] { sigma }, "no array 'mu'");
        yield return new TestCaseData(new[] { mu with { Shape = [1, 2] }, sigma }, "'mu' has the shape [1, 2]");
        yield return new TestCaseData(new[] { new NpzArray("mu", [0], []), sigma }, "'mu' has the shape [0]");
        yield return new TestCaseData(new[] { mu, sigma with { Shape = [4] } }, "'sigma' has the shape [4], expected [2, 2]");
        yield return new TestCaseData(new[] { mu with { Values = [0, double.NaN] }, sigma }, "'mu' has a number that is not finite");
        yield return new TestCaseData(new[] { mu, sigma with { Values = [1, 0, 0.1, 1] } }, "no covariance at [1, 0]");
        yield return new TestCaseData(new[] { mu, sigma with { Values = [1, 0, 0, -1] } }, "no covariance at [1, 1]");
        yield return new TestCaseData(new[] { mu, sigma, new NpzArray("n", [], [2.5]) }, "'n' is no number of images");
        yield return new TestCaseData(new[] { mu, sigma, new NpzArray("n", [2], [2, 2]) }, "'n' is no number of images");
    }

    [TestCaseSource(nameof(NoMoments))]
    public void WhatIsNoStatisticsIsRefused(NpzArray[] arrays, string problem)
    {
        using var folder = new TempFolder();
        NpzFile.Write(folder["a.npz"], arrays);
        Refuses(() => MomentsFile.Read(folder["a.npz"]), problem, folder["a.npz"]);
    }

    private static void Refuses(Action action, params string[] words)
    {
        var error = Assert.Throws<UserErrorException>(() => action())!;
        Assert.That(error.Message, Does.EndWith(".").And.Not.Contain("\n"));
        foreach (var word in words)
            Assert.That(error.Message, Does.Contain(word));
    }

    private static void Refuses(Func<object> action, params string[] words) =>
        Refuses(
            () =>
            {
                _ = action();
            },
            words
        );

    /// <summary>An array as its bytes lie: magic, version 1.0, length, header, elements.</summary>
    internal static byte[] Npy(string header, double[] values)
    {
        byte[] magic = [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, (byte)(header.Length >> 8)];
        return [.. magic, .. Encoding.UTF8.GetBytes(header), .. MemoryMarshal.AsBytes<double>(values)];
    }

    internal static byte[] Zip(params (string Name, byte[] Bytes)[] entries)
    {
        using var memory = new MemoryStream();
        using (var zip = new ZipArchive(memory, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, bytes) in entries)
            {
                using var stream = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
                stream.Write(bytes);
            }
        return memory.ToArray();
    }
}
