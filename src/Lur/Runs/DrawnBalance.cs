namespace Lur.Runs;

/// <summary>Where models that draw stand among each other: by UA, of which more is better, and by the Fréchet distance of the kept
/// classes, of which less is. What a method forgets it may pay for with what it keeps, and the two have no common unit: ranks do.</summary>
public static class DrawnBalance
{
    /// <summary>Ranks from 1; equal values share the mean of their ranks, what is no number shares the last ones.</summary>
    /// <param name="values">Values, the least first.</param>
    public static double[] Ranks(IReadOnlyList<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        static double Key(double v) => double.IsNaN(v) ? double.PositiveInfinity : v;
        return [.. values.Select(v => 1 + values.Count(o => Key(o) < Key(v)) + ((values.Count(o => Key(o).Equals(Key(v))) - 1) / 2.0))];
    }

    /// <summary>Ranks by UA, by distance, and by the mean of these two, in the order of the runs.</summary>
    /// <param name="unlearning">UA of each.</param>
    /// <param name="distance">Distance of each.</param>
    public static (double[] Unlearning, double[] Distance, double[] Mean, double[] Balance) Of(
        IReadOnlyList<double> unlearning,
        IReadOnlyList<double> distance
    )
    {
        ArgumentNullException.ThrowIfNull(unlearning);
        double[] byUnlearning = Ranks([.. unlearning.Select(u => -u)]),
            byDistance = Ranks(distance),
            mean = [.. byUnlearning.Zip(byDistance, (u, d) => (u + d) / 2)];
        return (byUnlearning, byDistance, mean, Ranks(mean));
    }
}

/// <summary>Where one run of a recipe stands.</summary>
/// <param name="Label">The run.</param>
/// <param name="Method">Its method.</param>
/// <param name="Unlearning">Rank by mean UA.</param>
/// <param name="Distance">Rank by mean Fréchet distance of the kept classes.</param>
/// <param name="Balance">Rank by the mean of both ranks.</param>
/// <param name="PerSeed">The last, from the numbers of each seed alone.</param>
public sealed record BalanceRank(
    string Label,
    string Method,
    double Unlearning,
    double Distance,
    double Balance,
    IReadOnlyList<double> PerSeed
);
