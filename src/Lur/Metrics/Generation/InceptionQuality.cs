using System.Globalization;

namespace Lur.Metrics.Generation;

/// <summary>Drawn images against real ones in the features of the InceptionV3 network of FID.</summary>
/// <param name="Count">Drawn images.</param>
/// <param name="Distance">FID: the Fréchet distance in these features (Heusel et al. 2017).</param>
/// <param name="Kernel">KID: the kernel distance in them, and its spread over subsets (Binkowski et al. 2018).</param>
public sealed record InceptionQuality(int Count, double Distance, KernelDistance Kernel)
{
    private const int MostInSubset = 1000,
        Subsets = 100;

    /// <summary>Compares.</summary>
    /// <param name="reals">Features of real images.</param>
    /// <param name="drawn">Features of drawn images, 2 or more.</param>
    /// <param name="statistics">Statistics that the FID is taken to, where they are others than those of the real images.</param>
    /// <param name="seed">Decides who is in which subset.</param>
    /// <exception cref="ArgumentException">The dimensions differ, or a set has fewer than 2 rows.</exception>
    /// <remarks>A subset has half of the images at most, so that even few have a spread.</remarks>
    public static InceptionQuality Of(FeatureRows reals, FeatureRows drawn, FeatureStatistics? statistics, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(reals);
        ArgumentNullException.ThrowIfNull(drawn);
        var subset = Math.Clamp(Math.Min(reals.Count, drawn.Count) / 2, 2, MostInSubset);
        var distance = statistics is null
            ? FrechetDistance.Between(reals, drawn)
            : FrechetDistance.Between(statistics, FeatureStatistics.Of(drawn));
        return new InceptionQuality(drawn.Count, distance.Value, KernelDistance.Compute(reals, drawn, seed, Subsets, subset));
    }

    /// <summary>What has to be said beside an FID of few images; null where there are more of them than numbers of a feature.</summary>
    /// <param name="count">Images.</param>
    /// <param name="dimension">Numbers of a feature.</param>
    public static string? Reservation(int count, int dimension) =>
        count > dimension
            ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"FID of {count} images is too high: the covariance of {dimension} numbers needs more than that many images to be of full "
            ) + "rank. Set it beside the floor and beside models at the same count, never beside a paper's; KID has no such bias.";
}
