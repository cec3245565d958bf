using System.Numerics;

namespace Lur.Metrics.Generation;

/// <summary>Mean and covariance of the features of a set of images.</summary>
public sealed class FeatureStatistics
{
    /// <summary>Largest difference of two mirrored elements, relative to the largest: what float32 leaves of a product.</summary>
    private const double LargestAsymmetry = 1e-5;

    /// <summary>Takes statistics that were computed elsewhere, such as those of a published reference set.</summary>
    /// <param name="mean">d numbers.</param>
    /// <param name="covariance">d x d, symmetric, divisor n - 1.</param>
    /// <param name="count">n; 0 where it is not known.</param>
    /// <exception cref="ArgumentException">Lengths do not match, a number is not finite, or the covariance is not symmetric.</exception>
    public FeatureStatistics(double[] mean, double[] covariance, long count = 0)
    {
        ArgumentNullException.ThrowIfNull(mean);
        ArgumentNullException.ThrowIfNull(covariance);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        long d = mean.Length;
        if (d == 0 || covariance.Length != d * d)
            throw new ArgumentException($"A mean of {d} numbers has a covariance of {d * d}, not {covariance.Length}.", nameof(covariance));
        if (!mean.All(double.IsFinite) || !covariance.All(double.IsFinite))
            throw new ArgumentException("A number of the statistics is not finite.", nameof(covariance));
        var (largest, asymmetry) = (0.0, 0.0);
        for (var i = 0; i < d; i++)
        for (var j = 0; j <= i; j++)
        {
            largest = Math.Max(largest, Math.Abs(covariance[(i * d) + j]));
            asymmetry = Math.Max(asymmetry, Math.Abs(covariance[(i * d) + j] - covariance[(j * d) + i]));
        }

        if (asymmetry > LargestAsymmetry * largest)
            throw new ArgumentException("The covariance is not symmetric.", nameof(covariance));
        (Mean, Covariance, Count) = (mean, covariance, count);
    }

    /// <summary>Numbers of a feature, d.</summary>
    public int Dimension => Mean.Length;

    /// <summary>d numbers.</summary>
    public double[] Mean { get; }

    /// <summary>d x d, divisor n - 1, as numpy.cov has it.</summary>
    public double[] Covariance { get; }

    /// <summary>Images, n; 0 where it is not known.</summary>
    public long Count { get; }

    /// <summary>Trace of the covariance.</summary>
    public double Trace
    {
        get
        {
            double sum = 0;
            for (var i = 0; i < Dimension; i++)
                sum += Covariance[i * (Dimension + 1)];
            return sum;
        }
    }

    /// <summary>Statistics of features at hand.</summary>
    /// <exception cref="ArgumentException">There are fewer than two rows.</exception>
    public static FeatureStatistics Of(FeatureRows features)
    {
        ArgumentNullException.ThrowIfNull(features);
        return Of<double>(features.Values, features.Dimension);
    }

    /// <summary>Statistics of features at hand.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="features">Rows, one after another.</param>
    /// <param name="dimension">Numbers a row.</param>
    /// <exception cref="ArgumentException">The numbers are no whole rows, one is not finite, or there are fewer than two rows.</exception>
    public static FeatureStatistics Of<T>(ReadOnlySpan<T> features, int dimension)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var accumulator = new FeatureAccumulator(dimension);
        accumulator.Add(features);
        return accumulator.Statistics();
    }

    /// <summary>Statistics of the union of disjoint sets from theirs.</summary>
    /// <param name="parts">At least one.</param>
    /// <exception cref="ArgumentException">There is none, dimensions differ, or the count of one is not known.</exception>
    public static FeatureStatistics Pool(IReadOnlyList<FeatureStatistics> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        if (parts.Count == 0)
            throw new ArgumentException("There is nothing to pool.", nameof(parts));
        var accumulator = new FeatureAccumulator(parts[0].Dimension);
        foreach (var part in parts)
            accumulator.Add(part);
        return accumulator.Statistics();
    }
}
