namespace Lur.Cuda.Loading;

/// <summary>A folder where a library may lie.</summary>
/// <param name="Folder">Path; empty for the search of the system's loader.</param>
/// <param name="Label">What it is, for who asks what was taken.</param>
internal sealed record LibraryPlace(string Folder, string Label);

/// <summary>
/// Where NVIDIA's libraries usually lie: toolkits, folders of distributions and containers, the nvidia packages of Python
/// installations. docs/building.md has the order.
/// </summary>
/// <param name="variable">A variable of the environment, or null; answers null to all where the environment is ignored.</param>
/// <param name="root">Goes before every absolute path. Tests have a root of their own, which no loader searches.</param>
internal sealed class LibraryPlaces(Func<string, string?> variable, string root = "")
{
    /// <summary>Folders to search, separated as in PATH; searched before anything else, and nothing else where one is unusable.</summary>
    internal const string FolderVariable = "LUR_CUDA_LIB_DIR";

    /// <summary>What <see cref="Usual"/> goes through, for messages.</summary>
    internal static string Described(string role) =>
        role == NativeLibraries.Driver
            ? "the system's library search and the driver folders of distributions"
            : "the system's library search, CUDA toolkits (/usr/local/cuda*, /opt/cuda), the library folders of distributions, and the "
                + "nvidia packages of Python";

    // The toolkit's own stubs folder is left out: its libcuda only serves to link against.
    private static readonly string[] DriverFolders =
    [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib64",
        "/usr/lib/x86_64-linux-gnu/nvidia/current",
        "/usr/lib64/nvidia",
        "/usr/lib/nvidia",
        "/usr/local/nvidia/lib64",
        "/usr/lib/wsl/lib",
    ];

    private static readonly string[] SystemFolders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib"];

    /// <summary>This machine's.</summary>
    /// <param name="environment">False where no variable may decide anything.</param>
    internal static LibraryPlaces Of(bool environment) => new(environment ? Environment.GetEnvironmentVariable : _ => null);

    /// <summary>Folders that somebody insists on.</summary>
    internal IEnumerable<LibraryPlace> Insisted() =>
        from folder in (variable(FolderVariable) ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        select new LibraryPlace(Path.GetFullPath(folder), $"{FolderVariable}={folder}");

    /// <summary>Folders of the toolkits that the environment names.</summary>
    internal IEnumerable<LibraryPlace> Toolkits() =>
        from name in (string[])["CUDA_PATH", "CUDA_HOME"]
        let toolkit = variable(name)
        where !string.IsNullOrEmpty(toolkit)
        from folder in OperatingSystem.IsWindows() ? (string[])["bin", "bin/x64"] : ["lib64", "lib", "targets/x86_64-linux/lib"]
        select new LibraryPlace(Path.Combine(toolkit, folder), $"{name}={toolkit}");

    /// <summary>Everywhere else.</summary>
    /// <param name="role">What the library is to serve.</param>
    /// <param name="driver">CUDA version of the driver: toolkits that are not newer go first; null for any.</param>
    /// <param name="defects">Takes a sentence for a folder that cannot be read.</param>
    internal List<LibraryPlace> Usual(string role, Version? driver, List<string> defects)
    {
        List<LibraryPlace> places = root.Length == 0 ? [new LibraryPlace("", "the system's library search")] : [];
        if (!OperatingSystem.IsLinux())
            return places;
        if (role == NativeLibraries.Driver)
        {
            places.AddRange(DriverFolders.Select(Plain));
            return places;
        }

        foreach (var toolkit in InstalledToolkits(driver, defects))
        {
            places.Add(new LibraryPlace(Path.Combine(toolkit, "lib64"), $"the toolkit {toolkit}"));
            places.Add(new LibraryPlace(Path.Combine(toolkit, "targets/x86_64-linux/lib"), $"the toolkit {toolkit}"));
        }

        places.AddRange(SystemFolders.Select(Plain));
        places.Add(Plain("/usr/lib/wsl/lib"));
        foreach (var packages in PythonPackages(defects))
        {
            foreach (var package in Folders(Path.Combine(packages, "nvidia"), "*", defects).Order(StringComparer.Ordinal))
                places.Add(new LibraryPlace(Path.Combine(package, "lib"), $"the Python packages in {packages}"));
        }

        return places;
    }

    private LibraryPlace Plain(string folder) => new(root + folder, $"its usual folder {root + folder}");

    // Newest first, but those above the driver's version behind the others: a driver of CUDA 12.4 runs what 12.8 compiles, and not all
    // of it. One without a number, which nobody's package made, goes first.
    private IEnumerable<string> InstalledToolkits(Version? driver, List<string> defects) =>
        from toolkit in (string[])
            [
                root + "/usr/local/cuda",
                .. Folders(root + "/usr/local", "cuda-*", defects).Order(StringComparer.Ordinal),
                root + "/opt/cuda",
                root + "/usr/lib/cuda",
            ]
        where Directory.Exists(toolkit)
        let release = ReleaseOf(toolkit)
        orderby release is not null && driver is not null && release > driver, release ?? new Version(int.MaxValue, 0) descending
        select toolkit;

    private static Version? ReleaseOf(string toolkit)
    {
        try
        {
            // /usr/local/cuda is a link to /etc/alternatives/cuda, which is one to the toolkit.
            var target = Directory.ResolveLinkTarget(toolkit, returnFinalTarget: true)?.FullName ?? toolkit;
            return VersionIn(Path.GetFileName(target), "cuda-");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // An environment that somebody works in goes before what the machine has for all.
    private IEnumerable<string> PythonPackages(List<string> defects)
    {
        var prefixes = new List<string>();
        foreach (var name in (string[])["VIRTUAL_ENV", "CONDA_PREFIX"])
        {
            if (variable(name) is { Length: > 0 } prefix)
                prefixes.Add(prefix);
        }

        foreach (var folder in (variable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
        {
            if (Path.IsPathRooted(folder) && File.Exists(Path.Combine(folder, "python3")) && Path.GetDirectoryName(folder) is { } prefix)
                prefixes.Add(prefix);
        }

        if (variable("HOME") is { Length: > 0 } home)
            prefixes.Add(Path.Combine(home, ".local"));
        prefixes.AddRange(((string[])["/opt/conda", "/usr/local", "/usr"]).Select(p => root + p));
        return prefixes.Distinct(StringComparer.Ordinal).SelectMany(p => PackagesOf(p, defects));
    }

    // lib/python3.12/site-packages, Debian's dist-packages, and Red Hat's lib64.
    private static IEnumerable<string> PackagesOf(string prefix, List<string> defects) =>
        from lib in (string[])["lib", "lib64"]
        from python in Folders(Path.Combine(prefix, lib), "python3*", defects)
            .OrderByDescending(p => VersionIn(Path.GetFileName(p), "python") ?? new Version(3, 0))
        from packages in (string[])["site-packages", "dist-packages"]
        let path = Path.Combine(python, packages)
        where Directory.Exists(path)
        select path;

    private static Version? VersionIn(string name, string prefix) =>
        name.StartsWith(prefix, StringComparison.Ordinal) && Version.TryParse(name.AsSpan(prefix.Length), out var version) ? version : null;

    private static string[] Folders(string folder, string pattern, List<string> defects)
    {
        try
        {
            return Directory.Exists(folder) ? Directory.GetDirectories(folder, pattern) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            defects.Add($"{folder} cannot be searched ({e.Message.TrimEnd('.')})");
            return [];
        }
    }
}
