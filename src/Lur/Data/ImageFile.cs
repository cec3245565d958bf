using System.Buffers.Binary;
using StbImageSharp;

namespace Lur.Data;

/// <summary>What the head of an image file says.</summary>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
/// <param name="IsGrey">True if every pixel is grey by its format (not by its content).</param>
internal readonly record struct ImageInfo(int Width, int Height, bool IsGrey);

/// <summary>
/// PNG and JPEG files. <see cref="Probe"/> reads head and tail only and finds files that are no image or are cut;
/// <see cref="Decode"/> gives pixels. Alpha is blended over white, 16-bit channels are cut to 8, EXIF orientation is not
/// applied.
/// </summary>
internal static class ImageFile
{
    /// <summary>Larger images are refused: a few bytes of header can ask for terabytes.</summary>
    private const long MaxPixels = 1L << 27;

    // Cameras append data of their own behind the end marker; it is looked for in this many last bytes.
    private const int TailBytes = 1 << 16;

    private static ReadOnlySpan<byte> PngSignature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>Size and colour of an image.</summary>
    /// <exception cref="UserErrorException">Not a PNG or JPEG file, cut, or too large.</exception>
    public static ImageInfo Probe(string path)
    {
        using var file = MappedFile.Open(path, "image");
        var png = file.Length >= 8 && file.Slice(0, 8).SequenceEqual(PngSignature);
        if (!png && !(file.Length >= 3 && file[0] == 0xFF && file[1] == 0xD8 && file[2] == 0xFF))
            throw new UserErrorException($"'{path}', offset 0: expected the signature of a PNG or JPEG image; remove or convert the file.");
        var info = png ? ProbePng(path, file) : ProbeJpeg(path, file);
        if (info.Width <= 0 || info.Height <= 0 || (long)info.Width * info.Height > MaxPixels)
            throw new UserErrorException($"'{path}': the image is {info.Width} x {info.Height}, expected 1 to {MaxPixels} pixels.");
        var tail = (int)Math.Min(TailBytes, file.Length);
        var end = png ? "IEND"u8 : [0xFF, 0xD9];
        if (file.Slice(file.Length - tail, tail).LastIndexOf(end) < 0)
            throw new UserErrorException(
                $"'{path}', offset {file.Length}: expected the end marker of a {(png ? "PNG" : "JPEG")} image; the file is cut."
            );
        return info;
    }

    /// <summary>Pixels of an image: rows of columns of channels.</summary>
    /// <param name="path">The file.</param>
    /// <param name="channels">1 for grey, 3 for colour.</param>
    /// <param name="info">Its size.</param>
    /// <exception cref="UserErrorException">The content is damaged.</exception>
    public static byte[] Decode(string path, int channels, out ImageInfo info)
    {
        info = Probe(path);
        byte[] bytes;
        using (var file = MappedFile.Open(path, "image"))
            bytes = file.Slice(0, checked((int)file.Length)).ToArray();
        if (bytes.AsSpan().StartsWith(PngSignature))
            CheckPngChunks(path, bytes);
        ImageResult image;
        try
        {
            image = ImageResult.FromMemory(bytes, channels == 1 ? ColorComponents.GreyAlpha : ColorComponents.RedGreenBlueAlpha);
        }
        catch (Exception e)
        {
            // The decoder has no exception type of its own: what damage provokes ranges from bad code lengths to index errors.
            throw new UserErrorException($"'{path}': the image cannot be decoded ({e.Message.TrimEnd('.')}); the file is damaged.", e);
        }
        if (image.Width != info.Width || image.Height != info.Height)
            throw new UserErrorException(
                $"'{path}': {image.Width} x {image.Height} pixels decoded, expected {info.Width} x {info.Height}."
            );
        return BlendOverWhite(image.Data, channels);
    }

    private static byte[] BlendOverWhite(byte[] data, int channels)
    {
        var pixels = new byte[data.Length / (channels + 1) * channels];
        for (int s = 0, d = 0; s < data.Length; s += channels + 1, d += channels)
        {
            int alpha = data[s + channels];
            for (var c = 0; c < channels; c++)
                pixels[d + c] = (byte)((data[s + c] * alpha + 255 * (255 - alpha) + 127) / 255);
        }
        return pixels;
    }

    private static ImageInfo ProbePng(string path, MappedFile file)
    {
        if (file.Length < 33 || !file.Slice(12, 4).SequenceEqual("IHDR"u8))
            throw new UserErrorException($"'{path}', offset 12: expected the IHDR chunk of a PNG image; the file is cut or damaged.");
        var head = file.Slice(16, 10);
        uint width = BinaryPrimitives.ReadUInt32BigEndian(head),
            height = BinaryPrimitives.ReadUInt32BigEndian(head[4..]);
        // Colour types: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha (PNG specification, 11.2.2).
        return new ImageInfo((int)Math.Min(width, int.MaxValue), (int)Math.Min(height, int.MaxValue), head[9] is 0 or 4);
    }

    // Walks the marker segments to the frame header SOFn (ITU T.81, B.2.2).
    private static ImageInfo ProbeJpeg(string path, MappedFile file)
    {
        long offset = 2;
        while (offset + 4 <= file.Length)
        {
            if (file[offset] != 0xFF)
                break;
            var marker = file[offset + 1];
            if (marker == 0xFF)
            {
                offset++;
                continue;
            }
            int length = BinaryPrimitives.ReadUInt16BigEndian(file.Slice(offset + 2, 2));
            var frame = marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC);
            if (frame && offset + 10 <= file.Length)
            {
                var body = file.Slice(offset + 5, 5);
                return new ImageInfo(
                    BinaryPrimitives.ReadUInt16BigEndian(body[2..]),
                    BinaryPrimitives.ReadUInt16BigEndian(body),
                    body[4] == 1
                );
            }
            if (frame || length < 2)
                break;
            offset += 2 + length;
        }
        throw new UserErrorException($"'{path}', offset {offset}: expected a frame header of a JPEG image; the file is cut or damaged.");
    }

    // The decoder ignores checksums; without them a flipped bit becomes a wrong picture in the training set.
    private static void CheckPngChunks(string path, ReadOnlySpan<byte> bytes)
    {
        for (var offset = 8; ; )
        {
            if (bytes.Length - offset < 12)
                throw new UserErrorException($"'{path}', offset {offset}: expected a PNG chunk; the file is cut.");
            var length = BinaryPrimitives.ReadUInt32BigEndian(bytes[offset..]);
            if (length > bytes.Length - offset - 12)
                throw new UserErrorException(
                    $"'{path}', offset {offset}: a PNG chunk of {length} bytes goes past the end of the file; it is cut or damaged."
                );
            var chunk = bytes.Slice(offset + 4, (int)length + 4);
            var stored = BinaryPrimitives.ReadUInt32BigEndian(bytes[(offset + 8 + (int)length)..]);
            if (Crc32.Of(chunk) != stored)
                throw new UserErrorException(
                    $"'{path}', offset {offset}: the checksum of a PNG chunk does not match; the file is damaged."
                );
            if (chunk.StartsWith("IEND"u8))
                return;
            offset += 12 + (int)length;
        }
    }
}

/// <summary>The CRC of PNG and gzip: polynomial 0xEDB88320, reflected (PNG specification, annex D).</summary>
internal static class Crc32
{
    private static readonly uint[] s_table = BuildTable();

    public static uint Of(ReadOnlySpan<byte> bytes) => ~Update(~0u, bytes);

    /// <summary>Continues; start with all ones and complement the end.</summary>
    public static uint Update(uint crc, ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes)
            crc = s_table[(byte)(crc ^ b)] ^ (crc >> 8);
        return crc;
    }

    private static uint[] BuildTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < table.Length; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++)
                value = (value & 1) != 0 ? 0xEDB88320u ^ (value >> 1) : value >> 1;
            table[i] = value;
        }
        return table;
    }
}
