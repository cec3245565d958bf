namespace Lur.Checkpoints;

/// <summary>
/// Permutations between the layouts of files (NCHW activations, OIHW filters: channels slow) and of the kernels (NHWC
/// activations, KRSC filters: channels fast; K = output channels, R, S = filter rows and columns, C = input channels).
/// Each pair is an exact inverse: elements move, none is changed.
/// </summary>
public static class MemoryLayout
{
    /// <summary>[N, C, H, W] to [N, H, W, C].</summary>
    /// <param name="source">n * c * h * w elements.</param>
    /// <param name="destination">As many; must not overlap the source.</param>
    /// <param name="n">Images, or filters.</param>
    /// <param name="c">Channels.</param>
    /// <param name="h">Rows.</param>
    /// <param name="w">Columns.</param>
    /// <exception cref="ArgumentException">A length differs from n * c * h * w.</exception>
    public static void NchwToNhwc<T>(ReadOnlySpan<T> source, Span<T> destination, int n, int c, int h, int w)
        where T : unmanaged
    {
        var plane = Check(source.Length, destination.Length, n, c, h, w);
        for (var i = 0; i < n; i++)
            Transpose(source.Slice(i * c * plane, c * plane), destination.Slice(i * c * plane, c * plane), c, plane);
    }

    /// <summary>[N, H, W, C] to [N, C, H, W]: the inverse of <see cref="NchwToNhwc"/>.</summary>
    /// <inheritdoc cref="NchwToNhwc"/>
    public static void NhwcToNchw<T>(ReadOnlySpan<T> source, Span<T> destination, int n, int c, int h, int w)
        where T : unmanaged
    {
        var plane = Check(source.Length, destination.Length, n, c, h, w);
        for (var i = 0; i < n; i++)
            Transpose(source.Slice(i * c * plane, c * plane), destination.Slice(i * c * plane, c * plane), plane, c);
    }

    /// <summary>A filter from [O, I, H, W] (torch) to [K, R, S, C] (kernels).</summary>
    /// <param name="source">o * i * h * w elements.</param>
    /// <param name="destination">As many; must not overlap the source.</param>
    /// <param name="o">Output channels (K).</param>
    /// <param name="i">Input channels (C).</param>
    /// <param name="h">Filter rows (R).</param>
    /// <param name="w">Filter columns (S).</param>
    /// <exception cref="ArgumentException">A length differs from o * i * h * w.</exception>
    public static void OihwToKrsc<T>(ReadOnlySpan<T> source, Span<T> destination, int o, int i, int h, int w)
        where T : unmanaged => NchwToNhwc(source, destination, o, i, h, w);

    /// <summary>A filter from [K, R, S, C] (kernels) to [O, I, H, W] (torch): the inverse of <see cref="OihwToKrsc"/>.</summary>
    /// <inheritdoc cref="OihwToKrsc"/>
    public static void KrscToOihw<T>(ReadOnlySpan<T> source, Span<T> destination, int o, int i, int h, int w)
        where T : unmanaged => NhwcToNchw(source, destination, o, i, h, w);

    private static int Check(int source, int destination, int n, int c, int h, int w)
    {
        int plane = checked(h * w),
            count = checked(n * c * plane);
        if (source != count || destination != count)
            throw new ArgumentException(
                $"Expected {count} elements for {n} x {c} x {h} x {w}, but the source has {source} and the destination {destination}."
            );
        return plane;
    }

    // [rows, columns] to [columns, rows].
    private static void Transpose<T>(ReadOnlySpan<T> source, Span<T> destination, int rows, int columns)
    {
        for (var r = 0; r < rows; r++)
        {
            var row = source.Slice(r * columns, columns);
            for (int q = 0, d = r; q < row.Length; q++, d += rows)
                destination[d] = row[q];
        }
    }
}
