using System.Globalization;
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
    /// <summary>The outcome of a search: the library, or what was tried and what was wrong with what was found.</summary>
    internal sealed record Outcome(LoadedLibrary? Library, string Tried, IReadOnlyList<string> Defects);

    /// <summary>Searches the folders that somebody insists on; then, for each major version from the newest on that the driver can work
    /// with, the toolkits that the environment names and the usual places.</summary>
    /// <param name="places">Where libraries may lie.</param>
    /// <param name="role">The role the library is to serve.</param>
    /// <param name="names">File names, newest first.</param>
    /// <param name="required">Exports, with the version that introduced them: a library without one is passed over.</param>
    /// <param name="driver">CUDA version of the driver, of which a library's major version may not be above; null for any.</param>
    internal static Outcome Find(
        LibraryPlaces places,
        string role,
        string[] names,
        (string Export, string Since)[] required,
        Version? driver = null
    )
    {
        var defects = new List<string>();
        LibraryPlace[] insisted = [.. places.Insisted()];
        foreach (var place in insisted)
        {
            foreach (var name in names)
            {
                if (Look(place, name) is { } library)
                    return new Outcome(library, "", defects);
            }
            // Someone pointed at this folder: going on would silently use another library than the one they meant.
            if (defects.Count > 0)
                return new Outcome(null, $"tried {string.Join(", ", names)} in {place.Label}", defects);
        }

        string[] fitting = [.. names.Where(n => driver is null || MajorOf(n) is not { } major || major <= driver.Major)];
        LibraryPlace[] toolkits = [.. places.Toolkits()];
        LibraryPlace[] all = [.. toolkits, .. places.Usual(role, driver, defects)];
        foreach (var name in fitting)
        {
            foreach (var place in all)
            {
                if (Look(place, name) is { } library)
                    return new Outcome(library, "", defects);
            }
        }
        return new Outcome(null, Tried(), defects);

        LoadedLibrary? Look(LibraryPlace place, string name)
        {
            var file = place.Folder.Length == 0 ? name : Path.Combine(place.Folder, name);
            return place.Folder.Length == 0 || IsThere(file, defects) ? TryOpen(role, file, place.Label, required, defects) : null;
        }

        string Tried()
        {
            var where = insisted.Concat(toolkits).Select(p => p.Label).Distinct().Append(LibraryPlaces.Described(role));
            var newer = names.Except(fitting).ToArray();
            return $"tried {string.Join(", ", fitting)} in {string.Join(", ", where)}"
                + (newer.Length == 0 ? "" : $"; {string.Join(", ", newer)} would be newer than the driver's CUDA {driver}");
        }
    }

    /// <summary>CUDA's major version in a file name (libcublas.so.12, libnvrtc.so.11.2, nvrtc64_120_0.dll); null without one.</summary>
    internal static int? MajorOf(string name)
    {
        var windows = name.EndsWith(".dll", StringComparison.Ordinal);
        var start = windows ? name.IndexOf("64_", StringComparison.Ordinal) + 3 : name.IndexOf(".so.", StringComparison.Ordinal) + 4;
        var digits = string.Concat(name.Skip(start).TakeWhile(char.IsAsciiDigit));
        // A driver's 1 is no version of CUDA.
        return !int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number == 1 ? null
            : windows && number >= 100 ? number / 10
            : number;
    }

    // A folder that this user may not enter looks empty, and one who may enter it would have been served from there.
    private static bool IsThere(string file, List<string> defects)
    {
        if (File.Exists(file))
            return true;
        try
        {
            _ = File.GetAttributes(file);
        }
        catch (UnauthorizedAccessException e)
        {
            var defect = $"{Path.GetDirectoryName(file)} cannot be searched ({e.Message.TrimEnd('.')})";
            if (!defects.Exists(d => d.StartsWith(defect[..defect.IndexOf('(', StringComparison.Ordinal)], StringComparison.Ordinal)))
                defects.Add(defect);
        }
        catch (IOException)
        {
            // Not there.
        }
        return false;
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
        if (Unfit(file) is { } unfit)
        {
            defects.Add($"{file} cannot be loaded ({unfit})");
            return null;
        }
        Preload(role, file);
        IntPtr handle;
        try
        {
            handle = NativeLibrary.Load(file);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            if (Reason(e.Message, file) is { } reason)
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

    private static string? Unfit(string file)
    {
        if (!OperatingSystem.IsLinux() || !Path.IsPathRooted(file) || !File.Exists(file))
            return null;
        try
        {
            return ElfHeader.WhyNot(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message.TrimEnd('.');
        }
    }

    // NVRTC opens its builtins by bare name, and cuBLAS needs cublasLt, which fails when the library itself came from a folder that the
    // system's loader does not search (NVRTC's error 7 at the first compilation). A library already in the process is found by its name.
    private static void Preload(string role, string file)
    {
        if (Path.GetDirectoryName(file) is not { Length: > 0 } folder)
            return;
        var beside = role switch
        {
            NativeLibraries.Compiler => "libnvrtc-builtins.so.*",
            NativeLibraries.Blas when MajorOf(Path.GetFileName(file)) is { } major => $"libcublasLt.so.{major}",
            _ => null,
        };
        foreach (var helper in beside is not null && Directory.Exists(folder) ? Directory.GetFiles(folder, beside) : [])
        {
            if (Unfit(helper) is null)
                NativeLibrary.TryLoad(helper, out _);
        }
    }

    // The loader's message lists every attempt, a line each; a file that is simply absent is no defect, one that it needs is.
    internal static string? Reason(string message, string file)
    {
        var name = Path.GetFileName(file);
        foreach (var line in message.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var colon = line.IndexOf(": ", StringComparison.Ordinal);
            if (
                colon <= 0
                || !line.Contains(".so", StringComparison.Ordinal)
                || line.StartsWith("Unable to load", StringComparison.Ordinal)
            )
                continue;
            if (!line.Contains("No such file", StringComparison.Ordinal))
                return line[(colon + 2)..];
            if (!Path.GetFileName(line[..colon]).Contains(name, StringComparison.Ordinal))
                return $"it needs {Path.GetFileName(line[..colon])}, which is not there";
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
