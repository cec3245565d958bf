namespace Lur.Data;

/// <summary>A temporary file without a name: the operating system removes it with the last handle, even after a kill.</summary>
internal static class TemporaryFile
{
    /// <summary>Creates one for reading and writing in the folder for temporary files (TMPDIR).</summary>
    /// <param name="bufferBytes">Buffer of the stream; 1 for none.</param>
    public static FileStream Create(int bufferBytes)
    {
        var path = Path.Combine(Path.GetTempPath(), $".lur-{Environment.ProcessId}-{Guid.NewGuid():n}");
        var stream = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferBytes, FileOptions.DeleteOnClose);
        // DeleteOnClose alone leaves the file behind when the process is killed; an open file loses its name on Unix only.
        if (!OperatingSystem.IsWindows())
            File.Delete(path);
        return stream;
    }
}
