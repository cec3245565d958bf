using System.Runtime.InteropServices;
using System.Text.Json;
using Lur.Cuda.Loading;
using Lur.Device;
using Lur.Tests.Data;
using Lur.Tests.Device;

namespace Lur.Tests.Bindings;

/// <summary>Which libraries serve, and one sentence with a remedy when one of them cannot.</summary>
public class LibrarySearchTests
{
    private static readonly (string, string?) Host = ("LUR_DEVICE", "host");

    private static string HostDriver => Path.Combine(AppContext.BaseDirectory, NativeLibraries.HostDriver);

    [Test]
    public void TheHostDriverServesAllThreeWhenAskedFor()
    {
        RequireHostDriver();
        var child = ChildProcess.Probe("backend", [Host]);
        Assert.That(child.ExitCode, Is.Zero, child.Error);
        var lines = child.Output.Split('\n');
        Assert.That(lines[0], Is.EqualTo(HostDriver));
        Assert.That(lines[1], Is.EqualTo(HostDriver));
        Assert.That(lines[2], Does.Contain("LUR_DEVICE=host"));
    }

    [Test]
    public void AnUnknownChoiceIsRefused() =>
        AssertFails(ChildProcess.Probe("backend", [("LUR_DEVICE", "gpu")]), "LUR_DEVICE is 'gpu'; it must be 'cuda', 'host' or unset.");

    [Test]
    public void InsistingOnAnAbsentGpuSaysWhatWasTried()
    {
        if (TestDevices.All.Any(t => t.Name == "gpu"))
            Assert.Ignore("Not run: this machine has a GPU.");
        AssertFails(
            ChildProcess.Probe("backend", [("LUR_DEVICE", "cuda")]),
            "LUR_DEVICE=cuda asks for an NVIDIA device",
            "libcuda",
            "nvidia-smi"
        );
    }

    [Test]
    public void AFolderOfTheUsersGoesBeforeTheSystemsSearch()
    {
        RequireHostDriver();
        using var folder = new TempFolder();
        // The host driver exports the driver API: under libcuda's name it stands for a GPU's driver.
        File.Copy(HostDriver, folder["libcuda.so.1"]);
        File.Copy(HostDriver, folder["libnvrtc.so.12"]);
        var child = ChildProcess.Probe("backend", [("LUR_CUDA_LIB_DIR", folder.Path)]);
        Assert.That(child.ExitCode, Is.Zero, child.Error);
        Assert.That(
            child.Output,
            Does.StartWith(folder["libcuda.so.1"]).And.Contain(folder["libnvrtc.so.12"]).And.Contain("an NVIDIA device is present")
        );
    }

    [Test]
    public void ADriverWithoutDevicesGivesWayToTheHost()
    {
        RequireHostDriver();
        using var folder = new TempFolder();
        FalseLibrary.Build(
            folder["libcuda.so.1"],
            "int cuInit(unsigned f) { return 0; } int cuDeviceGetCount(int* n) { *n = 0; return 0; } "
                + "int cuMemAllocAsync(void) { return 0; } int cuGraphInstantiateWithFlags(void) { return 0; }"
        );
        var child = ChildProcess.Probe("backend", [("LUR_CUDA_LIB_DIR", folder.Path)]);
        Assert.That(child.ExitCode, Is.Zero, child.Error);
        Assert.That(child.Output, Does.StartWith(HostDriver).And.Contain("counts no device"));
    }

    [Test]
    public void ADriverThatIsTooOldIsNamedWithWhatItLacks()
    {
        RequireHostDriver();
        using var folder = new TempFolder();
        FalseLibrary.Build(folder["libcuda.so.1"], "int cuInit(unsigned f) { return 0; }");
        AssertFails(
            ChildProcess.Probe("backend", [("LUR_CUDA_LIB_DIR", folder.Path), ("LUR_DEVICE", "cuda")]),
            folder["libcuda.so.1"],
            "no cuMemAllocAsync",
            "CUDA 11.2"
        );
    }

    [Test]
    public void ABrokenNvrtcIsNamed()
    {
        RequireHostDriver();
        using var folder = new TempFolder();
        File.Copy(HostDriver, folder["libcuda.so.1"]);
        File.WriteAllText(folder["libnvrtc.so.12"], "this is no library");
        AssertFails(
            ChildProcess.Probe("backend", [("LUR_CUDA_LIB_DIR", folder.Path)]),
            "NVRTC, the CUDA run-time compiler, is not usable",
            folder["libnvrtc.so.12"],
            "apt-get install libnvrtc11.2",
            "LUR_DEVICE=host"
        );
    }

    [Test]
    public void AnNvrtcThatIsTooOldIsNamedWithWhatItLacks()
    {
        RequireHostDriver();
        using var folder = new TempFolder();
        File.Copy(HostDriver, folder["libcuda.so.1"]);
        FalseLibrary.Build(folder["libnvrtc.so.11.2"], "int nvrtcVersion(int* a, int* b) { *a = 11; *b = 0; return 0; }");
        AssertFails(ChildProcess.Probe("backend", [("LUR_CUDA_LIB_DIR", folder.Path)]), "no nvrtcGetCUBIN", "CUDA 11.2");
    }

    [Test]
    public void AnAbsentLibrarySaysWhereItWasLookedForAndTheRemedy()
    {
        var e = Assert.Throws<CudaLibraryException>(() => NativeLibraries.FindOrThrow(NativeLibraries.Compiler, ["libnvrtc.so.0"]))!;
        Assert.That(
            e.Message,
            Does.StartWith("NVRTC, the CUDA run-time compiler, was not found (tried libnvrtc.so.0 in the system's library search")
                .And.Contain("apt-get install libnvrtc11.2 libnvrtc-builtins11.8")
                .And.Contain("LUR_CUDA_LIB_DIR")
                .And.Not.Contain("\n")
        );
        e = Assert.Throws<CudaLibraryException>(() => NativeLibraries.FindOrThrow(NativeLibraries.Blas, ["libcublas.so.0"]))!;
        Assert.That(e.Message, Does.StartWith("cuBLAS was not found").And.Contain("apt-get install libcublas11"));
    }

    [Test]
    public void WithoutACompilerTheSentenceNamesThePackage()
    {
        RequireHostDriver();
        AssertFails(
            ChildProcess.Probe("compile", [Host, ("LUR_HOST_CXX", null), ("PATH", "/nonexistent"), ("LUR_CACHE", "off")]),
            "apt-get install g++"
        );
    }

    [Test]
    public void WithoutOpenBlasTheSentenceNamesThePackage()
    {
        RequireHostDriver();
        AssertFails(
            ChildProcess.Probe("gemm", [Host, ("LUR_HOST_OPENBLAS", "/nonexistent/libopenblas.so")]),
            "/nonexistent/libopenblas.so",
            "apt-get install libopenblas"
        );
    }

    [Test]
    public void WithoutTheHostDriverTheSentenceSaysHowToGetIt()
    {
        using var folder = new TempFolder();
        foreach (var file in Directory.GetFiles(AppContext.BaseDirectory).Where(f => !f.EndsWith(".so", StringComparison.Ordinal)))
            File.Copy(file, folder[Path.GetFileName(file)]);
        AssertFails(
            ChildProcess.Probe("backend", [Host], folder.Path),
            "There is nothing to compute on",
            NativeLibraries.HostDriver,
            "apt-get install g++"
        );
    }

    [Test]
    public void TheDoctorFindsTheMissingCompilerAndNeverThrows()
    {
        RequireHostDriver();
        var child = ChildProcess.Probe(
            "doctor",
            [Host, ("PATH", "/nonexistent"), ("LUR_HOST_CXX", null), ("LUR_HOST_OPENBLAS", "/nonexistent/b.so")]
        );
        Assert.That(child.ExitCode, Is.Zero, child.Error);
        using var report = JsonDocument.Parse(child.Output);
        var findings = report
            .RootElement.GetProperty("findings")
            .EnumerateArray()
            .Select(f => f.GetProperty("text").GetString()!)
            .ToArray();
        Assert.That(findings, Has.Some.Contains("g++").And.Some.Contains("/nonexistent/b.so"), child.Output);
        Assert.That(report.RootElement.GetProperty("backend").GetString(), Is.EqualTo("host"));
    }

    [Test]
    public void TheDoctorDescribesThisProcess()
    {
        _ = TestDevices.All;
        var report = Diagnostics.Inspect();
        Assert.That(report.Findings.Where(f => f.Severity == "error"), Is.Empty);
        Assert.That(report.Devices, Has.Count.EqualTo(ComputeDevice.Count));
        Assert.That(report.Libraries.Take(3), Has.All.Property("Path").Not.Null);
        Assert.That(report.Kernels.SourceFiles, Is.EqualTo(KernelCatalog.Files.Count).And.GreaterThan(0));
        Assert.That(report.ToText(), Does.Contain(report.Devices[0].Name).And.Contain("ready"));
        // What the host driver says of a capability is of its own making, and no GPU's.
        var host = report.Backend == "host";
        Assert.That(report.ToText().Contains("compute capability", StringComparison.Ordinal), Is.EqualTo(!host));
        Assert.That(report.Devices[0].ComputeCapability, host ? Is.Null : Is.Not.Null);
        Assert.That(
            JsonSerializer.Deserialize<JsonElement>(report.ToJson()).GetProperty("devices").GetArrayLength(),
            Is.EqualTo(report.Devices.Count)
        );
    }

    [Test]
    public void PackagesOfPythonServeADriverThatIsNoOlder()
    {
        RequireHostDriver();
        if (NativeLibrary.TryLoad("libnvrtc.so.12", out _))
            Assert.Ignore("Not run: the system's search has an NVRTC of CUDA 12, which goes first.");
        using var folder = new TempFolder();
        // The host driver stands for a driver of CUDA 12.0, and for an NVRTC of any version.
        File.Copy(HostDriver, folder.Write("driver/libcuda.so.1", ""), overwrite: true);
        foreach (var package in (string[])["cu13/lib/libnvrtc.so.13", "cuda_nvrtc/lib/libnvrtc.so.12"])
            File.Copy(HostDriver, folder.Write($"venv/lib/python3.11/site-packages/nvidia/{package}", ""), overwrite: true);
        var child = ChildProcess.Probe("backend", [("LUR_CUDA_LIB_DIR", folder["driver"]), ("VIRTUAL_ENV", folder["venv"])]);
        Assert.That(child.ExitCode, Is.Zero, child.Error);
        var nvrtc = child.Output.Split('\n')[1];
        Assert.That(nvrtc, Is.EqualTo(folder["venv/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12"]));
    }

    [Test]
    public void WhereEveryDeviceIsVoidTheDoctorIsNotReady()
    {
        RequireHostDriver();
        var child = ChildProcess.Probe("doctor", [Host, ("LUR_HOST_DEVICES", "fiber:trace+sampled")]);
        Assert.That(child.ExitCode, Is.Zero, child.Error);
        Assert.That(child.Output, Does.Contain("Device 0 runs a sample").And.Contain("\"severity\": \"error\""));
        var text = ChildProcess.Probe("diagnosis", [Host, ("LUR_HOST_DEVICES", "fiber:trace+sampled")]);
        Assert.That(text.Output, Does.Contain("not ready: mend the error above").And.Contain("unset LUR_HOST_DEVICES"));
        text = ChildProcess.Probe("diagnosis", [Host, ("LUR_HOST_DEVICES", "lane;fiber:trace+sampled")]);
        Assert.That(text.Output, Does.Contain("ready; computing on the CPU").And.Contain("Device 1 runs a sample"));
    }

    private static void RequireHostDriver()
    {
        if (!File.Exists(HostDriver))
            Assert.Ignore($"Not run: {NativeLibraries.HostDriver} was not built.");
    }

    private static void AssertFails(ChildProcess.Result child, params string[] parts)
    {
        Assert.That(child.ExitCode, Is.EqualTo(1), $"{child.Output}\n{child.Error}");
        foreach (var part in parts)
            Assert.That(child.Error, Does.Contain(part));
        TestContext.Out.WriteLine(child.Error);
    }
}
