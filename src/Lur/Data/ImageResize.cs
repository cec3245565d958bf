namespace Lur.Data;

/// <summary>
/// Scales an image to a size: the largest centred part with the target's aspect ratio is resampled with a triangle
/// filter whose radius is one target pixel when reducing (an area-weighted mean, no aliasing) and one source pixel when
/// enlarging (bilinear). The same filter as Pillow's BILINEAR; an image of the target size comes back unchanged.
/// </summary>
internal static class ImageResize
{
    /// <summary>Resamples [sourceHeight, sourceWidth, channels] to planes [channels, height, width].</summary>
    public static void Cover(
        ReadOnlySpan<byte> source,
        int sourceWidth,
        int sourceHeight,
        int channels,
        Span<byte> chw,
        int width,
        int height
    )
    {
        var scale = Math.Min((double)sourceWidth / width, (double)sourceHeight / height);
        Taps columns = Taps.For(sourceWidth, width, scale),
            rows = Taps.For(sourceHeight, height, scale);
        // Columns first, only for the source rows that any target row needs.
        int firstRow = rows.First[0],
            lastRow = rows.First[^1] + rows.Count[^1];
        var narrow = new float[(lastRow - firstRow) * width * channels];
        for (var y = firstRow; y < lastRow; y++)
        for (var x = 0; x < width; x++)
        for (var c = 0; c < channels; c++)
        {
            float sum = 0;
            for (var t = 0; t < columns.Count[x]; t++)
                sum += columns.Weight[x * columns.Stride + t] * source[((y * sourceWidth) + columns.First[x] + t) * channels + c];
            narrow[((y - firstRow) * width + x) * channels + c] = sum;
        }
        for (var y = 0; y < height; y++)
        for (var x = 0; x < width; x++)
        for (var c = 0; c < channels; c++)
        {
            float sum = 0;
            for (var t = 0; t < rows.Count[y]; t++)
                sum += rows.Weight[y * rows.Stride + t] * narrow[((rows.First[y] - firstRow + t) * width + x) * channels + c];
            chw[(c * height + y) * width + x] = (byte)Math.Clamp(MathF.Floor(sum + 0.5f), 0, 255);
        }
    }

    /// <summary>For each target position the source positions and weights that make it up.</summary>
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
