using System.Runtime.InteropServices;

namespace Lur;

/// <summary>
/// A file seen as read-only bytes through a memory map: nothing is resident until it is read, and reads from many
/// threads need no lock. The file must not shrink while it is mapped: the operating system answers a read past a new,
/// shorter end with SIGBUS, which no managed handler can catch.
/// </summary>
/// <remarks>By the C library itself: System.IO.MemoryMappedFiles draws a random name for maps that have no file, and with it brings
/// OpenSSL into whatever is compiled ahead of time.</remarks>
internal sealed unsafe partial class MappedFile : IDisposable
{
    private readonly MapHandle? _map;
    private byte* _start;

    private MappedFile(string path, FileStream stream)
    {
        Path = path;
        Length = stream.Length;
        // A map of zero bytes is an error in every operating system; an empty file is merely one without bytes.
        if (Length == 0)
            return;
        _map = MapHandle.Of(stream.SafeFileHandle, Length, path);
        _start = (byte*)_map.DangerousGetHandle();
    }

    public string Path { get; }

    /// <summary>Bytes in the file when it was opened.</summary>
    public long Length { get; }

    /// <summary>Maps a file.</summary>
    /// <param name="path">Where it is.</param>
    /// <param name="what">What it is, for error sentences: "CIFAR-10 file", "checkpoint".</param>
    /// <exception cref="UserErrorException">It is missing, a folder, or may not be read.</exception>
    public static MappedFile Open(string path, string what)
    {
        using var stream = OpenRead(path, what);
        return FromStream(path, stream);
    }

    /// <summary>Maps what a stream has open; the stream may be closed, and its file deleted, while the map lives.</summary>
    public static MappedFile FromStream(string path, FileStream stream) => new(path, stream);

    /// <summary>Opens a file for reading and turns each way that can fail into a sentence.</summary>
    /// <param name="path">Where it is.</param>
    /// <param name="what">What it is, for error sentences.</param>
    /// <param name="gzip">True where it may be compressed with gzip.</param>
    /// <param name="zip">True where it is a zip archive.</param>
    /// <exception cref="UserErrorException">It is missing, no regular file, may not be read, or is recognised as something else: an
    /// archive, a pickle, a pointer, a web page.</exception>
    public static FileStream OpenRead(string path, string what, bool gzip = false, bool zip = false)
    {
        RegularFile.Require(path, what);
        var stream = OpenStream(path, what);
        try
        {
            ForeignFile.Refuse(stream.SafeFileHandle, path, what, gzip, zip);
            return stream;
        }
        catch (Exception e)
        {
            stream.Dispose();
            if (e is IOException or NotSupportedException)
                throw new UserErrorException($"The {what} '{path}' could not be read: {e.Message.TrimEnd('.')}.", e);
            throw;
        }
    }

    private static FileStream OpenStream(string path, string what)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UserErrorException(MissingFile.Sentence(path, what), e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new UserErrorException($"The {what} '{path}' may not be read by this user; check its permissions.", e);
        }
        catch (Exception e) when (e is IOException or ArgumentException or NotSupportedException)
        {
            throw new UserErrorException($"The {what} '{path}' could not be opened: {e.Message.TrimEnd('.')}.", e);
        }
    }

    /// <summary>Bytes [offset, offset + count) of the file, without a copy.</summary>
    public ReadOnlySpan<byte> Slice(long offset, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - count);
        if (count == 0)
            return default;
        ObjectDisposedException.ThrowIf(_start is null, this);
        return new ReadOnlySpan<byte>(_start + offset, count);
    }

    public byte this[long offset] => Slice(offset, 1)[0];

    public void Dispose()
    {
        _start = null;
        _map?.Dispose();
    }

    /// <summary>Pages that are unmapped when nobody holds them any longer.</summary>
    private sealed partial class MapHandle() : SafeHandle(Failed, true)
    {
        private const nint Failed = -1;
        private const int Read = 1,
            Shared = 1;

        private nuint _bytes;

        public override bool IsInvalid => handle == Failed;

        public static MapHandle Of(SafeHandle file, long bytes, string path)
        {
            var map = new MapHandle { _bytes = (nuint)bytes };
            map.SetHandle(Map(0, (nuint)bytes, Read, Shared, file, 0));
            return map.IsInvalid ? throw new IOException($"'{path}' could not be mapped: {Marshal.GetLastPInvokeErrorMessage()}.") : map;
        }

        protected override bool ReleaseHandle() => Unmap(handle, _bytes) == 0;

        [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
        private static partial nint Map(nint address, nuint bytes, int protection, int flags, SafeHandle file, long offset);

        [LibraryImport("libc", EntryPoint = "munmap")]
        private static partial int Unmap(nint address, nuint bytes);
    }
}
