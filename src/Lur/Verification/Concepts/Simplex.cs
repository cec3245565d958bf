namespace Lur.Verification.Concepts;

/// <summary>Distributions: numbers of at least 0 that sum to 1.</summary>
internal static class Simplex
{
    /// <summary>Replaces numbers by the nearest distribution: max(x - tau, 0), tau from the sorted numbers (Duchi et al. 2008).</summary>
    /// <param name="x">The numbers; at least one.</param>
    public static void Project(Span<double> x)
    {
        var sorted = x.ToArray();
        Array.Sort(sorted);
        Array.Reverse(sorted);
        double sum = 0,
            tau = 0;
        for (var i = 0; i < sorted.Length; i++)
        {
            sum += sorted[i];
            if (sorted[i] - ((sum - 1) / (i + 1)) > 0)
                tau = (sum - 1) / (i + 1);
        }

        for (var i = 0; i < x.Length; i++)
            x[i] = Math.Max(0, x[i] - tau);
    }
}
