using System.Runtime.InteropServices;
using System.Text;

namespace Lur;

/// <summary>
/// Writes files that are either wholly the old ones or wholly the new ones, whatever happens: the content goes to a
/// temporary name in the same folder, is forced to the disk, and takes the final name by one rename, which is forced to
/// the disk as well. A full disk, an exception or a kill at any moment leaves the previous file as it was.
/// </summary>
/// <remarks>
/// The order fsync(file), rename, fsync(folder) is the one that survives a power cut on ext4, xfs and btrfs
/// (Pillai et al., "All file systems are not created equal", OSDI 2014). A temporary file that a killed process left
/// behind is removed by <see cref="RemoveLeftovers(string)"/>; one that a live process is writing is locked and is left alone.
/// </remarks>
public static class AtomicFile
{
    /// <summary>How every temporary name ends.</summary>
    public const string TemporarySuffix = ".lur-partial";

    private const int BufferBytes = 1 << 17;
    private static int s_counter;

    /// <summary>Writes a file through a callback; the file appears under its name when the callback has returned.</summary>
    /// <param name="path">The final name; an existing file is replaced, a symbolic link is followed.</param>
    /// <param name="write">Writes the whole content to the stream, which it must not keep.</param>
    /// <exception cref="UserErrorException">The folder is missing, the disk is full, or writing is not permitted; the
    /// previous file, if there was one, is unchanged.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        string target = ResolveTarget(path),
            folder = Path.GetDirectoryName(target)!,
            temporary = "";
        try
        {
            using (var stream = CreateTemporary(folder, Path.GetFileName(target), out temporary))
            {
                // Not disposed: after a failure, disposing would try to write the rest of the buffer once more.
                var content = new BufferedStream(new TargetStream(stream), BufferBytes);
                write(content);
                content.Flush();
                stream.Flush(flushToDisk: true);
                // Renamed while still open, so that the lock which keeps RemoveLeftovers away covers the rename too.
                File.Move(temporary, target, overwrite: true);
                temporary = "";
            }
            FolderSync.Flush(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException(
                $"'{path}' could not be written: {FirstSentence(e.Message)}; what was there before is unchanged; {RemedyFor(e)}.",
                e
            );
        }
        finally
        {
            if (temporary.Length > 0)
                DeleteQuietly(temporary);
        }
    }

    /// <summary>Writes a text file in UTF-8 without a byte order mark.</summary>
    /// <inheritdoc cref="Write"/>
    public static void WriteText(string path, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var bytes = Encoding.UTF8.GetBytes(text);
        Write(path, stream => stream.Write(bytes));
    }

    /// <summary>Removes temporary files that a killed process left in a folder; call it at start.</summary>
    /// <param name="folder">The folder; one that does not exist holds nothing to remove.</param>
    /// <returns>How many were removed.</returns>
    public static int RemoveLeftovers(string folder) => RemoveLeftovers(folder, IsTemporary, recurse: false);

    private static bool IsTemporary(string name) => name.StartsWith('.') && name.EndsWith(TemporarySuffix, StringComparison.Ordinal);

    /// <summary>Removes files that nobody has open.</summary>
    /// <param name="folder">The folder; one that does not exist holds nothing to remove.</param>
    /// <param name="isOne">Which files, by name.</param>
    /// <param name="recurse">True for the folders below, too; those that may not be read are passed over.</param>
    /// <returns>How many were removed.</returns>
    internal static int RemoveLeftovers(string folder, Func<string, bool> isOne, bool recurse)
    {
        if (!Directory.Exists(folder))
            return 0;
        var removed = 0;
        var options = new EnumerationOptions
        {
            RecurseSubdirectories = recurse,
            IgnoreInaccessible = recurse,
            AttributesToSkip = 0,
        };
        foreach (var path in Directory.EnumerateFiles(folder, "*", options).Where(path => isOne(Path.GetFileName(path))))
        {
            try
            {
                // The writer holds an exclusive lock until the rename: opening fails exactly while it lives.
                using var probe = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                File.Delete(path);
                removed++;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Being written by a live process, or owned by another user: not ours to remove.
            }
        }
        return removed;
    }

    private static string ResolveTarget(string path)
    {
        var full = Path.GetFullPath(path);
        var folder =
            Path.GetDirectoryName(full) ?? throw new UserErrorException($"'{path}' is a folder; give the path of a file to write.");
        if (Directory.Exists(full))
            throw new UserErrorException($"'{path}' is a folder; give the path of a file to write.");
        if (!Directory.Exists(folder))
            throw new UserErrorException($"'{path}' cannot be written: the folder '{folder}' does not exist; create it first.");
        // A rename over /dev/null would, for root, replace the device for the whole machine.
        if (full.StartsWith("/dev/", StringComparison.Ordinal) && !full.StartsWith("/dev/shm/", StringComparison.Ordinal))
            throw new UserErrorException($"'{path}' is a device; give the path of a file to write.");
        try
        {
            return File.ResolveLinkTarget(full, returnFinalTarget: true)?.FullName ?? full;
        }
        catch (IOException)
        {
            return full;
        }
    }

    private static FileStream CreateTemporary(string folder, string name, out string temporary)
    {
        while (true)
        {
            var candidate = Path.Combine(
                folder,
                $".{name}.{Environment.ProcessId}.{Interlocked.Increment(ref s_counter)}{TemporarySuffix}"
            );
            try
            {
                var stream = new FileStream(candidate, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
                temporary = candidate;
                return stream;
            }
            catch (IOException) when (File.Exists(candidate))
            {
                // A leftover of a process that had our number: the next counter value is free sooner or later.
            }
        }
    }

    private static void DeleteQuietly(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The error that brought us here is the one worth reporting.
        }
    }

    /// <summary>What to do about a file that cannot be written.</summary>
    internal static string RemedyFor(Exception e) =>
        e is UnauthorizedAccessException
            ? "check the permissions of the folder, or write elsewhere"
            : "free space there, or write elsewhere";

    private static string FirstSentence(string message)
    {
        var end = message.IndexOf(" : '", StringComparison.Ordinal);
        return (end < 0 ? message : message[..end]).TrimEnd('.', ' ');
    }

    /// <summary>
    /// The stream a callback sees. A file size limit (EFBIG) comes out of FileStream as ArgumentOutOfRangeException
    /// (.NET 10); here it becomes the IOException that every other full disk is.
    /// </summary>
    private sealed class TargetStream(FileStream file) : Stream
    {
        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => file.Length;
        public override long Position
        {
            get => file.Position;
            set => throw new NotSupportedException();
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            try
            {
                file.Write(buffer);
            }
            catch (ArgumentOutOfRangeException e)
            {
                throw new IOException("The file is larger than the file system or a limit of this process allows", e);
            }
        }

        public override void Flush() { }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }

    /// <summary>
    /// fsync of a folder. .NET refuses to open one (FileStream and File.OpenHandle both answer "access denied"), so the
    /// three C library calls are looked up in the running process; where they are missing the rename is still atomic,
    /// only its moment of durability is left to the operating system.
    /// </summary>
    private static unsafe class FolderSync
    {
        private static readonly delegate* unmanaged<byte*, int, int> s_open = (delegate* unmanaged<byte*, int, int>)Find("open");
        private static readonly delegate* unmanaged<int, int> s_fsync = (delegate* unmanaged<int, int>)Find("fsync");
        private static readonly delegate* unmanaged<int, int> s_close = (delegate* unmanaged<int, int>)Find("close");

        public static void Flush(string folder)
        {
            if (!OperatingSystem.IsLinux() || s_open is null || s_fsync is null || s_close is null)
                return;
            var path = Encoding.UTF8.GetBytes(folder + '\0');
            fixed (byte* p = path)
            {
                var descriptor = s_open(p, 0);
                if (descriptor < 0)
                    return;
                // Some network file systems refuse fsync on a folder; the rename has happened either way.
                _ = s_fsync(descriptor);
                _ = s_close(descriptor);
            }
        }

        private static nint Find(string name) =>
            NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), name, out var address) ? address : 0;
    }
}
