namespace Lur.Reports;

/// <summary>Work on the numbers of a line before it is drawn.</summary>
internal static class Series
{
    /// <summary>Keeps the smallest and the largest value of each bin, in their order: a drawing of the result covers the same
    /// heights as one of the whole, and peaks survive.</summary>
    /// <param name="x">Abscissas, ascending.</param>
    /// <param name="y">Values; a bin without a finite one becomes a gap.</param>
    /// <param name="bins">Number of bins; a series of at most twice as many points is left as it is.</param>
    public static (double[] X, double[] Y) Thin(double[] x, double[] y, int bins)
    {
        if (y.Length <= 2 * bins)
            return (x, y);
        List<double> thinX = [],
            thinY = [];
        for (var b = 0; b < bins; b++)
        {
            int start = (int)((long)b * y.Length / bins),
                end = (int)((long)(b + 1) * y.Length / bins);
            int low = -1,
                high = -1;
            for (var i = start; i < end; i++)
            {
                if (!double.IsFinite(y[i]))
                    continue;
                if (low < 0 || y[i] < y[low])
                    low = i;
                if (high < 0 || y[i] > y[high])
                    high = i;
            }

            int[] kept =
                low < 0 ? [start]
                : low == high ? [low]
                : [Math.Min(low, high), Math.Max(low, high)];
            thinX.AddRange(kept.Select(i => x[i]));
            thinY.AddRange(kept.Select(i => low < 0 ? double.NaN : y[i]));
        }

        return ([.. thinX], [.. thinY]);
    }

    /// <summary>Mean of the finite values within <paramref name="half"/> places on either side; NaN where there is none.</summary>
    public static double[] Smooth(double[] y, int half)
    {
        var (sums, counts) = (new double[y.Length + 1], new int[y.Length + 1]);
        for (var i = 0; i < y.Length; i++)
            (sums[i + 1], counts[i + 1]) = double.IsFinite(y[i]) ? (sums[i] + y[i], counts[i] + 1) : (sums[i], counts[i]);
        var result = new double[y.Length];
        for (var i = 0; i < y.Length; i++)
        {
            int start = Math.Max(0, i - half),
                end = Math.Min(y.Length, i + half + 1);
            result[i] = double.IsFinite(y[i]) ? (sums[end] - sums[start]) / (counts[end] - counts[start]) : double.NaN;
        }

        return result;
    }

    /// <summary>Share of the values in each of equal bins of [0, 1], in percent of the finite ones.</summary>
    public static double[] Histogram(IEnumerable<double> values, int bins)
    {
        var counts = new double[bins];
        var total = 0;
        foreach (var v in values.Where(double.IsFinite))
        {
            counts[Math.Clamp((int)(v * bins), 0, bins - 1)]++;
            total++;
        }

        return [.. counts.Select(c => total == 0 ? double.NaN : 100 * c / total)];
    }
}
