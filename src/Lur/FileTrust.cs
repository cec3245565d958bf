namespace Lur;

/// <summary>Whether a file could have been written by somebody else: what is executed or believed must be this user's own.</summary>
internal static class FileTrust
{
    private const UnixFileMode OthersWrite = UnixFileMode.OtherWrite,
        GroupWrites = UnixFileMode.GroupWrite;

    /// <summary>What lets somebody else change a file of a cache: it, or its folder, is another user's or others may write to
    /// it.</summary>
    /// <param name="path">File or folder.</param>
    /// <param name="folders">Folders above it that belong to the cache: that many are looked at as well.</param>
    /// <returns>A clause for a sentence; null where nothing does.</returns>
    public static string? WhyNot(string path, int folders)
    {
        for (var (current, left) = (Path.GetFullPath(path), folders); left >= 0; left--)
        {
            if (Fault(current, OthersWrite | GroupWrites) is { } fault)
                return fault;
            if (Path.GetDirectoryName(current) is not { } above)
                break;
            current = above;
        }

        return null;
    }

    /// <summary>What lets somebody of no group of the user's change a file: looser than <see cref="WhyNot"/>, for folders that a group
    /// works in.</summary>
    /// <returns>A clause for a sentence; null where nothing does.</returns>
    public static string? WhyNotOfGroup(string path) => Fault(Path.GetFullPath(path), OthersWrite);

    /// <summary>Creates a folder that nobody else may write to; one that is there stays as it is.</summary>
    public static void CreateFolder(string path)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private static string? Fault(string path, UnixFileMode forbidden)
    {
        if (OperatingSystem.IsWindows() || !Path.Exists(path))
            return null;
        if (RegularFile.OwnerOf(path) is { } owner and not 0 && owner != RegularFile.CurrentUser)
            return $"'{path}' belongs to another user (number {owner})";
        return (File.GetUnixFileMode(path) & forbidden) == 0 ? null : $"others may write to '{path}'";
    }
}
