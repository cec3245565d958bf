namespace Lur.Data;

/// <summary>Takes the rows of an image from top to bottom: samples of 0 to 65535, channel after channel within a pixel.</summary>
/// <param name="y">Row, from 0.</param>
/// <param name="samples">Width * channels samples; valid during the call.</param>
internal delegate void RowSink(int y, ReadOnlySpan<ushort> samples);

/// <summary>
/// Decodes PNG images of every colour type and depth (PNG specification, third edition) row by row: memory follows the width and not
/// the size of the image, except for interlaced ones. Samples keep 16 bits; alpha is blended over white.
/// </summary>
internal sealed class PngDecoder
{
    // An interlaced image is held whole.
    private const long MaxInterlaced = 1L << 24;

    private readonly string _path;
    private readonly PngHeader _header;
    private readonly PngChunks _chunks;
    private readonly PngPixels _pixels;
    private readonly int _channels;

    /// <summary>Checks the structure of a file; <see cref="Decode"/> reads its pixels.</summary>
    /// <param name="path">The file, for sentences.</param>
    /// <param name="file">Its bytes.</param>
    /// <param name="header">Its header.</param>
    /// <param name="channels">1 for grey, 3 for colour.</param>
    public PngDecoder(string path, MappedFile file, PngHeader header, int channels)
    {
        (_path, _header, _channels) = (path, header, channels);
        _chunks = new PngChunks(path, file, verify: true);
        _chunks.RequireRoom(_header);
        _pixels = new PngPixels(path, _header, _chunks, channels);
    }

    /// <summary>Largest sample of an image of 16 bits after <see cref="Decode"/>; 0 for one of 8 or fewer.</summary>
    public int Largest16 => _pixels.Largest16;

    /// <summary>Decodes to the last row.</summary>
    /// <exception cref="UserErrorException">The pixels are damaged, or end before the last row.</exception>
    public void Decode(RowSink sink)
    {
        using var stream = _chunks.OpenPixels();
        try
        {
            if (_header.Interlaced)
                DecodeInterlaced(stream, sink);
            else
            {
                var row = new ushort[_header.Width * _channels];
                Pass(stream, _header.Width, _header.Height, row, y => sink(y, row));
            }
            // The stream compares its checksum where it is read to its end.
            stream.ReadByte();
        }
        // A dictionary that the stream asks for, for example, is an IOException.
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            throw new UserErrorException($"'{_path}': the compressed pixels are damaged; {ImageFile.Remedy}.", e);
        }
    }

    private void Pass(Stream stream, int width, int height, ushort[] row, Action<int> done)
    {
        var bytes = checked((int)_header.RowBytes(width));
        var distance = Math.Max(1, _header.Channels * _header.Depth / 8);
        byte[] current = new byte[bytes + 1],
            above = new byte[bytes + 1];
        for (var y = 0; y < height; y++)
        {
            if (stream.ReadAtLeast(current, bytes + 1, throwOnEndOfStream: false) < bytes + 1)
                throw new UserErrorException(
                    $"'{_path}': the pixels end in row {y} of {height}; the file is cut or damaged; {ImageFile.Remedy}."
                );
            Unfilter(current, above, distance, y);
            _pixels.Convert(current.AsSpan(1), width, row);
            done(y);
            (current, above) = (above, current);
        }
    }

    // Filter types of the PNG specification, 9.2.
    private void Unfilter(byte[] row, byte[] above, int distance, int y)
    {
        int kind = row[0];
        if (kind > 4)
            throw new UserErrorException(
                $"'{_path}': row {y} has the filter {kind}, expected 0 to 4; the file is damaged; {ImageFile.Remedy}."
            );
        for (var i = 1; i < row.Length && kind != 0; i++)
        {
            int left = i > distance ? row[i - distance] : 0,
                up = above[i],
                corner = i > distance ? above[i - distance] : 0;
            row[i] += (byte)(
                kind switch
                {
                    1 => left,
                    2 => up,
                    3 => (left + up) / 2,
                    _ => Paeth(left, up, corner),
                }
            );
        }
    }

    private static int Paeth(int left, int up, int corner)
    {
        int toLeft = Math.Abs(up - corner),
            toUp = Math.Abs(left - corner),
            toCorner = Math.Abs(left + up - 2 * corner);
        return toLeft <= toUp && toLeft <= toCorner ? left
            : toUp <= toCorner ? up
            : corner;
    }

    // Adam7, 8.2: first column and row of each pass, and their steps.
    private void DecodeInterlaced(Stream stream, RowSink sink)
    {
        int width = _header.Width,
            height = _header.Height;
        if ((long)width * height > MaxInterlaced)
            throw new UserErrorException(
                $"'{_path}': the interlaced image is {width} x {height}, expected at most {MaxInterlaced} pixels; save it without "
                    + "interlacing."
            );
        (int X, int Y, int StepX, int StepY)[] passes =
        [
            (0, 0, 8, 8),
            (4, 0, 8, 8),
            (0, 4, 4, 8),
            (2, 0, 4, 4),
            (0, 2, 2, 4),
            (1, 0, 2, 2),
            (0, 1, 1, 2),
        ];
        var whole = new ushort[width * height * _channels];
        foreach (var (x0, y0, stepX, stepY) in passes)
        {
            int columns = (width - x0 + stepX - 1) / stepX,
                rows = (height - y0 + stepY - 1) / stepY;
            if (columns <= 0 || rows <= 0)
                continue;
            var row = new ushort[columns * _channels];
            Pass(
                stream,
                columns,
                rows,
                row,
                y =>
                {
                    for (var x = 0; x < columns; x++)
                        row.AsSpan(x * _channels, _channels).CopyTo(whole.AsSpan(((y0 + y * stepY) * width + x0 + x * stepX) * _channels));
                }
            );
        }
        for (var y = 0; y < height; y++)
            sink(y, whole.AsSpan(y * width * _channels, width * _channels));
    }
}
