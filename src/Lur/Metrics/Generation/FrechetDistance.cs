namespace Lur.Metrics.Generation;

/// <summary>The squared Fréchet distance of two normal distributions with the mean and covariance of two sets of features:
/// |m_1 - m_2|^2 + tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2)) (Dowson and Landau 1982; of images: Heusel et al. 2017).</summary>
/// <param name="Value">The distance.</param>
/// <param name="MeanTerm">|m_1 - m_2|^2.</param>
/// <param name="CovarianceTerm">The rest, at least 0.</param>
/// <remarks>A value belongs to the network that made the features and to the numbers of images: neither another network's nor another
/// count's can be set beside it. See <see cref="RealFloor"/> for what two sets of real images have.</remarks>
public sealed record FrechetDistance(double Value, double MeanTerm, double CovarianceTerm)
{
    /// <summary>The distance of two sets.</summary>
    /// <param name="first">Statistics of one, such as the real images.</param>
    /// <param name="second">Statistics of the other, features of the same network.</param>
    /// <exception cref="ArgumentException">The dimensions differ.</exception>
    /// <exception cref="UserErrorException">A covariance is none: it has an eigenvalue below 0 by more than rounding.</exception>
    public static FrechetDistance Between(FeatureStatistics first, FeatureStatistics second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        FeatureRows.RequireSameDimension(first.Dimension, second.Dimension);
        double means = 0;
        for (var i = 0; i < first.Dimension; i++)
            means += (first.Mean[i] - second.Mean[i]) * (first.Mean[i] - second.Mean[i]);
        var root = SymmetricMatrix.TraceOfRoot(first.Covariance, second.Covariance, first.Dimension);
        // A squared distance (Bures): below 0 by rounding alone.
        var covariances = Math.Max(0, first.Trace + second.Trace - (2 * root));
        return new FrechetDistance(means + covariances, means, covariances);
    }

    /// <summary>The distance of two sets of features at hand. With fewer images than numbers the covariances X^T X / (n - 1) are singular
    /// and are not formed: the trace of the root is the sum of the singular values of X Y^T / ((n - 1) (m - 1))^(1/2), X and Y the
    /// centred rows.</summary>
    /// <param name="first">Features of one, n rows.</param>
    /// <param name="second">Features of the other, m rows.</param>
    /// <exception cref="ArgumentException">The dimensions differ, or a set has fewer than 2 rows.</exception>
    public static FrechetDistance Between(FeatureRows first, FeatureRows second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        FeatureRows.RequireSameDimension(first.Dimension, second.Dimension);
        if (Math.Max(first.Count, second.Count) >= first.Dimension || Math.Min(first.Count, second.Count) < 2)
            return Between(FeatureStatistics.Of(first), FeatureStatistics.Of(second));
        var ((x, mean), (y, other)) = first.Count >= second.Count ? (Centred(first), Centred(second)) : (Centred(second), Centred(first));
        var d = first.Dimension;
        var root = SingularValues.Sum(SymmetricMatrix.Products(x, y, d), x.Length / d, y.Length / d);
        var means = mean.Zip(other, (a, b) => (a - b) * (a - b)).Sum();
        var covariances = Math.Max(0, x.Sum(v => v * v) + y.Sum(v => v * v) - (2 * root));
        return new FrechetDistance(means + covariances, means, covariances);
    }

    // Rows whose products are the covariance, and the mean.
    private static (double[] Rows, double[] Mean) Centred(FeatureRows features)
    {
        var (n, d) = (features.Count, features.Dimension);
        var (rows, mean) = (new double[n * d], new double[d]);
        for (var i = 0; i < n; i++)
            Rows.AddScaled(mean, 1.0 / n, features.Row(i));
        var scale = 1 / Math.Sqrt(n - 1);
        for (var i = 0; i < rows.Length; i++)
            rows[i] = scale * (features.Values[i] - mean[i % d]);
        return (rows, mean);
    }
}
