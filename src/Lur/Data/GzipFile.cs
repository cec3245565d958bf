using System.Buffers.Binary;
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
        using var packed = MappedFile.OpenRead(path, what);
        try
        {
            using var unpacked = TemporaryFile.Create(BufferBytes);
            using var gzip = new GZipStream(packed, CompressionMode.Decompress, leaveOpen: true);
            var header = new byte[headerBytes];
            var got = gzip.ReadAtLeast(header, headerBytes, throwOnEndOfStream: false);
            var size = sizeOf(header[..got]);
            if (size / MaxRatio > packed.Length)
                throw new UserErrorException(
                    $"'{path}': its header promises {size} bytes, more than {packed.Length} compressed bytes can hold; the file "
                        + $"is cut or damaged."
                );
            unpacked.Write(header);
            var checksum = Copy(path, gzip, unpacked, size, Crc32.Update(~0u, header));
            CheckTrailer(path, packed, checksum);
            unpacked.Flush();
            return MappedFile.FromStream(path, unpacked);
        }
        catch (InvalidDataException e)
        {
            throw new UserErrorException(
                $"'{path}', near compressed offset {packed.Position}: the gzip data is damaged; fetch the file again.",
                e
            );
        }
        catch (IOException e)
        {
            throw new UserErrorException(
                $"'{path}' could not be unpacked to '{Path.GetTempPath()}': {e.Message.TrimEnd('.')}; set TMPDIR to a folder with room.",
                e
            );
        }
    }

    // GZipStream checks the checksum when it sees one, but takes the end of a cut file for the end of the content.
    private static void CheckTrailer(string path, FileStream packed, uint checksum)
    {
        var trailer = new byte[4];
        packed.Seek(-8, SeekOrigin.End);
        packed.ReadExactly(trailer);
        if (BinaryPrimitives.ReadUInt32LittleEndian(trailer) != checksum)
            throw new UserErrorException(
                $"'{path}', compressed offset {packed.Length - 8}: expected the checksum of the content; the file is cut, or is "
                    + $"made of several "
                    + "gzip members, which gunzip unpacks."
            );
    }

    private static uint Copy(string path, GZipStream gzip, FileStream unpacked, long size, uint crc)
    {
        var buffer = new byte[BufferBytes];
        for (int n; (n = gzip.Read(buffer)) > 0; )
        {
            if (unpacked.Position + n > size)
                throw new UserErrorException($"'{path}', unpacked offset {size}: expected the end of the file, but more bytes follow.");
            unpacked.Write(buffer, 0, n);
            crc = Crc32.Update(crc, buffer.AsSpan(0, n));
        }
        if (unpacked.Position != size)
            throw new UserErrorException(
                $"'{path}', unpacked offset {unpacked.Position}: the content ends, expected {size} bytes; the file is cut."
            );
        return ~crc;
    }
}
