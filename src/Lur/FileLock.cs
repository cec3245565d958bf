namespace Lur;

/// <summary>A file that one holder has at a time, in this process or another: what keeps two runs out of one folder. The system
/// frees it when the process ends, however it ends.</summary>
internal sealed class FileLock : IDisposable
{
    private const int WouldBlock = 11; // EWOULDBLOCK of Linux
    private const string NoteSuffix = ".pid",
        Unnamed = "a process that cannot be named";

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
            {
                SayWho(path);
                return new FileLock(path, file);
            }

            file.Dispose();
        }
    }

    /// <summary>Who has the lock, as the end of a sentence: "process 1234", with the machine where that is another one.</summary>
    /// <returns>Null where nobody has it.</returns>
    public static string? HolderOf(string path)
    {
        try
        {
            if (!File.Exists(path))
                return null;
            using var probe = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            return null;
        }
        catch (IOException e) when (e.HResult == WouldBlock)
        {
            return NameIn(path + NoteSuffix);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // The lock's own file opens for nobody else as long as it is held, so the name of the holder lies beside it.
    private static void SayWho(string path)
    {
        try
        {
            File.WriteAllText(path + NoteSuffix, $"{Environment.ProcessId} {Environment.MachineName}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk: the lock holds all the same.
        }
    }

    private static string NameIn(string note)
    {
        try
        {
            return File.ReadAllText(note).Split(' ', 2) is [{ Length: > 0 } process, var machine]
                ? $"process {process}{(machine == Environment.MachineName ? "" : $" on {machine}")}"
                : Unnamed;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Unnamed;
        }
    }

    private static bool IsAt(string path, FileStream file) =>
        RegularFile.IdentityOf($"/proc/self/fd/{file.SafeFileHandle.DangerousGetHandle()}") is { } own
            ? RegularFile.IdentityOf(path) == own
            : File.Exists(path);

    /// <inheritdoc/>
    public void Dispose()
    {
        // Both while it is still held: the next holder makes its own.
        File.Delete(_path + NoteSuffix);
        File.Delete(_path);
        _file.Dispose();
    }
}
