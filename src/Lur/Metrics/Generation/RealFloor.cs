using Lur.Tensors;

namespace Lur.Metrics.Generation;

/// <summary>The Fréchet distance of real images to real images: the value that perfect generated images would have, which is above 0
/// as the covariance of finitely many features is not that of the distribution.</summary>
/// <param name="Distance">Distance of the two halves.</param>
/// <param name="Count">Images of each half.</param>
public sealed record RealFloor(FrechetDistance Distance, int Count)
{
    /// <summary>Distance of two disjoint random parts of the real images.</summary>
    /// <param name="reals">Features of real images.</param>
    /// <param name="count">Images of each part: the number of generated images. Half of the reals where there are fewer than twice
    /// as many; <see cref="Count"/> says how many were taken, and with fewer the floor lies higher.</param>
    /// <param name="seed">Decides who is in which part.</param>
    /// <exception cref="ArgumentException">There are fewer than 4 reals, or fewer than 2 are asked for.</exception>
    public static RealFloor Compute(FeatureRows reals, int count, ulong seed = 0)
    {
        var (first, second) = Halves(reals, count, seed);
        return new RealFloor(FrechetDistance.Between(FeatureStatistics.Of(first), FeatureStatistics.Of(second)), first.Count);
    }

    /// <summary>Two disjoint random parts of the real images, as <see cref="Compute"/> takes them: generated images that stand in for the
    /// second have the floor's distance to the first if they are as good.</summary>
    /// <param name="reals">Features of real images.</param>
    /// <param name="count">Images of each part, at most.</param>
    /// <param name="seed">Decides who is in which part.</param>
    /// <exception cref="ArgumentException">There are fewer than 4 reals, or fewer than 2 are asked for.</exception>
    public static (FeatureRows First, FeatureRows Second) Halves(FeatureRows reals, int count, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(reals);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 2);
        if (reals.Count < 4)
            throw new ArgumentException($"Two parts with a covariance need at least 4 real images, not {reals.Count}.", nameof(reals));
        var half = Math.Min(count, reals.Count / 2);
        // A permutation: files of images are often sorted by class.
        var order = new RandomStream(seed, "metrics/real-floor").Permutation(reals.Count);
        FeatureRows Part(int start) => FeatureRows.Of<double>(reals.Select(order.AsSpan(start, half)), reals.Dimension);
        return (Part(0), Part(half));
    }
}
