using System.Buffers.Binary;

namespace Lur.Data;

/// <summary>The IHDR chunk of a PNG image (PNG specification, 11.2.2), checked.</summary>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
/// <param name="Depth">Bits a sample: 1, 2, 4, 8 or 16.</param>
/// <param name="ColourType">0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha.</param>
/// <param name="Interlaced">True where the rows come in the seven passes of Adam7.</param>
internal sealed record PngHeader(int Width, int Height, int Depth, int ColourType, bool Interlaced)
{
    /// <summary>Samples a pixel in the file.</summary>
    public int Channels =>
        ColourType switch
        {
            2 => 3,
            4 => 2,
            6 => 4,
            _ => 1,
        };

    /// <summary>True if every pixel is grey by the format.</summary>
    public bool IsGrey => ColourType is 0 or 4;

    /// <summary>Bytes of a row of some pixels, without its filter byte.</summary>
    public long RowBytes(int width) => ((long)width * Channels * Depth + 7) / 8;

    /// <summary>Reads the header.</summary>
    /// <param name="path">The file, for sentences.</param>
    /// <param name="file">Its bytes; they begin with the signature.</param>
    /// <exception cref="UserErrorException">It is none, or of no kind that the specification has.</exception>
    public static PngHeader Read(string path, MappedFile file)
    {
        if (file.Length < 33 || !file.Slice(8, 8).SequenceEqual("\0\0\0\rIHDR"u8))
            throw new UserErrorException(
                $"'{path}', offset 12: expected the IHDR chunk of a PNG image; the file is cut or damaged; {ImageFile.Remedy}."
            );
        var head = file.Slice(16, 13);
        uint width = BinaryPrimitives.ReadUInt32BigEndian(head),
            height = BinaryPrimitives.ReadUInt32BigEndian(head[4..]);
        var header = new PngHeader(
            (int)Math.Min(width, int.MaxValue),
            (int)Math.Min(height, int.MaxValue),
            head[8],
            head[9],
            head[12] == 1
        );
        var known = (header.ColourType, header.Depth) switch
        {
            (0, 1 or 2 or 4 or 8 or 16) => true,
            (2 or 4 or 6, 8 or 16) => true,
            (3, 1 or 2 or 4 or 8) => true,
            _ => false,
        };
        if (!known || head[10] != 0 || head[11] != 0 || head[12] > 1)
            throw new UserErrorException(
                $"'{path}', offset 24: colour type {head[9]} with {head[8]} bits, compression {head[10]}, filter {head[11]} and "
                    + $"interlacing {head[12]} are no kind of PNG image; the file is damaged; {ImageFile.Remedy}."
            );
        return header;
    }
}
