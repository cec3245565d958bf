using Lur.Metrics.Generation;

namespace Lur.Verification.Generation;

/// <summary>How drawn images compare with real ones in a judge's features. No number is comparable with that of another judge or
/// another count, nor is <see cref="Distance"/> what papers call FID.</summary>
/// <param name="Count">Images on each side.</param>
/// <param name="Distance">Fréchet distance of as many real and drawn images; NaN where there are too few.</param>
/// <param name="Floor">That of as many real and other real images: what perfect ones would have.</param>
/// <param name="Precision">Share of the drawn images that lie among the real ones, 0 to 1.</param>
/// <param name="Recall">Share of the real images that lie among the drawn ones, 0 to 1.</param>
/// <param name="KernelDistance">Kernel distance of the same images; has no bias by the count.</param>
public sealed record FeatureQuality(int Count, double Distance, double Floor, double Precision, double Recall, double KernelDistance)
{
    private const int Neighbours = 3;

    /// <summary>Nothing could be measured.</summary>
    public static FeatureQuality None { get; } = new(0, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN);

    /// <summary>Compares.</summary>
    /// <param name="reals">Features of all real images at hand.</param>
    /// <param name="drawn">Features of drawn images; the first ones are taken where the real ones are fewer than twice as
    /// many.</param>
    /// <param name="seed">Decides which real images are compared.</param>
    public static FeatureQuality Of(FeatureRows reals, FeatureRows drawn, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(reals);
        ArgumentNullException.ThrowIfNull(drawn);
        if (reals.Count < 4 || drawn.Count < 2)
            return None;
        var (first, second) = RealFloor.Halves(reals, drawn.Count, seed);
        var n = first.Count;
        var taken = FeatureRows.Of<double>(drawn.Values.AsSpan(0, n * drawn.Dimension), drawn.Dimension);
        var (real, other) = (FeatureStatistics.Of(first), FeatureStatistics.Of(second));
        var overlap = n > Neighbours ? ManifoldOverlap.Compute(first, taken, Neighbours) : null;
        return new FeatureQuality(
            n,
            FrechetDistance.Between(real, FeatureStatistics.Of(taken)).Value,
            FrechetDistance.Between(real, other).Value,
            overlap?.Precision ?? double.NaN,
            overlap?.Recall ?? double.NaN,
            Metrics.Generation.KernelDistance.Compute(first, taken, seed).Mean
        );
    }
}
