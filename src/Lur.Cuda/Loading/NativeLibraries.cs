using System.Runtime.InteropServices;

namespace Lur.Cuda.Loading;

/// <summary>
/// Chooses, once a process, who serves the three native interfaces: NVIDIA's libraries, or the host driver for all three.
/// </summary>
/// <remarks>
/// The host driver is chosen when libcuda is absent, does not start or counts no device, or when LUR_DEVICE=host;
/// LUR_DEVICE=cuda insists on NVIDIA's. Uses function pointers and no imports, so that it works below any binding.
/// </remarks>
public static unsafe class NativeLibraries
{
    /// <summary>Import name of the driver API.</summary>
    public const string Driver = "cuda";

    /// <summary>Import name of the run-time compiler.</summary>
    public const string Compiler = "nvrtc";

    /// <summary>Import name of the BLAS library.</summary>
    public const string Blas = "cublas";

    /// <summary>File name of the host driver.</summary>
    public const string HostDriver = "liblur_cuda_host.so";

    // Newest first. The major version is part of the ABI; NVRTC 11.2 to 11.8 share one soname.
    private static readonly string[] CompilerNames =
    [
        "libnvrtc.so.13",
        "libnvrtc.so.12",
        "libnvrtc.so.11.2",
        "nvrtc64_130_0.dll",
        "nvrtc64_120_0.dll",
        "nvrtc64_112_0.dll",
    ];

    private static readonly string[] BlasNames =
    [
        "libcublas.so.13",
        "libcublas.so.12",
        "libcublas.so.11",
        "cublas64_13.dll",
        "cublas64_12.dll",
        "cublas64_11.dll",
    ];

    private static readonly Lock Gate = new();
    private static readonly Dictionary<string, LoadedLibrary> Loaded = [];
    private static string? s_wish;

    /// <summary>Who serves, and why not the other.</summary>
    internal sealed record Choice(LoadedLibrary? Library, bool IsHost, string Reason, IReadOnlyList<string> Defects);

    /// <summary>The choice, made at first use.</summary>
    internal static Lazy<Choice> Chosen { get; private set; } = new(Choose);

    /// <summary>Says who is to serve, instead of the environment. It counts for the process, and from its first use on it stands.</summary>
    /// <param name="wish">"host", "cuda", or "" for the GPU where there is one.</param>
    /// <param name="useEnvironment">False to read no variable, neither here nor in the host driver: LUR_DEVICE, LUR_CUDA_LIB_DIR,
    /// CUDA_PATH, LUR_HOST_*.</param>
    /// <param name="threads">Worker threads of the host driver; 0 leaves them to it.</param>
    /// <returns>Worker threads that the host driver has; 0 where NVIDIA's libraries serve.</returns>
    /// <exception cref="CudaLibraryException">Nobody can serve, or the process works with the other already.</exception>
    public static int Request(string wish, bool useEnvironment, int threads)
    {
        lock (Gate)
        {
            // As long as nobody was found, another may be asked for.
            if (!Chosen.IsValueCreated || Chosen.Value.Library is null)
            {
                (s_wish, LibrarySearch.UsesEnvironment) = (wish.Length > 0 ? wish : null, useEnvironment);
                Chosen = new(Choose);
            }

            var choice = Chosen.Value;
            if (choice.Library is null)
                throw new CudaLibraryException(choice.Reason);
            if (wish.Length > 0 && wish == "host" != choice.IsHost)
            {
                throw new CudaLibraryException(
                    $"This process works on the {(choice.IsHost ? "CPU" : "GPU")} already ({choice.Reason}), and it cannot change to "
                        + $"'{wish}'; choose at the first call."
                );
            }
            if (!choice.IsHost)
                return 0;
            var configure = NativeLibrary.GetExport(choice.Library.Handle, "lurHostConfigure");
            return ((delegate* unmanaged<int, int, int>)configure)(threads, useEnvironment ? 0 : 1);
        }
    }

    /// <summary>Whether a name is one of the three.</summary>
    public static bool IsKnown(string name) => name is Driver or Compiler or Blas;

    /// <summary>The library for a role, loaded at first use.</summary>
    /// <param name="role"><see cref="Driver"/>, <see cref="Compiler"/> or <see cref="Blas"/>.</param>
    /// <exception cref="CudaLibraryException">It is missing or unusable.</exception>
    public static LoadedLibrary Get(string role)
    {
        lock (Gate)
        {
            if (Loaded.TryGetValue(role, out var library))
                return library;
            var choice = Chosen.Value;
            if (choice.Library is null)
                throw new CudaLibraryException(choice.Reason);
            return Loaded[role] = role == Driver || choice.IsHost ? choice.Library with { Role = role } : FindOrThrow(role);
        }
    }

    private static Choice Choose()
    {
        var wish = s_wish ?? LibrarySearch.Variable("LUR_DEVICE") ?? "";
        if (wish is not ("" or "host" or "cuda"))
            return new Choice(null, false, $"LUR_DEVICE is '{wish}'; it must be 'cuda', 'host' or unset.", []);
        if (wish == "host")
            return OpenHost(s_wish is null ? "LUR_DEVICE=host asks for it" : "the program asks for it", []);
        var found = LibrarySearch.Find(
            Driver,
            ["libcuda.so.1", "libcuda.so", "nvcuda.dll"],
            [
                ("cuInit", "every driver"),
                ("cuMemAllocAsync", "the driver of CUDA 11.2"),
                ("cuGraphInstantiateWithFlags", "the driver of CUDA 11.4"),
            ]
        );
        var reason = found.Library is null
            ? $"no usable NVIDIA driver was found ({string.Join("; ", found.Defects.Append(found.Tried))})"
            : WhyNoDevice(found.Library);
        if (reason is null)
            return new Choice(found.Library, false, "an NVIDIA device is present", found.Defects);
        if (wish == "cuda")
        {
            return new Choice(
                null,
                false,
                s_wish is null
                    ? $"LUR_DEVICE=cuda asks for an NVIDIA device, but {reason}: "
                        + "install or repair the NVIDIA driver (nvidia-smi must list a device), or unset LUR_DEVICE to run on the CPU."
                    : $"An NVIDIA device is asked for, but {reason}: install or repair the NVIDIA driver (nvidia-smi must list a "
                        + "device), or ask for the CPU.",
                found.Defects
            );
        }
        return OpenHost(reason, found.Defects);
    }

    // Null when there is a device. cuInit of a driver without a device returns CUDA_ERROR_NO_DEVICE (100).
    private static string? WhyNoDevice(LoadedLibrary driver)
    {
        var init = (delegate* unmanaged<uint, int>)NativeLibrary.GetExport(driver.Handle, "cuInit");
        var code = init(0);
        if (code != 0)
            return $"cuInit of {driver.Path} returned {code}";
        var count = 0;
        code = ((delegate* unmanaged<int*, int>)NativeLibrary.GetExport(driver.Handle, "cuDeviceGetCount"))(&count);
        if (code != 0)
            return $"cuDeviceGetCount of {driver.Path} returned {code}";
        return count > 0 ? null : $"{driver.Path} counts no device";
    }

    private static Choice OpenHost(string reason, IReadOnlyList<string> driverDefects)
    {
        var defects = new List<string>(driverDefects);
        string[] files =
        [
            Path.Combine(AppContext.BaseDirectory, HostDriver),
            Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native", HostDriver),
        ];
        foreach (var file in files.Where(File.Exists))
        {
            if (
                LibrarySearch.TryOpen(
                    Driver,
                    file,
                    "beside the program",
                    [("lurHostLastDiagnostic", "this version's host driver")],
                    defects
                ) is
                { } host
            )
                return new Choice(host, true, reason, defects);
        }
        var why = defects.Count > driverDefects.Count ? defects[^1] : $"the host driver {HostDriver} is not in {AppContext.BaseDirectory}";
        return new Choice(
            null,
            true,
            $"There is nothing to compute on: {reason}, and {why}; "
                + "build again with a C++ compiler installed (apt-get install g++), or install an NVIDIA driver.",
            defects
        );
    }

    /// <summary>Searches NVIDIA's library for a role; <paramref name="names"/> replaces its file names.</summary>
    internal static LoadedLibrary FindOrThrow(string role, string[]? names = null)
    {
        var (found, what, remedy) =
            role == Compiler
                ? (
                    FindCompiler(names),
                    "NVRTC, the CUDA run-time compiler,",
                    "install it (Debian non-free: apt-get install libnvrtc11.2 libnvrtc-builtins11.8; CUDA's repository: cuda-nvrtc-12-8)"
                )
                : (
                    LibrarySearch.Find(
                        Blas,
                        names ?? BlasNames,
                        [("cublasCreate_v2", "every cuBLAS"), ("cublasSetWorkspace_v2", "CUDA 11.2")]
                    ),
                    "cuBLAS",
                    "install it (Debian non-free: apt-get install libcublas11; CUDA's repository: libcublas-12-8)"
                );
        if (found.Library is not null)
            return found.Library;
        var state = found.Defects.Count > 0 ? $"is not usable: {string.Join("; ", found.Defects)}" : "was not found";
        throw new CudaLibraryException(
            $"{what} {state} ({found.Tried}): {remedy}, or set {LibrarySearch.FolderVariable} "
                + "to the folder that holds it, or set LUR_DEVICE=host to run on the CPU."
        );
    }

    /// <summary>Looks for NVIDIA's NVRTC, whoever executes.</summary>
    internal static LibrarySearch.Outcome FindCompiler(string[]? names = null) =>
        LibrarySearch.Find(Compiler, names ?? CompilerNames, NvrtcLibrary.Required);
}
