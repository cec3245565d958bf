using System.Buffers.Binary;
using System.Text;

namespace Lur.Device;

/// <summary>
/// A kernel image on disk: magic, compiler's identity, length and SHA-256 of the payload, payload. Written under a
/// temporary name and renamed, so that a reader sees all of it or nothing.
/// </summary>
internal static class ImageFile
{
    private const string TemporarySuffix = ".tmp";

    private static ReadOnlySpan<byte> Magic => "LURIMG01"u8;

    /// <summary>Reads an image; null when it is absent, damaged or unreadable.</summary>
    internal static (byte[] Image, string Compiler)? Read(string path)
    {
        try
        {
            return Parse(File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Writes an image.</summary>
    /// <param name="path">The file.</param>
    /// <param name="image">Its payload.</param>
    /// <param name="compiler">Identity of the compiler.</param>
    /// <param name="isPrivate">True for a cache, which nobody else may read or write whatever the umask.</param>
    /// <exception cref="IOException">The folder cannot be written to.</exception>
    internal static void Write(string path, byte[] image, string compiler, bool isPrivate = false)
    {
        if (isPrivate)
            FileTrust.CreateFolder(Path.GetDirectoryName(path)!);
        else
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var identity = Encoding.UTF8.GetBytes(compiler);
        var header = new byte[8 + 4 + identity.Length + 8 + 32];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), identity.Length);
        identity.CopyTo(header, 12);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(12 + identity.Length), image.Length);
        ContentHash.Of(image).CopyTo(header, 20 + identity.Length);
        var temporary = $"{path}.{Environment.ProcessId}-{Guid.NewGuid():N}{TemporarySuffix}";
        try
        {
            // Locked until it has its name: RemoveLeftovers leaves alone what somebody is writing.
            using var stream = Create(temporary, isPrivate);
            stream.Write(header);
            stream.Write(image);
            stream.Flush();
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Removes what killed processes left half-written in a cache.</summary>
    /// <returns>How many files.</returns>
    internal static int RemoveLeftovers(string cache) =>
        AtomicFile.RemoveLeftovers(cache, name => name.EndsWith(TemporarySuffix, StringComparison.Ordinal), recurse: true);

    private static FileStream Create(string path, bool isPrivate)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            Share = FileShare.None,
        };
        if (isPrivate && !OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new FileStream(path, options);
    }

    private static (byte[] Image, string Compiler)? Parse(byte[] file)
    {
        if (file.Length < 12 || !file.AsSpan(0, 8).SequenceEqual(Magic))
            return null;
        var identity = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(8));
        if (identity < 0 || file.Length < 52L + identity)
            return null;
        var length = BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(12 + identity));
        if (length != file.Length - 52L - identity)
            return null;
        var payload = file.AsSpan(52 + identity);
        return ContentHash.Of(payload).AsSpan().SequenceEqual(file.AsSpan(20 + identity, 32))
            ? (payload.ToArray(), Encoding.UTF8.GetString(file, 12, identity))
            : null;
    }
}
