using System.Numerics;

namespace Lur.Metrics.Generation;

/// <summary>Mean and covariance of features that come batch by batch; no feature is kept.</summary>
/// <remarks>Blocks of 256 rows are centred on their own mean and then merged (Chan, Golub and LeVeque 1979): the sum of x x^T minus
/// n m m^T would cancel where the mean is large beside the spread. How the rows are cut into batches changes no bit.</remarks>
public sealed class FeatureAccumulator
{
    private const int BlockRows = 256;

    private readonly double[] _block,
        _mean,
        _scatter;
    private readonly int _dimension;
    private int _filled;
    private long _count;

    /// <summary>An empty set.</summary>
    /// <param name="dimension">Numbers of a feature, at least 1.</param>
    public FeatureAccumulator(int dimension)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        _dimension = dimension;
        _block = new double[checked(BlockRows * dimension)];
        _mean = new double[dimension];
        // Sum of (x - m)(x - m)^T; the lower triangle is kept.
        _scatter = new double[checked(dimension * dimension)];
    }

    /// <summary>Rows added so far.</summary>
    public long Count => _count + _filled;

    /// <summary>Adds features.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="features">Rows, one after another; none is fine.</param>
    /// <exception cref="ArgumentException">The numbers are no whole rows, or one is not finite; nothing was added.</exception>
    public void Add<T>(ReadOnlySpan<T> features)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        FeatureRows.CheckRows(features, _dimension);
        for (var start = 0; start < features.Length; start += _dimension)
        {
            var row = _block.AsSpan(_filled * _dimension, _dimension);
            for (var i = 0; i < row.Length; i++)
                row[i] = double.CreateTruncating(features[start + i]);
            if (++_filled == BlockRows)
                Flush();
        }
    }

    /// <summary>Adds a set by its statistics.</summary>
    /// <param name="part">Statistics of other images.</param>
    /// <exception cref="ArgumentException">Its dimension differs, or its count is not known.</exception>
    public void Add(FeatureStatistics part)
    {
        ArgumentNullException.ThrowIfNull(part);
        FeatureRows.RequireSameDimension(_dimension, part.Dimension);
        if (part.Count == 0)
            throw new ArgumentException("Statistics whose count is not known cannot be pooled.", nameof(part));
        Flush();
        for (var i = 0; i < _scatter.Length; i++)
            _scatter[i] += part.Covariance[i] * (part.Count - 1);
        Merge(part.Mean, part.Count);
    }

    /// <summary>The statistics of what was added; more may follow.</summary>
    /// <exception cref="ArgumentException">Fewer than two rows were added: they have no covariance.</exception>
    public FeatureStatistics Statistics()
    {
        if (Count < 2)
            throw new ArgumentException($"A covariance needs at least 2 rows of features, not {Count}.");
        var copy = new FeatureAccumulator(_dimension) { _count = _count, _filled = _filled };
        _mean.CopyTo(copy._mean, 0);
        _scatter.CopyTo(copy._scatter, 0);
        _block.AsSpan(0, _filled * _dimension).CopyTo(copy._block);
        // In the copy: flushing here would cut the blocks of later rows otherwise.
        copy.Flush();
        var covariance = copy._scatter;
        for (var i = 0; i < _dimension; i++)
        for (var j = 0; j <= i; j++)
        {
            var value = covariance[(i * _dimension) + j] / (copy._count - 1);
            covariance[(i * _dimension) + j] = value;
            covariance[(j * _dimension) + i] = value;
        }

        return new FeatureStatistics(copy._mean, covariance, copy._count);
    }

    private void Flush()
    {
        if (_filled == 0)
            return;
        var (d, n) = (_dimension, _filled);
        var mean = new double[d];
        for (var r = 0; r < n; r++)
            Rows.AddScaled(mean, 1.0 / n, _block.AsSpan(r * d, d));
        // Centred columns as rows: [d, n].
        var centred = new double[d * n];
        for (var r = 0; r < n; r++)
        for (var i = 0; i < d; i++)
            centred[(i * n) + r] = _block[(r * d) + i] - mean[i];
        Rows.ForParts(
            0,
            d,
            PairSums<ProductTerm>.BlockRows,
            (long)d * d * n / 2,
            (begin, end) =>
            {
                // Columns up to the diagonal's block: the lower triangle and a little more.
                var products = new double[(end - begin) * end];
                PairSums<ProductTerm>.Fill(centred.AsSpan(begin * n, (end - begin) * n), centred.AsSpan(0, end * n), n, products);
                for (var i = begin; i < end; i++)
                    Rows.AddScaled(_scatter.AsSpan(i * d, end), 1, products.AsSpan((i - begin) * end, end));
            }
        );
        _filled = 0;
        Merge(mean, n);
    }

    // The scatter of the union: both scatters, and that of the two means.
    private void Merge(double[] mean, long count)
    {
        var total = _count + count;
        var weight = (double)_count * count / total;
        var difference = new double[_dimension];
        for (var i = 0; i < difference.Length; i++)
            difference[i] = mean[i] - _mean[i];
        if (_count > 0)
            for (var i = 0; i < difference.Length; i++)
                Rows.AddScaled(_scatter.AsSpan(i * _dimension, i + 1), weight * difference[i], difference.AsSpan(0, i + 1));
        Rows.AddScaled(_mean, (double)count / total, difference);
        _count = total;
    }
}
