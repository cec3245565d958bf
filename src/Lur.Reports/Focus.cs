namespace Lur.Reports;

/// <summary>What an axis shows where a few numbers lie so far off that the others would fall together.</summary>
internal static class Focus
{
    /// <summary>Distances up to this many times that of two thirds of the numbers are near.</summary>
    private const double Reach = 4;

    /// <summary>Points that are near whatever the others are: the drawing is not spread further for less.</summary>
    private const double Near = 5;

    /// <summary>The range around a centre that most numbers lie in.</summary>
    /// <param name="values">Numbers in percent or points; those that are not finite do not count.</param>
    /// <param name="centre">The number that matters, the reference's; NaN for the median.</param>
    /// <returns>The ends of the axis; NaN and NaN where all are near, or are too few to say.</returns>
    public static (double Low, double High) Of(IEnumerable<double> values, double centre)
    {
        double[] all = [.. values.Where(double.IsFinite).Order()];
        if (all.Length < 5)
            return (double.NaN, double.NaN);
        if (!double.IsFinite(centre))
            centre = all[all.Length / 2];
        double[] distances = [.. all.Select(v => Math.Abs(v - centre)).Order()];
        var radius = Math.Max(Near, Reach * distances[2 * (all.Length - 1) / 3]);
        if (distances[^1] <= radius)
            return (double.NaN, double.NaN);
        double[] near = [.. all.Where(v => Math.Abs(v - centre) <= radius), centre];
        var margin = Math.Max(0.5, 0.1 * (near.Max() - near.Min()));
        return (near.Min() - margin, near.Max() + margin);
    }

    /// <summary>The nearest place within a range, a little off its rim; the number itself where there is no range.</summary>
    public static double Clamp(double value, (double Low, double High) range)
    {
        if (double.IsNaN(range.Low) || (value >= range.Low && value <= range.High))
            return value;
        var rim = 0.02 * (range.High - range.Low);
        return Math.Clamp(value, range.Low + rim, range.High - rim);
    }

    /// <summary>True for a number that the range leaves out.</summary>
    public static bool IsOutside(double value, (double Low, double High) range) => value < range.Low || value > range.High;
}
