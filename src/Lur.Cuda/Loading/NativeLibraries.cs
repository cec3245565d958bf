using System.Runtime.InteropServices;

namespace Lur.Cuda.Loading;

/// <summary>
/// Chooses, once a process, who serves the three native interfaces: NVIDIA's libraries, or the host driver for all three.
/// </summary>
/// <remarks>
/// The host driver is chosen when libcuda is absent, does not start or counts no device, or when LUR_DEVICE=host;
/// LUR_DEVICE=cuda insists on NVIDIA's; a program that asks for one (<see cref="Settle"/>) goes before the environment. What was
/// chosen stays; a search that found nothing is made again. Uses function pointers and no imports, so that it works below any
/// binding.
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

    private const string HostConfigure = "lurHostConfigure";

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
    private static readonly Dictionary<string, IReadOnlyList<string>> PassedOver = [];

    /// <summary>Who serves, and why not the other.</summary>
    internal sealed record Choice(LoadedLibrary? Library, bool IsHost, string Reason, IReadOnlyList<string> Defects);

    private sealed record Settled(LibraryWish Wish, Choice Choice);

    // Set once, under the gate: the loader answers an import of this process once.
    private static Settled? s_settled;

    /// <summary>The choice; made now, without a wish, where nobody has made it.</summary>
    internal static Choice Chosen
    {
        get
        {
            lock (Gate)
                return s_settled?.Choice ?? Decide(new LibraryWish());
        }
    }

    /// <summary>Whether the host driver serves; chooses now where nobody has.</summary>
    public static bool ServesHost => Chosen.IsHost;

    /// <summary>True unless the choice was made by a program that has the environment ignored.</summary>
    internal static bool AsksEnvironment => s_settled is not { Wish.IgnoreEnvironment: true };

    /// <summary>Chooses as a program asks, where nothing is chosen yet.</summary>
    /// <param name="wish">What it asks for.</param>
    /// <returns>Null where that holds from now on, or a sentence that says why it does not.</returns>
    public static string? Settle(LibraryWish wish)
    {
        ArgumentNullException.ThrowIfNull(wish);
        lock (Gate)
        {
            if (s_settled is not { } settled)
                return Decide(wish) is { Library: null } nothing ? nothing.Reason : null;
            var (first, choice) = settled;
            var serves = choice.IsHost ? "host" : "cuda";
            return wish.Device.Length > 0 && wish.Device != serves
                    ? $"This process computes with '{serves}' already ({choice.Reason}), and one process has one kind of device; ask for "
                        + $"'{wish.Device}' in a process of its own, or before anything else computes."
                : wish.Threads > 0 && choice.IsHost && wish.Threads != first.Threads
                    ? "The host driver of this process computes with "
                        + $"{(first.Threads > 0 ? $"{first.Threads} threads" : "its own choice of threads")} already; ask for "
                        + $"{wish.Threads} before anything else computes, or leave the number of threads out."
                : wish.IgnoreEnvironment && !first.IgnoreEnvironment
                    ? "This process has chosen its libraries by the environment already, which is to be ignored; open the engine that "
                        + "ignores it before anything else computes."
                : null;
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
            var choice = Chosen;
            if (choice.Library is null)
                throw new CudaLibraryException(choice.Reason);
            return Loaded[role] = role == Driver || choice.IsHost ? choice.Library with { Role = role } : FindOrThrow(role);
        }
    }

    // What can be used is kept; after a failure the next may ask for something else, or the machine be mended.
    private static Choice Decide(LibraryWish wish)
    {
        var choice = Choose(wish);
        if (choice is { IsHost: true, Library: { } host } && Configure(host, wish) is { } why)
            choice = choice with { Library = null, Reason = why };
        if (choice.Library is not null)
            s_settled = new Settled(wish, choice);
        return choice;
    }

    private static Choice Choose(LibraryWish asked)
    {
        var own = asked.Device.Length > 0;
        var wish =
            own ? asked.Device
            : asked.IgnoreEnvironment ? ""
            : Environment.GetEnvironmentVariable("LUR_DEVICE") ?? "";
        var who = own ? $"the program asks for '{wish}'" : $"LUR_DEVICE={wish} asks for it";
        if (wish is not ("" or "host" or "cuda"))
            return new Choice(null, false, $"{(own ? "The device" : "LUR_DEVICE")} is '{wish}'; it must be 'cuda', 'host' or unset.", []);
        if (wish == "host")
            return OpenHost(who, []);
        var found = LibrarySearch.Find(
            LibraryPlaces.Of(!asked.IgnoreEnvironment),
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
                $"{(own ? "The program" : "LUR_DEVICE=cuda")} asks for an NVIDIA device, but {reason}: "
                    + "install or repair the NVIDIA driver (nvidia-smi must list a device), or "
                    + $"{(own ? "ask for none" : "unset LUR_DEVICE")} to run on the CPU.",
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
        foreach (var file in HostDriverFiles().Where(File.Exists))
        {
            if (
                LibrarySearch.TryOpen(Driver, file, "beside the program", [(HostConfigure, "this version's host driver")], defects) is
                { } host
            )
                return new Choice(host, true, reason, defects);
        }
        var why = defects.Count > driverDefects.Count ? defects[^1] : $"the host driver {HostDriver} is not in {AppContext.BaseDirectory}";
        var remedy = "build again with a C++ compiler installed (apt-get install g++), add the package Lur.Runtime.linux-x64";
        return new Choice(
            null,
            true,
            $"There is nothing to compute on: {reason}, and {why}; " + $"{remedy}, or install an NVIDIA driver.",
            defects
        );
    }

    /// <summary>Where the host driver may lie: beside the program, where a build puts what a package holds for a platform, and where
    /// the runtime itself looks for native files.</summary>
    internal static IEnumerable<string> HostDriverFiles()
    {
        var platform = $"linux-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";
        yield return Path.Combine(AppContext.BaseDirectory, HostDriver);
        yield return Path.Combine(AppContext.BaseDirectory, "runtimes", platform, "native", HostDriver);
        var searched = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        foreach (var folder in searched.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
            yield return Path.Combine(folder, HostDriver);
    }

    /// <summary>Tells the host driver what the program asks of it, before its first call.</summary>
    /// <returns>Null, or why it is too late.</returns>
    private static string? Configure(LoadedLibrary host, LibraryWish wish)
    {
        var configure = (delegate* unmanaged<int, int, int>)NativeLibrary.GetExport(host.Handle, HostConfigure);
        return wish.Threads == 0 && !wish.IgnoreEnvironment || configure(wish.Threads, wish.IgnoreEnvironment ? 1 : 0) == 0
            ? null
            : $"{host.Path} is at work in this process already, for another user of it, with other threads or another environment; ask for "
                + "what it has, or use a process of your own.";
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
                        LibraryPlaces.Of(AsksEnvironment),
                        Blas,
                        names ?? BlasNames,
                        [("cublasCreate_v2", "every cuBLAS"), ("cublasSetWorkspace_v2", "CUDA 11.2")],
                        DriverVersion
                    ),
                    "cuBLAS",
                    "install it (Debian non-free: apt-get install libcublas11; CUDA's repository: libcublas-12-8)"
                );
        if (found.Library is not null)
        {
            lock (Gate)
                PassedOver[role] = found.Defects;
            return found.Library;
        }
        var state = found.Defects.Count > 0 ? $"is not usable: {string.Join("; ", found.Defects)}" : "was not found";
        throw new CudaLibraryException(
            $"{what} {state} ({found.Tried}): {remedy}, or set {LibraryPlaces.FolderVariable} "
                + "to the folder that holds it, or set LUR_DEVICE=host to run on the CPU."
        );
    }

    /// <summary>Looks for NVIDIA's NVRTC, whoever executes.</summary>
    internal static LibrarySearch.Outcome FindCompiler(string[]? names = null) =>
        LibrarySearch.Find(LibraryPlaces.Of(AsksEnvironment), Compiler, names ?? CompilerNames, NvrtcLibrary.Required, DriverVersion);

    /// <summary>What was found on the way to a library that serves, and could not be used.</summary>
    internal static IReadOnlyList<string> DefectsOf(string role)
    {
        lock (Gate)
            return role == Driver ? Chosen.Defects : PassedOver.GetValueOrDefault(role, []);
    }

    // What NVIDIA's libraries have to work with; the host driver sets no limit to those that only compile beside it.
    private static Version? DriverVersion
    {
        get
        {
            if (s_settled?.Choice is not { IsHost: false, Library: { } driver })
                return null;
            int version;
            var code = ((delegate* unmanaged<int*, int>)NativeLibrary.GetExport(driver.Handle, "cuDriverGetVersion"))(&version);
            return code == 0 ? new Version(version / 1000, version % 1000 / 10) : null;
        }
    }
}
