using Lur.Tensors;

namespace Lur.Metrics.Generation;

/// <summary>Kernel distance: the squared maximum mean discrepancy of two sets of features, by its unbiased estimate with the kernel
/// (x y / d + 1)^3, over random subsets (Binkowski et al. 2018). Unlike the Fréchet distance it has no bias by the count; near 0 it
/// may be below 0.</summary>
/// <param name="Mean">Mean over the subsets.</param>
/// <param name="Deviation">Standard deviation over the subsets, divisor their number, as in published code; 0 for one.</param>
/// <param name="Subsets">Subsets taken.</param>
/// <param name="SubsetSize">Images of each set in a subset.</param>
public sealed record KernelDistance(double Mean, double Deviation, int Subsets, int SubsetSize)
{
    /// <summary>Computes the distance.</summary>
    /// <param name="first">Features of one set.</param>
    /// <param name="second">Features of the other, of the same network.</param>
    /// <param name="seed">Decides who is in which subset; within a subset nobody is twice.</param>
    /// <param name="subsets">Number of subsets.</param>
    /// <param name="subsetSize">Images of each set in a subset, at most; the smaller set bounds it.</param>
    /// <exception cref="ArgumentException">The dimensions differ, or a set has fewer than 2 rows.</exception>
    /// <remarks>Where a subset is both sets whole, every one is the same, and one is taken.</remarks>
    public static KernelDistance Compute(FeatureRows first, FeatureRows second, ulong seed = 0, int subsets = 100, int subsetSize = 1000)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        FeatureRows.RequireSameDimension(first.Dimension, second.Dimension);
        ArgumentOutOfRangeException.ThrowIfLessThan(subsets, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(subsetSize, 2);
        var size = Math.Min(subsetSize, Math.Min(first.Count, second.Count));
        if (size < 2)
            throw new ArgumentException($"A discrepancy needs 2 images of each set, not {size}.");
        if (size == first.Count && size == second.Count)
            return new KernelDistance(Discrepancy(first.Values, second.Values, first.Dimension), 0, 1, size);
        var values = new double[subsets];
        Parallel.For(
            0,
            subsets,
            i =>
            {
                var x = Draw(first, size, new RandomStream(seed, "metrics/kernel-distance/first", i));
                var y = Draw(second, size, new RandomStream(seed, "metrics/kernel-distance/second", i));
                values[i] = Discrepancy(x, y, first.Dimension);
            }
        );
        var mean = values.Average();
        return new KernelDistance(mean, Math.Sqrt(values.Average(v => (v - mean) * (v - mean))), subsets, size);
    }

    private static double[] Draw(FeatureRows set, int size, RandomStream random) =>
        set.Select(random.Permutation(set.Count).AsSpan(0, size));

    // sum_(i != j) k(x_i, x_j) / (n (n - 1)) + the same of y - 2 sum_ij k(x_i, y_j) / n^2 (Gretton et al. 2012, MMD_u^2).
    private static double Discrepancy(double[] x, double[] y, int dimension)
    {
        double n = x.Length / dimension;
        var within = KernelSum(x, x, dimension, skipSame: true) + KernelSum(y, y, dimension, skipSame: true);
        return (within / (n * (n - 1))) - (2 * KernelSum(x, y, dimension, skipSame: false) / (n * n));
    }

    private static double KernelSum(double[] x, double[] y, int dimension, bool skipSame)
    {
        const int Block = PairSums<ProductTerm>.BlockRows;
        int rows = x.Length / dimension,
            columns = y.Length / dimension;
        var sums = new double[(rows + Block - 1) / Block];
        Rows.ForParts(
            0,
            rows,
            Block,
            (long)rows * y.Length,
            (begin, end) =>
            {
                var products = new double[(end - begin) * columns];
                PairSums<ProductTerm>.Fill(x.AsSpan(begin * dimension, (end - begin) * dimension), y, dimension, products);
                double sum = 0;
                for (var i = 0; i < products.Length; i++)
                {
                    var value = (products[i] / dimension) + 1;
                    if (!skipSame || i % columns != begin + (i / columns))
                        sum += value * value * value;
                }

                sums[begin / Block] = sum;
            }
        );
        return sums.Sum();
    }
}
