using System.Buffers.Binary;
using System.IO.Compression;

namespace Lur.Data;

/// <summary>
/// Unpacks a gzip file into a temporary file that has no name any more and maps it: random access without keeping the
/// content resident, and nothing to clean up after a kill. As gunzip does, it takes several members one after the other, and passes
/// over padding and other bytes behind the last.
/// </summary>
internal static class GzipFile
{
    private const int BufferBytes = 1 << 16,
        TrailerBytes = 8;

    /// <summary>Unpacks.</summary>
    /// <param name="path">The compressed file.</param>
    /// <param name="what">What it is, for sentences.</param>
    /// <param name="headerBytes">How many leading bytes tell the size of the content.</param>
    /// <param name="sizeOf">The size of the content from those bytes.</param>
    public static MappedFile Unpack(string path, string what, int headerBytes, Func<byte[], long> sizeOf)
    {
        using var packed = MappedFile.OpenRead(path, what, gzip: true);
        try
        {
            using var unpacked = TemporaryFile.Create(BufferBytes);
            using var gzip = new GZipStream(packed, CompressionMode.Decompress, leaveOpen: true);
            var header = new byte[headerBytes];
            var got = gzip.ReadAtLeast(header, headerBytes, throwOnEndOfStream: false);
            var size = sizeOf(header[..got]);
            if (size / ForwardStream.MaxDeflateRatio > packed.Length)
                throw new UserErrorException(
                    $"'{path}': its header promises {size} bytes, more than {packed.Length} compressed bytes can hold; the file "
                        + $"is cut or damaged; fetch it again."
                );
            unpacked.Write(header);
            var checksum = Copy(path, gzip, unpacked, size, Crc32.Update(~0u, header));
            RequireTrailer(path, packed, checksum, size);
            unpacked.Flush();
            return MappedFile.FromStream(path, unpacked);
        }
        catch (Exception e) when (e is InvalidDataException || e.GetType().FullName == "System.IO.Compression.ZLibException")
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

    // GZipStream checks the checksum when it sees one, but takes the end of a cut file for the end of the content: checksum and length
    // must be there. Of one member they are those of the whole content; padding and what else may follow stands behind them.
    private static void RequireTrailer(string path, FileStream packed, uint checksum, long size)
    {
        Span<byte> trailer = stackalloc byte[TrailerBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(trailer, checksum);
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[4..], (uint)size);
        if (!EndsWith(packed, trailer) && !LastMemberIsWhole(packed))
            throw new UserErrorException(
                $"'{path}', compressed offset {packed.Length}: expected the checksum of the content; the file is cut; fetch it again."
            );
    }

    // From the back: there is little behind it as a rule.
    private static bool EndsWith(FileStream packed, ReadOnlySpan<byte> trailer)
    {
        var buffer = new byte[BufferBytes];
        for (var end = packed.Length; end >= TrailerBytes; end -= BufferBytes - TrailerBytes + 1)
        {
            var start = Math.Max(0, end - BufferBytes);
            var count = RandomAccess.Read(packed.SafeFileHandle, buffer.AsSpan(0, (int)(end - start)), start);
            if (buffer.AsSpan(0, count).LastIndexOf(trailer) >= 0)
                return true;
        }
        return false;
    }

    // Several members: each is unpacked from single bytes, so that it is known where its compressed content ends and its trailer begins.
    private static bool LastMemberIsWhole(FileStream packed)
    {
        packed.Position = 0;
        using var bytes = new SingleBytes(new BufferedStream(packed, BufferBytes));
        var buffer = new byte[BufferBytes];
        var trailer = new byte[TrailerBytes];
        while (SkipHeader(bytes))
        {
            var crc = ~0u;
            using (var content = new DeflateStream(bytes, CompressionMode.Decompress, leaveOpen: true))
                for (int n; (n = content.Read(buffer)) > 0; )
                    crc = Crc32.Update(crc, buffer.AsSpan(0, n));
            if (
                bytes.ReadAtLeast(trailer, TrailerBytes, throwOnEndOfStream: false) < TrailerBytes
                || BinaryPrimitives.ReadUInt32LittleEndian(trailer) != ~crc
            )
                return false;
        }
        return true;
    }

    // RFC 1952, 2.3; false where no member begins.
    private static bool SkipHeader(SingleBytes bytes)
    {
        var fixedPart = new byte[10];
        if (bytes.ReadAtLeast(fixedPart, 10, throwOnEndOfStream: false) < 10 || fixedPart[0] != 0x1F || fixedPart[1] != 0x8B)
            return false;
        int flags = fixedPart[3];
        if ((flags & 4) != 0)
            for (var left = bytes.ReadByte() + (bytes.ReadByte() << 8); left > 0; left--)
                bytes.ReadByte();
        for (var texts = ((flags >> 3) & 1) + ((flags >> 4) & 1); texts > 0; texts--)
            while (bytes.ReadByte() > 0) { }
        for (var left = (flags & 2) != 0 ? 2 : 0; left > 0; left--)
            bytes.ReadByte();
        return true;
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
                $"'{path}', unpacked offset {unpacked.Position}: the content ends, expected {size} bytes; the file is cut; fetch it again."
            );
        return ~crc;
    }

    /// <summary>A stream that gives one byte at a time: who unpacks from it takes no byte more than it needs.</summary>
    private sealed class SingleBytes(Stream inner) : ForwardStream
    {
        public override int Read(Span<byte> buffer) => inner.Read(buffer[..Math.Min(1, buffer.Length)]);
    }
}
