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
}
