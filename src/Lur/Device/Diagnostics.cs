using Lur.Cuda.Loading;

namespace Lur.Device;

/// <summary>Finds out what this machine computes with, and what it lacks.</summary>
public static class Diagnostics
{
    /// <summary>Looks at libraries, devices, kernels and caches. Never throws; problems become findings.</summary>
    /// <param name="places">Where kernels come from; null for <see cref="KernelPlaces.Default"/>.</param>
    public static EnvironmentReport Inspect(KernelPlaces? places = null)
    {
        BindingSetup.Ensure();
        var findings = new List<Finding>();
        var libraries = new List<LibraryReport>();
        var choice = NativeLibraries.Chosen;
        string? driverVersion = null;
        IReadOnlyList<int> architectures = [];
        IReadOnlyList<DeviceReport> devices = [];
        if (choice.Library is null)
        {
            findings.AddRange(choice.Defects.Select(Warning));
            findings.Add(new Finding("error", choice.Reason));
        }
        else
        {
            libraries.Add(Look("driver", NativeLibraries.Driver, findings, () => driverVersion = $"{CudaContext.GetDriverVersion()}"));
            libraries.Add(
                Look(
                    "compiler",
                    NativeLibraries.Compiler,
                    findings,
                    () =>
                    {
                        architectures = CudaRuntimeCompiler.GetSupportedArchs();
                        return $"{CudaRuntimeCompiler.GetVersion()}";
                    }
                )
            );
            devices = Devices(findings, choice.IsHost, out var capability);
            libraries.Add(Look("blas", NativeLibraries.Blas, findings, BlasVersion));
            TryCompiling(findings, capability, architectures);
        }
        if (choice.IsHost)
            libraries.Add(ForeignNvrtc());
        return new EnvironmentReport(
            choice.Library is null ? "none"
                : choice.IsHost ? "host"
                : "cuda",
            choice.Reason,
            driverVersion,
            architectures,
            libraries,
            devices,
            Kernels(places ?? KernelPlaces.Default, findings),
            findings
        );
    }

    private static LibraryReport Look(string role, string name, List<Finding> findings, Func<string> version)
    {
        LoadedLibrary? library = null;
        try
        {
            library = NativeLibraries.Get(name);
            findings.AddRange(NativeLibraries.DefectsOf(name).Select(Warning));
            return new LibraryReport(role, library.Path, library.FoundBy, version(), null);
        }
        catch (Exception e) when (IsExpected(e))
        {
            findings.Add(new Finding("error", OneLine(e.Message)));
            return new LibraryReport(role, library?.Path, library?.FoundBy, null, OneLine(e.Message));
        }
    }

    private static Finding Warning(string defect) => new("warning", $"{defect}.");

    private static string BlasVersion()
    {
        using var device = ComputeDevice.Open(new DeviceOptions { MayBeVoid = true });
        var version = device.Gemm.LibraryVersion;
        // 11.11.3 is 111103, 12.8.4 is 120804; the host driver reports its own number.
        return $"{version / 10000}.{version / 100 % 100}.{version % 100}";
    }

    private static List<DeviceReport> Devices(List<Finding> findings, bool host, out Version? first)
    {
        var devices = new List<DeviceReport>();
        var empty = new List<int>();
        first = null;
        try
        {
            for (var i = 0; i < ComputeDevice.Count; i++)
            {
                using var device = ComputeDevice.Open(new DeviceOptions { Ordinal = i, MayBeVoid = true });
                var p = device.Properties;
                first ??= p.ComputeCapability;
                if (p.IsVoid)
                    empty.Add(i);
                devices.Add(
                    new DeviceReport(
                        i,
                        p.Name,
                        host ? null : $"{p.ComputeCapability}",
                        p.Multiprocessors,
                        p.WarpSize,
                        p.MaxThreadsPerBlock,
                        p.TotalMemory,
                        device.FreeMemory
                    )
                );
            }
        }
        catch (Exception e) when (IsExpected(e))
        {
            findings.Add(new Finding("error", OneLine(e.Message)));
        }
        foreach (var i in empty)
            findings.Add(Void(i, alone: empty.Count == devices.Count));
        return devices;
    }

    // Nothing runs where every device is of this kind; else it is one not to take.
    private static Finding Void(int ordinal, bool alone) =>
        new(
            alone ? "error" : "warning",
            $"Device {ordinal} runs a sample of every kernel's blocks to trace them, so what it computes is void: "
                + (alone ? "unset LUR_HOST_DEVICES, or name a lane device in it." : "take another.")
        );

    // A compiler that loads may still lack what it works with: builtins beside NVRTC, a C++ compiler behind the host driver.
    private static void TryCompiling(List<Finding> findings, Version? capability, IReadOnlyList<int> architectures)
    {
        if (capability is null || architectures.Count == 0)
            return;
        try
        {
            var compiler = ServingCompiler.Instance;
            var architecture = KernelRequest.Architecture(capability, compiler);
            var (image, log) = compiler.Compile(
                "extern \"C\" __global__ void probe(int* x) { *x = 1; }\n",
                "probe.cu",
                [],
                [$"--gpu-architecture={architecture}"],
                architecture.StartsWith("sm_", StringComparison.Ordinal)
            );
            if (image is null)
                findings.Add(new Finding("error", $"Kernels cannot be compiled here: {OneLine(log)}"));
        }
        catch (Exception e) when (IsExpected(e))
        {
            findings.Add(new Finding("error", OneLine(e.Message)));
        }
    }

    private static LibraryReport ForeignNvrtc()
    {
        var nvrtc = NvrtcLibrary.TryFind(out var reason);
        return nvrtc is not null
            ? new LibraryReport(
                "nvrtc",
                nvrtc.Path,
                "the library search (for checks of GPU code; not needed to run)",
                $"{nvrtc.Version}",
                null
            )
            : new LibraryReport("nvrtc", null, null, null, $"absent, needed only to check GPU code here ({reason})");
    }

    private static KernelReport Kernels(KernelPlaces places, List<Finding> findings)
    {
        var folder = places.Sources ?? "the library itself";
        var present = KernelCatalog.Files.Count(f => places.Has(f.Path));
        if (present < KernelCatalog.Files.Count)
        {
            findings.Add(
                new Finding(
                    "error",
                    $"{KernelCatalog.Files.Count - present} kernel files are missing in {folder}: reinstall, or set LUR_KERNELS "
                        + $"to the folder that holds them."
                )
            );
        }
        var (cached, bytes) = Count(places.Cache);
        return new KernelReport(
            folder,
            present,
            KernelCatalog.Files.Count,
            places.Shipped,
            Count(places.Shipped).Files,
            places.Cache,
            cached,
            bytes
        );
    }

    private static (int Files, long Bytes) Count(string? folder)
    {
        try
        {
            if (folder is null || !Directory.Exists(folder))
                return (0, 0);
            var files = new DirectoryInfo(folder).GetFiles("*.image", SearchOption.AllDirectories);
            return (files.Length, files.Sum(f => f.Length));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (0, 0);
        }
    }

    private static bool IsExpected(Exception e) =>
        e
            is DllNotFoundException
                or EntryPointNotFoundException
                or CudaException
                or CudaBlasException
                or NVRTCException
                or KernelCompilationException
                or IOException;

    private static string OneLine(string text) =>
        string.Join(' ', text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
}
