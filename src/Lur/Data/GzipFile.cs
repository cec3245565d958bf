using System.IO.Compression;

namespace Lur.Data;

/// <summary>
/// Unpacks a gzip file into a temporary file that has no name any more and maps it: random access without keeping the
/// content resident, and nothing to clean up after a kill.
/// </summary>
internal static class GzipFile
{
    private const int BufferBytes = 1 << 16;

    // Deflate turns one byte into at most 1032 (zlib's technical notes); a header that promises more is a bomb or damage.
    private const int MaxRatio = 1032;

    /// <summary>Unpacks.</summary>
    /// <param name="path">The compressed file.</param>
    /// <param name="what">What it is, for sentences.</param>
    /// <param name="headerBytes">How many leading bytes tell the size of the content.</param>
    /// <param name="sizeOf">The size of the content from those bytes.</param>
    public static MappedFile Unpack(string path, string what, int headerBytes, Func<byte[], long> sizeOf)
    {
        using FileStream packed = MappedFile.OpenRead(path, what);
        string temporary = Path.Combine(Path.GetTempPath(), $".lur-{Environment.ProcessId}-{Guid.NewGuid():n}");
        try
        {
            using var unpacked = new FileStream(
                temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, BufferBytes, FileOptions.DeleteOnClose);
            using var gzip = new GZipStream(packed, CompressionMode.Decompress);
            byte[] header = new byte[headerBytes];
            int got = gzip.ReadAtLeast(header, headerBytes, throwOnEndOfStream: false);
            long size = sizeOf(header[..got]);
            if (size / MaxRatio > packed.Length)
                throw new UserErrorException(
                    $"'{path}': its header promises {size} bytes, more than {packed.Length} compressed bytes can hold; the file is cut or damaged.");
            unpacked.Write(header);
            Copy(path, gzip, unpacked, size);
            unpacked.Flush();
            return MappedFile.FromStream(path, unpacked);
        }
        catch (InvalidDataException e)
        {
            throw new UserErrorException(
                $"'{path}', near compressed offset {packed.Position}: expected gzip data, but {char.ToLowerInvariant(e.Message[0])}{e.Message[1..].TrimEnd('.')}; " +
                "the file is cut or damaged.", e);
        }
        catch (IOException e)
        {
            throw new UserErrorException(
                $"'{path}' could not be unpacked to '{temporary}': {e.Message.TrimEnd('.')}; set TMPDIR to a folder with room.", e);
        }
    }

    private static void Copy(string path, GZipStream gzip, FileStream unpacked, long size)
    {
        byte[] buffer = new byte[BufferBytes];
        for (int n; (n = gzip.Read(buffer)) > 0;)
        {
            if (unpacked.Position + n > size)
                throw new UserErrorException($"'{path}', unpacked offset {size}: expected the end of the file, but more bytes follow.");
            unpacked.Write(buffer, 0, n);
        }
        if (unpacked.Position != size)
            throw new UserErrorException(
                $"'{path}', unpacked offset {unpacked.Position}: the content ends, expected {size} bytes; the file is cut.");
    }
}
