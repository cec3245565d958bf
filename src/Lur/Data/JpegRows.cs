namespace Lur.Data;

/// <summary>Rows of a decoded JPEG image: components brought to one size and turned into colours.</summary>
/// <remarks>Where a component has half the columns or rows, values between are interpolated with weights 3/4 and 1/4, as libjpeg does;
/// other factors repeat the nearest.</remarks>
internal sealed class JpegRows
{
    private readonly IReadOnlyList<JpegPlane> _planes;
    private readonly JpegColour _colour;
    private readonly byte[][] _rows;
    private readonly int[] _mixed;

    public JpegRows(JpegHeader header, IReadOnlyList<JpegPlane> planes)
    {
        (_planes, _colour) = (planes, header.Colour);
        var reduction = planes[0].Reduction;
        (Width, Height) = ((header.Width + reduction - 1) / reduction, (header.Height + reduction - 1) / reduction);
        _rows = [.. planes.Select(_ => new byte[Width])];
        _mixed = new int[planes.Max(p => p.Width)];
    }

    /// <summary>Columns after the reduction.</summary>
    public int Width { get; }

    /// <summary>Rows after the reduction.</summary>
    public int Height { get; }

    /// <summary>Gives every row.</summary>
    /// <param name="channels">1 for grey, 3 for colour.</param>
    /// <param name="sink">Takes them.</param>
    public void Send(int channels, RowSink sink)
    {
        var samples = new ushort[Width * channels];
        Span<int> pixel = stackalloc int[3];
        for (var y = 0; y < Height; y++)
        {
            for (var c = 0; c < _planes.Count; c++)
                Spread(_planes[c], y, _rows[c]);
            for (var x = 0; x < Width; x++)
            {
                Colour(x, pixel);
                if (channels == 3)
                    for (var c = 0; c < 3; c++)
                        samples[3 * x + c] = (ushort)(257 * pixel[c]);
                else
                    samples[x] = (ushort)(257 * (_colour == JpegColour.Grey ? pixel[0] : PngPixels.Luma(pixel[0], pixel[1], pixel[2])));
            }
            sink(y, samples);
        }
    }

    private void Spread(JpegPlane plane, int y, byte[] row)
    {
        var (across, down) = (plane.Across, plane.Down);
        var halfDown = down == 2;
        var near = Math.Min((int)(y / down), plane.Height - 1);
        var other = halfDown ? Math.Clamp(y % 2 == 1 ? near + 1 : near - 1, 0, plane.Height - 1) : near;
        var weight = halfDown ? 4 : 1;
        ReadOnlySpan<byte> first = plane.Samples.AsSpan(near * plane.Stride, plane.Width),
            second = plane.Samples.AsSpan(other * plane.Stride, plane.Width);
        for (var x = 0; x < plane.Width; x++)
            _mixed[x] = halfDown ? 3 * first[x] + second[x] : first[x];
        if (across != 2)
        {
            for (var x = 0; x < Width; x++)
                row[x] = (byte)((_mixed[Math.Min((int)(x / across), plane.Width - 1)] + weight / 2) / weight);
            return;
        }
        for (var x = 0; x < Width; x++)
        {
            var at = Math.Min(x / 2, plane.Width - 1);
            var beside = Math.Clamp(x % 2 == 1 ? at + 1 : at - 1, 0, plane.Width - 1);
            row[x] = (byte)((3 * _mixed[at] + _mixed[beside] + 2 * weight) / (4 * weight));
        }
    }

    private void Colour(int x, Span<int> pixel)
    {
        var black = _planes.Count == 4 ? _rows[3][x] : 255;
        switch (_colour)
        {
            case JpegColour.Grey:
                pixel[0] = pixel[1] = pixel[2] = _rows[0][x];
                return;
            case JpegColour.Rgb or JpegColour.Cmyk:
                for (var c = 0; c < 3; c++)
                    pixel[c] = Times(_rows[c][x], black);
                return;
            default:
                Convert(_rows[0][x], _rows[1][x] - 128, _rows[2][x] - 128, pixel);
                // The first three inks of YCCK are 255 minus the colour; inverted inks times inverted black is light.
                for (var c = 0; c < 3 && _colour == JpegColour.Ycck; c++)
                    pixel[c] = Times(255 - pixel[c], black);
                return;
        }
    }

    private static int Times(int value, int black) => (value * black + 127) / 255;

    // JFIF 1.02: R = Y + 1.402 Cr, G = Y - 0.344136 Cb - 0.714136 Cr, B = Y + 1.772 Cb; sixteen bits of fraction.
    private static void Convert(int y, int cb, int cr, Span<int> pixel)
    {
        pixel[0] = Math.Clamp(y + ((91881 * cr + 32768) >> 16), 0, 255);
        pixel[1] = Math.Clamp(y + ((-22554 * cb - 46802 * cr + 32768) >> 16), 0, 255);
        pixel[2] = Math.Clamp(y + ((116130 * cb + 32768) >> 16), 0, 255);
    }
}
