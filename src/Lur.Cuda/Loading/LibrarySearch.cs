using System.Runtime.InteropServices;

namespace Lur.Cuda.Loading;

/// <summary>A native library that is in the process.</summary>
/// <param name="Role">What it serves: cuda (driver), nvrtc (compiler) or cublas.</param>
/// <param name="Path">Its file; the bare name where the system's loader does not tell.</param>
/// <param name="FoundBy">Which part of the search found it.</param>
/// <param name="Handle">The loader's handle.</param>
public sealed record LoadedLibrary(string Role, string Path, string FoundBy, IntPtr Handle);

/// <summary>
/// Looks for one library under several names. Runtime-only machines (containers, wheels) have versioned names only,
/// toolkits sit in folders that the system's loader does not know.
/// </summary>
internal static class LibrarySearch
{
    /// <summary>Folders to search, separated as in PATH; searched before anything else.</summary>
    internal const string FolderVariable = "LUR_CUDA_LIB_DIR";

    /// <summary>False where the program forbade to read the environment.</summary>
    internal static bool UsesEnvironment { get; set; } = true;

    /// <summary>A variable of the environment, where it may be read.</summary>
    internal static string? Variable(string name) => UsesEnvironment ? Environment.GetEnvironmentVariable(name) : null;

    /// <summary>The outcome of a search: the library, or what was tried and what was wrong with what was found.</summary>
    internal sealed record Outcome(LoadedLibrary? Library, string Tried, IReadOnlyList<string> Defects);

    /// <summary>Searches folders in order and, in each, names in order.</summary>
    /// <param name="role">The role the library is to serve.</param>
    /// <param name="names">File names, newest first.</param>
    /// <param name="required">Exports, with the version that introduced them: a library without one is passed over.</param>
    internal static Outcome Find(string role, string[] names, (string Export, string Since)[] required)
    {
        var defects = new List<string>();
        var places = new List<string>();
        foreach (var (folder, label) in Folders())
        {
            places.Add(label);
            foreach (var name in names)
            {
                var file = folder.Length == 0 ? name : Path.Combine(folder, name);
                if (folder.Length > 0 && !File.Exists(file))
                    continue;
                if (TryOpen(role, file, label, required, defects) is { } library)
                    return new Outcome(library, "", defects);
            }
            // Someone pointed at this folder: going on would silently use another library than the one they meant.
            if (defects.Count > 0 && label.StartsWith(FolderVariable, StringComparison.Ordinal))
                break;
        }
        return new Outcome(null, $"tried {string.Join(", ", names)} in {string.Join(", ", places)}", defects);
    }

    /// <summary>Opens one file, or says in <paramref name="defects"/> why it cannot be used.</summary>
    internal static LoadedLibrary? TryOpen(
        string role,
        string file,
        string foundBy,
        (string Export, string Since)[] required,
        List<string> defects
    )
    {
        if (role == NativeLibraries.Compiler && Path.GetDirectoryName(file) is { Length: > 0 } folder)
            PreloadBuiltins(folder);
        IntPtr handle;
        try
        {
            handle = NativeLibrary.Load(file);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            if (Reason(e.Message) is { } reason)
                defects.Add($"{file} cannot be loaded ({reason})");
            return null;
        }
        foreach (var (export, since) in required)
        {
            if (NativeLibrary.TryGetExport(handle, export, out _))
                continue;
            defects.Add($"{ResolvedPath(file)} cannot be used: it has no {export}, which is in {since} and newer");
            NativeLibrary.Free(handle);
            return null;
        }
        return new LoadedLibrary(role, ResolvedPath(file), foundBy, handle);
    }

    // NVRTC opens its builtins by bare name, which fails when NVRTC itself came from a folder that the system's loader
    // does not search (error 7 at the first compilation). A library already in the process is found by its name.
    private static void PreloadBuiltins(string folder)
    {
        foreach (var file in Directory.Exists(folder) ? Directory.GetFiles(folder, "libnvrtc-builtins.so.*") : [])
            NativeLibrary.TryLoad(file, out _);
    }

    private static IEnumerable<(string Folder, string Label)> Folders()
    {
        var variable = Variable(FolderVariable);
        foreach (var folder in (variable ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
            yield return (Path.GetFullPath(folder), $"{FolderVariable}={folder}");
        yield return ("", "the system's library search");
        if (Variable("CUDA_PATH") is { Length: > 0 } toolkit)
        {
            yield return (Path.Combine(toolkit, OperatingSystem.IsWindows() ? "bin" : "lib64"), $"CUDA_PATH={toolkit}");
            yield return (Path.Combine(toolkit, OperatingSystem.IsWindows() ? "bin/x64" : "lib"), $"CUDA_PATH={toolkit}");
        }
        if (OperatingSystem.IsLinux())
        {
            yield return ("/usr/local/cuda/lib64", "/usr/local/cuda/lib64");
            yield return ("/usr/lib/wsl/lib", "/usr/lib/wsl/lib");
        }
    }

    // The loader's message lists every attempt, a line each; a file that is simply absent is no defect.
    private static string? Reason(string message)
    {
        foreach (var line in message.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var colon = line.IndexOf(": ", StringComparison.Ordinal);
            if (
                colon > 0
                && line.Contains(".so", StringComparison.Ordinal)
                && !line.Contains("No such file", StringComparison.Ordinal)
                && !line.StartsWith("Unable to load", StringComparison.Ordinal)
            )
                return line[(colon + 2)..];
        }
        return null;
    }

    // After a load by bare name only the memory map tells which file it was.
    private static string ResolvedPath(string file)
    {
        if (Path.IsPathRooted(file) || !OperatingSystem.IsLinux())
            return file;
        var stem = file.Split(".so")[0] + ".so";
        foreach (var line in File.ReadLines("/proc/self/maps"))
        {
            var slash = line.IndexOf('/', StringComparison.Ordinal);
            if (slash > 0 && Path.GetFileName(line[slash..]).StartsWith(stem, StringComparison.Ordinal))
                return line[slash..];
        }
        return file;
    }
}
