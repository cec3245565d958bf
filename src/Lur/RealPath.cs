namespace Lur;

/// <summary>Where a path leads in the end: two paths mean one file exactly if their real paths are the same.</summary>
public static class RealPath
{
    private const int MostLinks = 40; // as the kernel follows

    /// <summary>Resolves the symbolic links of every part of a path; the parts that do not exist stay as they are.</summary>
    /// <param name="path">Any path; relative to the current directory if it is not absolute.</param>
    public static string Of(string path)
    {
        var left = MostLinks;
        return Resolve(Path.GetFullPath(path), ref left);
    }

    /// <summary>Refuses to write over a file that is read, by whatever name or link.</summary>
    /// <param name="target">File to be written.</param>
    /// <param name="read">Files that are read.</param>
    /// <exception cref="UserErrorException">They are one.</exception>
    public static void RequireOther(string target, params IEnumerable<string> read)
    {
        var real = Of(target);
        if (read.FirstOrDefault(r => File.Exists(r) && Of(r) == real) is { } same)
            throw new UserErrorException($"'{target}' would replace '{same}', which is read; give another file to write.");
    }

    /// <summary>True if a path is a folder, or lies in it.</summary>
    /// <param name="path">Any path.</param>
    /// <param name="folder">The folder.</param>
    public static bool IsIn(string path, string folder)
    {
        string inner = Of(path),
            outer = Path.TrimEndingDirectorySeparator(Of(folder));
        return inner == outer || inner.StartsWith(outer + Path.DirectorySeparatorChar, StringComparison.Ordinal);
    }

    private static string Resolve(string full, ref int left)
    {
        var current = Path.GetPathRoot(full)!;
        foreach (var part in full[current.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))
        {
            var next = Path.Combine(current, part);
            current =
                LinkTarget(next) is { } target && left-- > 0 ? Resolve(Path.GetFullPath(Path.Combine(current, target)), ref left) : next;
        }

        return current;
    }

    private static string? LinkTarget(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
