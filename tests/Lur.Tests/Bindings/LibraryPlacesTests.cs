using System.Runtime.InteropServices;
using Lur.Cuda.Loading;
using Lur.Tests.Data;

namespace Lur.Tests.Bindings;

/// <summary>Where libraries are looked for, and in which order, in a root of the test's own with libraries made by the compiler.</summary>
public partial class LibraryPlacesTests
{
    private const string Packages = "/usr/lib/python3.11/site-packages/nvidia/";
    private static readonly string[] s_names = ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2"];
    private readonly Dictionary<string, string> _variables = [];
    private TempFolder _root = null!;

    [SetUp]
    public void MakeRoot()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Ignore("Not run: the usual places are those of Linux.");
        _variables.Clear();
        _root = new TempFolder();
    }

    [TearDown]
    public void RemoveRoot() => _root.Dispose();

    [TestCase("/usr/local/cuda/lib64/libnvrtc.so.12", "the toolkit")]
    [TestCase("/usr/local/cuda-12.8/targets/x86_64-linux/lib/libnvrtc.so.12", "the toolkit")]
    [TestCase("/opt/cuda/lib64/libnvrtc.so.13", "the toolkit")]
    [TestCase("/usr/lib/x86_64-linux-gnu/libnvrtc.so.11.2", "its usual folder")]
    [TestCase("/usr/lib64/libnvrtc.so.12", "its usual folder")]
    [TestCase(Packages + "cuda_nvrtc/lib/libnvrtc.so.12", "the Python packages in")]
    [TestCase(Packages + "cu13/lib/libnvrtc.so.13", "the Python packages in")]
    [TestCase("/usr/lib/python3/dist-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12", "the Python packages in")]
    [TestCase("/opt/conda/lib/python3.9/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.11.2", "the Python packages in")]
    public void ItIsFoundInEachUsualPlace(string file, string foundBy)
    {
        Make(file);
        var found = Find();
        Assert.That(found.Library?.Path, Is.EqualTo(_root.Path + file), found.Tried);
        Assert.That(found.Library!.FoundBy, Does.StartWith(foundBy));
        Assert.That(found.Defects, Is.Empty);
    }

    [TestCase("/usr/lib/x86_64-linux-gnu/libcuda.so.1", true)]
    [TestCase("/usr/lib/wsl/lib/libcuda.so.1", true)]
    [TestCase("/usr/local/nvidia/lib64/libcuda.so.1", true)]
    [TestCase("/usr/local/cuda/lib64/stubs/libcuda.so", false)]
    public void ADriverIsFoundInFoldersOfDistributionsAndNoStubIs(string file, bool expected)
    {
        Make(file, "int cuInit(unsigned f) { return 0; }");
        var found = LibrarySearch.Find(Places(), NativeLibraries.Driver, ["libcuda.so.1", "libcuda.so"], [("cuInit", "every driver")]);
        Assert.That(found.Library?.Path, Is.EqualTo(expected ? _root.Path + file : null));
    }

    // The place that stands earlier has the older version in every case.
    [TestCase(null, "cu13/lib/libnvrtc.so.13")]
    [TestCase("13.0", "cu13/lib/libnvrtc.so.13")]
    [TestCase("12.4", "cuda_nvrtc/lib/libnvrtc.so.12")]
    [TestCase("11.8", "/usr/local/cuda/lib64/libnvrtc.so.11.2")]
    [TestCase("10.2", null)]
    public void TheNewestThatFitsTheDriverIsTaken(string? driver, string? expected)
    {
        Make("/usr/local/cuda/lib64/libnvrtc.so.11.2");
        Make($"{Packages}cuda_nvrtc/lib/libnvrtc.so.12");
        Make($"{Packages}cu13/lib/libnvrtc.so.13");
        var found = Find(driver);
        Assert.That(found.Library?.Path, expected is null ? Is.Null : Does.EndWith(expected));
        if (expected is null)
            Assert.That(found.Tried, Does.EndWith("libnvrtc.so.11.2 would be newer than the driver's CUDA 10.2"));
    }

    [TestCase(null, "cuda-12.8")]
    [TestCase("12.8", "cuda-12.8")]
    [TestCase("12.4", "cuda-12.4")]
    [TestCase("12.3", "cuda-12.8")]
    public void OfToolkitsOfOneMajorVersionTheNewestIsTakenThatIsNotAboveTheDriver(string? driver, string expected)
    {
        Make("/usr/local/cuda-12.8/lib64/libnvrtc.so.12");
        Make("/usr/local/cuda-12.4/lib64/libnvrtc.so.12");
        // As toolkits are installed: a link without a number, which says its number by where it goes.
        Directory.CreateSymbolicLink(_root["usr/local/cuda"], _root["usr/local/cuda-12.4"]);
        Assert.That(Find(driver).Library?.Path, Does.Contain(expected == "cuda-12.4" ? "local/cuda/" : expected));
    }

    [Test]
    public void VariablesGoBeforeEverything()
    {
        Make("/usr/local/cuda/lib64/libnvrtc.so.12");
        Make("/var/named/lib64/libnvrtc.so.12");
        Make("/var/mine/libnvrtc.so.11.2");
        Make("/var/mine/libnvrtc.so.13");
        _variables["CUDA_PATH"] = _root["var/named"];
        Assert.That(Find("12.0").Library?.Path, Is.EqualTo(_root["var/named/lib64/libnvrtc.so.12"]));
        _variables["LUR_CUDA_LIB_DIR"] = _root["var/mine"];
        var found = Find("12.0").Library;
        Assert.That(
            found?.Path,
            Is.EqualTo(_root["var/mine/libnvrtc.so.13"]),
            "who insists has the newest of what is there, whatever the driver"
        );
        Assert.That(found!.FoundBy, Is.EqualTo($"LUR_CUDA_LIB_DIR={_root["var/mine"]}"));
    }

    [Test]
    public void AnEnvironmentOfPythonGoesBeforeTheMachines()
    {
        Make($"{Packages}cuda_nvrtc/lib/libnvrtc.so.12");
        Make("/var/venv/lib/python3.9/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12");
        Make("/var/venv/lib/python3.12/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12");
        _root.Write("var/venv/bin/python3", "");
        Assert.That(Find().Library?.Path, Does.Contain("/usr/lib/python3.11/"));
        _variables["PATH"] = $"/nonexistent:{_root["var/venv/bin"]}";
        Assert.That(Find().Library?.Path, Does.Contain("/var/venv/lib/python3.12/"));
    }

    [Test]
    public void WhatCannotBeUsedIsNamedAndTheNextIsTaken()
    {
        _root.Write("usr/local/cuda/lib64/libnvrtc.so.12", "this is no library");
        Make("/usr/local/cuda-12.1/lib64/libnvrtc.so.12");
        Patch("usr/local/cuda-12.1/lib64/libnvrtc.so.12", offset: 18, 183);
        Make("/usr/lib64/libnvrtc.so.12");
        Patch("usr/lib64/libnvrtc.so.12", offset: 4, 1);
        Make("/usr/lib/libnvrtc.so.12", "int nvrtcVersion(void) { return 0; }");
        // Cut off behind its header: only the loader sees that.
        Make("/usr/local/lib/libnvrtc.so.12");
        _root.Write("usr/local/lib/libnvrtc.so.12", File.ReadAllBytes(_root["usr/local/lib/libnvrtc.so.12"]).AsSpan(0, 40));
        Make($"{Packages}cuda_nvrtc/lib/libnvrtc.so.12");
        var found = Find();
        Assert.That(found.Library?.Path, Is.EqualTo($"{_root.Path}{Packages}cuda_nvrtc/lib/libnvrtc.so.12"));
        Assert.That(found.Defects, Has.Count.EqualTo(5));
        Assert.That(
            found.Defects,
            Has.Some.Contains("cuda/lib64/libnvrtc.so.12 cannot be loaded (it is no ELF file)")
                .And.Some.Contains("cuda-12.1/lib64/libnvrtc.so.12 cannot be loaded (it is for AArch64, and this machine is x86-64)")
                .And.Some.Contains("usr/lib64/libnvrtc.so.12 cannot be loaded (it is for 32 bits")
                .And.Some.Contains("usr/lib/libnvrtc.so.12 cannot be used: it has no nvrtcGetCUBIN")
                .And.Some.Contains("usr/local/lib/libnvrtc.so.12 cannot be loaded (")
        );
    }

    [Test]
    public void AFolderWithoutPermissionIsNamedOnceAndPassedOver()
    {
        Make("/usr/lib64/libnvrtc.so.12");
        Make("/usr/lib/libnvrtc.so.12");
        Make("/usr/local/cuda-12.1/lib64/libnvrtc.so.12");
        foreach (var closed in (string[])["usr/lib64", "usr/local/cuda-12.1"])
            UnixModes.Set(_root[closed], 0);
        UnixModes.Set(_root.Path, (UnixFileMode)0b111_101_101);
        // Root may enter every folder; the system lets a thread have another's rights to files.
        var before = SetFileUser(65534);
        LibrarySearch.Outcome found;
        try
        {
            found = Find();
        }
        finally
        {
            _ = SetFileUser(before);
            foreach (var closed in (string[])["usr/lib64", "usr/local/cuda-12.1"])
                UnixModes.Set(_root[closed], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        Assert.That(found.Library?.Path, Is.EqualTo(_root["usr/lib/libnvrtc.so.12"]));
        Assert.That(found.Defects, Has.One.Contains("usr/lib64 cannot be searched").And.One.Contains("cuda-12.1/lib64 cannot be searched"));
    }

    [Test]
    public void WhatALibraryNeedsBesideItIsLoadedWithIt()
    {
        // cublasLt lies beside cuBLAS, and neither says where: without its being loaded first, the loader would not find it.
        var folder = $"{_root.Path}{Packages}cublas/lib";
        FalseLibrary.Build($"{folder}/libcublasLt.so.12", "int lt(void) { return 5; }", "-Wl,-soname,libcublasLt.so.12");
        var calls = $"int lt(void); int answer(void) {{ return lt(); }} {FalseLibrary.Blas}";
        FalseLibrary.Build($"{folder}/libcublas.so.12", calls, "-L" + folder, "-l:libcublasLt.so.12");
        var found = LibrarySearch.Find(Places(), NativeLibraries.Blas, ["libcublas.so.12"], [("cublasCreate_v2", "every cuBLAS")]);
        Assert.That(found.Library, Is.Not.Null, string.Join("; ", found.Defects));
        unsafe
        {
            Assert.That(((delegate* unmanaged<int>)NativeLibrary.GetExport(found.Library!.Handle, "answer"))(), Is.EqualTo(5));
        }
    }

    [TestCase("libnvrtc.so.11.2", 11)]
    [TestCase("libcublas.so.13", 13)]
    [TestCase("libcuda.so.1", null)]
    [TestCase("libcuda.so", null)]
    [TestCase("nvrtc64_120_0.dll", 12)]
    [TestCase("cublas64_12.dll", 12)]
    public void TheMajorVersionIsReadFromTheName(string name, int? expected) =>
        Assert.That(LibrarySearch.MajorOf(name), Is.EqualTo(expected));

    [LibraryImport("libc", EntryPoint = "setfsuid")]
    private static partial int SetFileUser(int user);

    private LibraryPlaces Places() => new(_variables.GetValueOrDefault, _root.Path);

    private LibrarySearch.Outcome Find(string? driver = null) =>
        LibrarySearch.Find(
            Places(),
            NativeLibraries.Compiler,
            s_names,
            NvrtcLibrary.Required,
            driver is null ? null : Version.Parse(driver)
        );

    private void Make(string file, string source = FalseLibrary.Nvrtc) => FalseLibrary.Build(_root.Path + file, source);

    private void Patch(string file, int offset, byte value)
    {
        var bytes = File.ReadAllBytes(_root[file]);
        bytes[offset] = value;
        File.WriteAllBytes(_root[file], bytes);
    }

    // Lines as the loader of glibc and .NET put them.
    [TestCase("libstdc++.so.6: cannot open shared object file: No such file or directory", "it needs libstdc++.so.6, which is not there")]
    [TestCase("folder/libx.so: cannot open shared object file: No such file or directory", null)]
    [TestCase("libx.so.so: cannot open shared object file: No such file or directory", null)]
    [TestCase("folder/libx.so: undefined symbol: f", "undefined symbol: f")]
    public void WhatALibraryNeedsIsNamed(string line, string? reason)
    {
        var message = $"Unable to load shared library 'folder/libx.so' or one of its dependencies.\n{line}\n";
        Assert.That(LibrarySearch.Reason(message, "folder/libx.so"), Is.EqualTo(reason));
    }
}
