namespace Lur.Data;

/// <summary>
/// Scales an image to a size: the largest centred part with the target's aspect ratio is resampled with a triangle
/// filter whose radius is one target pixel when reducing (an area-weighted mean, no aliasing) and one source pixel when
/// enlarging (bilinear). The same filter as Pillow's BILINEAR; an image of the target size comes back unchanged. Rows are
/// taken as they are decoded: memory follows the target, however large the source is.
/// </summary>
internal sealed class ImageResize
{
    private readonly int _channels,
        _width,
        _height;
    private readonly Taps _columns,
        _rows;
    private readonly float[] _source,
        _narrow,
        _sums;
    private int _firstOpen;

    /// <summary>Begins an image.</summary>
    public ImageResize(int sourceWidth, int sourceHeight, int channels, int width, int height)
    {
        (_channels, _width, _height) = (channels, width, height);
        var scale = Math.Min((double)sourceWidth / width, (double)sourceHeight / height);
        (_columns, _rows) = (Taps.For(sourceWidth, width, scale), Taps.For(sourceHeight, height, scale));
        _source = new float[sourceWidth * channels];
        _narrow = new float[width * channels];
        _sums = new float[height * width * channels];
    }

    /// <summary>Takes the next row; rows come from top to bottom.</summary>
    /// <param name="y">Row of the source.</param>
    /// <param name="samples">Samples of 0 to 65535.</param>
    public void Add(int y, ReadOnlySpan<ushort> samples)
    {
        while (_firstOpen < _height && y >= _rows.First[_firstOpen] + _rows.Count[_firstOpen])
            _firstOpen++;
        if (_firstOpen == _height || y < _rows.First[_firstOpen])
            return;
        // In 8-bit levels, which are exact for an image of 8 bits: 257 k / 257 = k.
        for (var i = 0; i < samples.Length; i++)
            _source[i] = samples[i] / 257f;
        Narrow();
        for (var o = _firstOpen; o < _height && y >= _rows.First[o]; o++)
        {
            if (y >= _rows.First[o] + _rows.Count[o])
                continue;
            var weight = _rows.Weight[o * _rows.Stride + y - _rows.First[o]];
            var sums = _sums.AsSpan(o * _narrow.Length, _narrow.Length);
            for (var i = 0; i < sums.Length; i++)
                sums[i] += weight * _narrow[i];
        }
    }

    /// <summary>The scaled image as planes [channels, height, width].</summary>
    public void Finish(Span<byte> chw)
    {
        for (var y = 0; y < _height; y++)
        for (var x = 0; x < _width; x++)
        for (var c = 0; c < _channels; c++)
            chw[(c * _height + y) * _width + x] = (byte)Math.Clamp(MathF.Floor(_sums[(y * _width + x) * _channels + c] + 0.5f), 0, 255);
    }

    private void Narrow()
    {
        for (var x = 0; x < _width; x++)
        for (var c = 0; c < _channels; c++)
        {
            float sum = 0;
            for (var t = 0; t < _columns.Count[x]; t++)
                sum += _columns.Weight[x * _columns.Stride + t] * _source[(_columns.First[x] + t) * _channels + c];
            _narrow[x * _channels + c] = sum;
        }
    }

    /// <summary>For each target position the source positions and weights that make it up; the positions ascend.</summary>
    private sealed record Taps(int[] First, int[] Count, float[] Weight, int Stride)
    {
        public static Taps For(int sourceSize, int size, double scale)
        {
            double radius = Math.Max(1, scale),
                start = (sourceSize - size * scale) / 2;
            var stride = (int)Math.Ceiling(radius) * 2 + 1;
            int[] first = new int[size],
                count = new int[size];
            var weight = new float[size * stride];
            for (var o = 0; o < size; o++)
            {
                double centre = start + (o + 0.5) * scale,
                    sum = 0;
                var low = Math.Max(0, (int)Math.Floor(centre - radius + 0.5));
                var high = Math.Min(sourceSize, (int)Math.Floor(centre + radius + 0.5));
                (first[o], count[o]) = (low, high - low);
                for (var i = low; i < high; i++)
                    sum += Triangle(i + 0.5 - centre, radius);
                for (var i = low; i < high; i++)
                    weight[o * stride + i - low] = (float)(Triangle(i + 0.5 - centre, radius) / sum);
            }
            return new Taps(first, count, weight, stride);
        }

        private static double Triangle(double distance, double radius) => Math.Max(0, 1 - Math.Abs(distance) / radius);
    }
}
