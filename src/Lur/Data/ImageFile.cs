namespace Lur.Data;

/// <summary>What the head of an image file says.</summary>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
/// <param name="IsGrey">True if every pixel is grey by its format (not by its content).</param>
/// <param name="IsDeep">True for 16 bits a sample.</param>
/// <param name="IsUnmarkedCmyk">True for a JPEG of four components without Adobe's marker.</param>
internal readonly record struct ImageInfo(int Width, int Height, bool IsGrey, bool IsDeep = false, bool IsUnmarkedCmyk = false);

/// <summary>
/// PNG and JPEG files. <see cref="Probe"/> reads the head and finds sizes that cannot be; <see cref="Read"/> decodes to the last row
/// and scales, with memory that follows the target. Alpha is blended over white, 16-bit samples are scaled with all their bits and
/// rounded to 8 at the end, EXIF orientation is not applied.
/// </summary>
internal static class ImageFile
{
    /// <summary>Larger images are refused: a few bytes of header can ask for terabytes.</summary>
    private const long MaxPixels = 1L << 27;

    /// <summary>What to do about a picture that is cut or damaged, for the end of a sentence.</summary>
    public const string Remedy = "fetch it again, or remove it";

    // The largest side of a JPEG image; rows are held whole.
    private const int MaxSide = 65535;

    // JPEG is held whole while it is decoded.
    private const long MaxJpegBytes = 1L << 28;

    // JPEG images of more pixels are reduced while they are decoded, and decoded one at a time.
    private const long LargePixels = 1L << 24;

    private static readonly Lock s_large = new();

    /// <summary>First bytes of a PNG file.</summary>
    public static ReadOnlySpan<byte> PngSignature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>First bytes of a JPEG file.</summary>
    public static ReadOnlySpan<byte> JpegSignature => [0xFF, 0xD8, 0xFF];

    /// <summary>Size and colour of an image.</summary>
    /// <exception cref="UserErrorException">Not a PNG or JPEG file, too large, or of a size that its bytes cannot hold.</exception>
    public static ImageInfo Probe(string path)
    {
        using var file = MappedFile.Open(path, "image");
        return Inspect(path, file);
    }

    /// <summary>Decodes an image and scales it (see <see cref="ImageResize"/>).</summary>
    /// <param name="path">The file.</param>
    /// <param name="channels">1 for grey, 3 for colour.</param>
    /// <param name="width">Columns of the target.</param>
    /// <param name="height">Rows of the target.</param>
    /// <param name="chw">Channels * height * width bytes.</param>
    /// <returns>Largest sample of an image of 16 bits; 0 for others.</returns>
    /// <exception cref="UserErrorException">The content is damaged or cut.</exception>
    public static int Read(string path, int channels, int width, int height, Span<byte> chw)
    {
        using var file = MappedFile.Open(path, "image");
        var png = IsPng(file) ? HeaderOfPng(path, file) : null;
        var jpeg = png is null ? HeaderOfJpeg(path, file) : null;
        if ((png is null ? (long)jpeg!.Width * jpeg.Height : (long)png.Width * png.Height) <= LargePixels)
            return Decode(chw);
        lock (s_large)
            return Decode(chw);

        int Decode(Span<byte> target)
        {
            if (png is not null)
                return ReadPng(path, file, png, channels, width, height, target);
            ReadJpeg(path, file, jpeg!, channels, width, height, target);
            return 0;
        }
    }

    private static int ReadPng(string path, MappedFile file, PngHeader header, int channels, int width, int height, Span<byte> chw)
    {
        var resize = new ImageResize(header.Width, header.Height, channels, width, height);
        var png = new PngDecoder(path, file, header, channels);
        png.Decode(resize.Add);
        resize.Finish(chw);
        return png.Largest16;
    }

    private static void ReadJpeg(string path, MappedFile file, JpegHeader header, int channels, int width, int height, Span<byte> chw)
    {
        var bytes = file.Slice(0, (int)file.Length).ToArray();
        var planes = new JpegDecoder(path, bytes, header, ReductionFor(header, width, height)).Decode();
        var rows = new JpegRows(header, planes);
        var resize = new ImageResize(rows.Width, rows.Height, channels, width, height);
        rows.Send(channels, resize.Add);
        resize.Finish(chw);
    }

    // The largest that leaves two pixels for each of the target.
    private static int ReductionFor(JpegHeader header, int width, int height)
    {
        if ((long)header.Width * header.Height <= LargePixels)
            return 1;
        var scale = Math.Min(header.Width / width, header.Height / height);
        return scale >= 16 ? 8
            : scale >= 8 ? 4
            : scale >= 4 ? 2
            : 1;
    }

    private static bool IsPng(MappedFile file) => file.Length >= 8 && file.Slice(0, 8).SequenceEqual(PngSignature);

    private static ImageInfo Inspect(string path, MappedFile file)
    {
        if (!IsPng(file))
        {
            var jpeg = HeaderOfJpeg(path, file);
            return new ImageInfo(jpeg.Width, jpeg.Height, jpeg.Colour == JpegColour.Grey, IsUnmarkedCmyk: jpeg.IsUnmarkedCmyk);
        }

        var png = HeaderOfPng(path, file);
        new PngChunks(path, file, verify: false).RequireRoom(png);
        return new ImageInfo(png.Width, png.Height, png.IsGrey, IsDeep: png.Depth == 16);
    }

    private static JpegHeader HeaderOfJpeg(string path, MappedFile file)
    {
        if (file.Length < 3 || !file.Slice(0, 3).SequenceEqual(JpegSignature))
            throw new UserErrorException(
                $"'{path}', offset 0: expected the signature of a PNG or JPEG image{(file.Length == 0 ? ", but the file is empty" : "")}; "
                    + "remove or convert the file."
            );
        if (file.Length > MaxJpegBytes)
            throw new UserErrorException(
                $"'{path}': the JPEG file has {file.Length} bytes, expected at most {MaxJpegBytes}; save it smaller, or remove it."
            );
        var header = JpegHeader.Read(path, file);
        RequireSize(path, header.Width, header.Height);
        return header;
    }

    private static PngHeader HeaderOfPng(string path, MappedFile file)
    {
        var header = PngHeader.Read(path, file);
        RequireSize(path, header.Width, header.Height);
        return header;
    }

    private static void RequireSize(string path, int width, int height)
    {
        if (width <= 0 || height <= 0 || (long)width * height > MaxPixels || Math.Max(width, height) > MaxSide)
            throw new UserErrorException(
                $"'{path}': the image is {width} x {height}, expected 1 to {MaxPixels} pixels and at most {MaxSide} a side; scale or "
                    + "remove it."
            );
    }
}
