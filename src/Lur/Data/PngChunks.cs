using System.Buffers.Binary;
using System.IO.Compression;

namespace Lur.Data;

/// <summary>The chunks of a PNG file: every checksum is checked, and the compressed pixels are read as one stream.</summary>
internal sealed class PngChunks
{
    private readonly string _path;
    private readonly MappedFile _file;
    private readonly List<(long Offset, int Length)> _data = [];

    /// <summary>Walks the file to its end marker.</summary>
    /// <param name="path">The file, for sentences.</param>
    /// <param name="file">Its bytes.</param>
    /// <param name="verify">True to compare checksums, which reads the whole file; false for chunk headers only.</param>
    /// <exception cref="UserErrorException">A chunk is cut or damaged, or there are no pixels or no end.</exception>
    public PngChunks(string path, MappedFile file, bool verify)
    {
        (_path, _file) = (path, file);
        for (long offset = 8; ; )
        {
            if (file.Length - offset < 12)
                throw new UserErrorException(
                    $"'{path}', offset {offset}: expected the end marker of a PNG image; the file is cut; {ImageFile.Remedy}."
                );
            var length = BinaryPrimitives.ReadUInt32BigEndian(file.Slice(offset, 4));
            if (length > file.Length - offset - 12 || length > int.MaxValue - 8)
                throw new UserErrorException(
                    $"'{path}', offset {offset}: a PNG chunk of {length} bytes goes past the end of the file; it is cut or "
                        + $"damaged; {ImageFile.Remedy}."
                );
            var chunk = file.Slice(offset + 4, (int)length + 4);
            if (verify && Crc32.Of(chunk) != BinaryPrimitives.ReadUInt32BigEndian(file.Slice(offset + 8 + length, 4)))
                throw new UserErrorException(
                    $"'{path}', offset {offset}: the checksum of a PNG chunk does not match; the file is damaged; {ImageFile.Remedy}."
                );
            if (chunk.StartsWith("IEND"u8))
                break;
            Note(chunk, offset + 8);
            offset += 12 + length;
        }
    }

    /// <summary>Red, green and blue of each palette entry; empty without a palette.</summary>
    public byte[] Palette { get; private set; } = [];

    /// <summary>Content of the tRNS chunk: alpha of palette entries, or the one colour that is transparent; empty without one.</summary>
    public byte[] Transparency { get; private set; } = [];

    /// <summary>Refuses a size that the compressed bytes cannot hold: a few bytes of header can ask for gigabytes.</summary>
    public void RequireRoom(PngHeader header)
    {
        var packed = _data.Sum(d => (long)d.Length);
        if ((header.RowBytes(header.Width) + 1) * header.Height / ForwardStream.MaxDeflateRatio > packed)
            throw new UserErrorException(
                $"'{_path}': its header promises {header.Width} x {header.Height} pixels, more than its {packed} compressed bytes can "
                    + $"hold; the file is cut or damaged; {ImageFile.Remedy}."
            );
    }

    /// <summary>The pixels, unpacked as they are read.</summary>
    public Stream OpenPixels() => new ZLibStream(new Segments(_file, _data), CompressionMode.Decompress);

    private void Note(ReadOnlySpan<byte> chunk, long content)
    {
        if (chunk.StartsWith("IDAT"u8))
            _data.Add((content, chunk.Length - 4));
        else if (chunk.StartsWith("PLTE"u8))
            Palette = chunk[4..].ToArray();
        else if (chunk.StartsWith("tRNS"u8))
            Transparency = chunk[4..].ToArray();
    }

    /// <summary>Parts of a file as one stream.</summary>
    private sealed class Segments(MappedFile file, List<(long Offset, int Length)> parts) : ForwardStream
    {
        private int _part,
            _done;

        public override int Read(Span<byte> buffer)
        {
            while (_part < parts.Count && _done == parts[_part].Length)
                (_part, _done) = (_part + 1, 0);
            if (_part == parts.Count)
                return 0;
            var count = Math.Min(buffer.Length, parts[_part].Length - _done);
            file.Slice(parts[_part].Offset + _done, count).CopyTo(buffer);
            _done += count;
            return count;
        }
    }
}
