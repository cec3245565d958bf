namespace Lur;

/// <summary>A file that one holder has at a time, in this process or another: what keeps two runs out of one folder. The system
/// frees it when the process ends, however it ends.</summary>
internal sealed class FileLock : IDisposable
{
    private const int WouldBlock = 11; // EWOULDBLOCK of Linux

    private readonly string _path;
    private readonly FileStream _file;

    private FileLock(string path, FileStream file) => (_path, _file) = (path, file);

    /// <summary>Takes the lock.</summary>
    /// <param name="path">The file; created, and removed when the lock is freed.</param>
    /// <returns>Null while another holder has it.</returns>
    /// <exception cref="IOException">The file cannot be created.</exception>
    /// <exception cref="UnauthorizedAccessException">The file cannot be created.</exception>
    public static FileLock? TryTake(string path)
    {
        while (true)
        {
            FileStream file;
            try
            {
                file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            }
            catch (IOException e) when (e.HResult == WouldBlock || File.Exists(path))
            {
                return null;
            }

            // The holder before may have removed it between our opening and our locking: then the name is free again, or is by now
            // that of a third one's file.
            if (IsAt(path, file))
                return new FileLock(path, file);
            file.Dispose();
        }
    }

    private static bool IsAt(string path, FileStream file) =>
        RegularFile.IdentityOf($"/proc/self/fd/{file.SafeFileHandle.DangerousGetHandle()}") is { } own
            ? RegularFile.IdentityOf(path) == own
            : File.Exists(path);

    /// <inheritdoc/>
    public void Dispose()
    {
        File.Delete(_path); // while it is still held
        _file.Dispose();
    }
}
