namespace Lur.Checkpoints;

/// <summary>Mean and covariance of features in a .npz file, as arrays mu and sigma: how published reference statistics lie.</summary>
public static class MomentsFile
{
    private const string MeanName = "mu",
        CovarianceName = "sigma",
        CountName = "n";

    /// <summary>Largest difference of two mirrored elements, relative to the largest: what float32 leaves.</summary>
    private const double LargestAsymmetry = 1e-5;

    /// <summary>Reads mean and covariance.</summary>
    /// <param name="path">The file; of its arrays, mu, sigma and n are looked at.</param>
    /// <param name="dimension">Numbers that a feature has; 0 where any is fine.</param>
    /// <returns>d numbers; d x d numbers, row-major; images that they are of, 0 where the file does not say.</returns>
    /// <exception cref="UserErrorException">The file cannot be read, an array is absent or of another shape, a number is not finite,
    /// or sigma is no covariance.</exception>
    public static (double[] Mean, double[] Covariance, long Count) Read(string path, int dimension = 0)
    {
        using var file = NpzFile.Open(path);
        NpzArray mean = file.Read(MeanName),
            covariance = file.Read(CovarianceName);
        if (mean.Shape.Length != 1 || mean.Shape[0] < 1)
            throw Wrong(path, mean, "one row of at least 1 number");
        if (dimension > 0 && mean.Shape[0] != dimension)
            throw new UserErrorException(
                $"'{path}' has statistics of features of {mean.Shape[0]} numbers, but the judge's have {dimension}; "
                    + "give statistics that the same judge made."
            );
        var d = mean.Shape[0];
        if (!covariance.Shape.AsSpan().SequenceEqual([d, d]))
            throw Wrong(path, covariance, $"[{d}, {d}] as '{MeanName}' has {d} numbers");
        foreach (var array in new[] { mean, covariance })
            if (!array.Values.All(double.IsFinite))
                throw new UserErrorException($"'{path}': '{array.Name}' has a number that is not finite; compute the statistics again.");
        RequireCovariance(path, covariance.Values, (int)d);
        return (mean.Values, covariance.Values, file.Names.Contains(CountName) ? CountOf(path, file.Read(CountName)) : 0);
    }

    /// <summary>Writes mean and covariance for <see cref="Read"/> and for other tools.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mean">d numbers.</param>
    /// <param name="covariance">d x d numbers.</param>
    /// <param name="count">Images that they are of; 0 leaves it out.</param>
    /// <exception cref="ArgumentException">Lengths do not match.</exception>
    /// <exception cref="UserErrorException">The file cannot be written.</exception>
    public static void Write(string path, double[] mean, double[] covariance, long count = 0)
    {
        ArgumentNullException.ThrowIfNull(mean);
        ArgumentNullException.ThrowIfNull(covariance);
        long d = mean.Length;
        NpzArray[] moments = [new(MeanName, [d], mean), new(CovarianceName, [d, d], covariance)];
        NpzFile.Write(path, count == 0 ? moments : [.. moments, new NpzArray(CountName, [], [count])]);
    }

    private static void RequireCovariance(string path, double[] values, int d)
    {
        var largest = values.Max(Math.Abs);
        for (var i = 0; i < d; i++)
        for (var j = 0; j <= i; j++)
            if (
                Math.Abs(values[(i * d) + j] - values[(j * d) + i]) > LargestAsymmetry * largest
                || (i == j && values[(i * d) + i] < -LargestAsymmetry * largest)
            )
                throw new UserErrorException(
                    $"'{path}': '{CovarianceName}' is no covariance at [{i}, {j}]: it is not symmetric or a variance is below 0; "
                        + "compute the statistics again."
                );
    }

    private static long CountOf(string path, NpzArray count) =>
        count.Values is [var n] && n >= 1 && n <= long.MaxValue / 2 && n == Math.Floor(n)
            ? (long)n
            : throw new UserErrorException(
                $"'{path}': '{CountName}' is no number of images; leave it out or write how many the statistics are of."
            );

    private static UserErrorException Wrong(string path, NpzArray array, string expected) =>
        new($"'{path}': '{array.Name}' has the shape {TensorInfo.TextOf(array.Shape)}, expected {expected}; compute the statistics again.");
}
