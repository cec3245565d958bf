using Lur.Cuda.Loading;
using Lur.Device;
using Lur.Tests.Architecture;
using Lur.Tests.Data;

namespace Lur.Tests.Bindings;

/// <summary>Every kernel file through NVIDIA's own compiler, for devices that are not here.</summary>
public class NvrtcTests
{
    private static readonly Lazy<(NvrtcLibrary? Library, string Reason)> Nvrtc = new(() => (NvrtcLibrary.TryFind(out var reason), reason));

    private static IEnumerable<string> Files => KernelCatalog.Files.Select(f => f.Path);

    [Test]
    public void EveryKernelFileCompilesForHopperAndAmpere(
        [ValueSource(nameof(Files))] string file,
        [Values(80, 90)] int architecture,
        [Values] Precision precision
    )
    {
        var image = KernelImages.Compile(Find(), file, precision, new Version(architecture / 10, architecture % 10));
        // A cubin is an ELF file with a section for each kernel.
        Assert.That(image[..4], Is.EqualTo(new byte[] { 0x7F, (byte)'E', (byte)'L', (byte)'F' }));
        var occupancy = Cubin.Occupancy(image);
        Assert.That(occupancy.Keys, Is.EquivalentTo(KernelCatalog.Files.Single(f => f.Path == file).Kernels.Select(k => k.Name)));
        Assert.That(occupancy.Values.Select(needs => needs.Registers), Is.All.Positive, "the image says what each kernel needs");
        var (column, over) = (KernelBudget.Column(precision, architecture), new List<string>());
        foreach (var (kernel, needs) in occupancy)
        {
            if (!KernelBudget.Rows.TryGetValue((file, kernel), out var row) || !needs.Within(row[column]))
                over.Add(
                    $"{file} {kernel}: {KernelBudget.Columns[column]} needs {needs}, its budget is {row?[column].ToString() ?? "missing"}"
                );
        }
        Repository.AssertNone(over, $"Over budget (registers/stack/shared; {KernelBudget.Path}):");
    }

    [Test]
    public void TheBudgetHasARowForEachKernelAndNoOther() =>
        Assert.That(KernelBudget.Rows.Keys, Is.EqualTo(KernelCatalog.Files.SelectMany(f => f.Kernels.Select(k => (f.Path, k.Name)))));

    [Test]
    public void AnImageForANewerDeviceIsIntermediateCodeForTheNewestKnown()
    {
        var nvrtc = Find();
        var image = System.Text.Encoding.UTF8.GetString(
            KernelImages.Compile(nvrtc, "methods/proximal.cu", Precision.Float32, new Version(99, 0))
        );
        Assert.That(image, Does.Contain($".target sm_{nvrtc.Architectures.Max()}").And.Contain(".entry proximal_distance"));
    }

    [Test]
    public void ARejectedSourceComesWithTheCompilersLogAndLine()
    {
        var (image, log) = Find().Compile("__global__ void f() {\n    undefined_thing = 1;\n}\n", "broken.cu", [], [], cubin: false);
        Assert.That(image, Is.Null);
        Assert.That(log, Does.Contain("broken.cu(2)").And.Contain("undefined_thing"));
    }

    [Test]
    public void AFileThatIsNoNvrtcIsRefused()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["libnvrtc.so.12"], "nothing");
        var e = Assert.Throws<CudaLibraryException>(() => NvrtcLibrary.Open(folder["libnvrtc.so.12"]))!;
        Assert.That(e.Message, Does.Contain(folder["libnvrtc.so.12"]).And.Contain("give the path of an NVRTC library"));
    }

    [Test]
    public void ImagesForOtherMachinesArePrecompiled()
    {
        var nvrtc = Find();
        using var folder = new TempFolder();
        var files = KernelImages.Precompile(folder.Path, [new Version(8, 0)], [Precision.Float32], nvrtc);
        Assert.That(files, Has.Count.EqualTo(KernelCatalog.Files.Count));
        Assert.That(files.Select(Path.GetFileName), Has.Some.StartsWith("methods.proximal-float-sm_80-"));
        foreach (var file in files)
            Assert.That(ImageFile.Read(file)?.Compiler, Does.Contain($"{nvrtc.Version}"));
    }

    private static NvrtcLibrary Find()
    {
        if (Nvrtc.Value.Library is null)
        {
            Assert.Ignore(
                $"Not run: no NVRTC ({Nvrtc.Value.Reason}); install it with 'apt-get install libnvrtc11.2 libnvrtc-builtins11.8' "
                    + "from Debian's non-free component."
            );
        }
        return Nvrtc.Value.Library!;
    }
}
