namespace Lur.Metrics.Generation;

/// <summary>Precision and recall of generated images (Kynkäänniemi et al. 2019, equations 1 to 3): a set's manifold is the union of
/// the balls around its features that reach to their k-th nearest neighbour.</summary>
/// <param name="Precision">Share of the generated features in the manifold of the real ones: how realistic.</param>
/// <param name="Recall">Share of the real features in the manifold of the generated ones: how varied.</param>
/// <param name="Neighbours">k.</param>
public sealed record ManifoldOverlap(double Precision, double Recall, int Neighbours)
{
    private const int BlockRows = PairSums<SquaredDifferenceTerm>.BlockRows;

    /// <summary>Columns whose distances to a block of rows are held at a time.</summary>
    private const int BlockColumns = 512;

    /// <summary>Computes both, exactly; memory is by the block, time by the product of the counts.</summary>
    /// <param name="reals">Features of real images.</param>
    /// <param name="generated">Features of generated images, of the same network. The measure depends on both counts: they should be
    /// alike, and the same in all that is compared.</param>
    /// <param name="neighbours">k.</param>
    /// <exception cref="ArgumentException">The dimensions differ, or a set has not more than k rows: none has a k-th neighbour.</exception>
    public static ManifoldOverlap Compute(FeatureRows reals, FeatureRows generated, int neighbours = 3)
    {
        ArgumentNullException.ThrowIfNull(reals);
        ArgumentNullException.ThrowIfNull(generated);
        ArgumentOutOfRangeException.ThrowIfLessThan(neighbours, 1);
        FeatureRows.RequireSameDimension(reals.Dimension, generated.Dimension);
        foreach (var (set, name) in new[] { (reals, "real"), (generated, "generated") })
            if (set.Count <= neighbours)
                throw new ArgumentException($"{set.Count} {name} images have no {neighbours} neighbours each; more are needed.");
        var realRadii = SquaredRadii(reals, neighbours);
        var generatedRadii = SquaredRadii(generated, neighbours);
        var (precise, recalled) = (new bool[generated.Count], new bool[reals.Count]);
        ForDistances(
            generated,
            reals,
            (i, j, distance) =>
            {
                // Several threads may set the same flag, and all set it to true.
                if (distance <= realRadii[j])
                    precise[i] = true;
                if (distance <= generatedRadii[i])
                    recalled[j] = true;
            }
        );
        static double Share(bool[] flags) => (double)flags.Count(f => f) / flags.Length;
        return new ManifoldOverlap(Share(precise), Share(recalled), neighbours);
    }

    // Squared distance of each row to its k-th nearest other row; a copy of the row is another row.
    private static double[] SquaredRadii(FeatureRows set, int k)
    {
        // The k smallest distances of each row, ascending.
        var nearest = new double[set.Count * k];
        Array.Fill(nearest, double.PositiveInfinity);
        ForDistances(
            set,
            set,
            (i, j, distance) =>
            {
                var mine = nearest.AsSpan(i * k, k);
                if (i == j || distance >= mine[^1])
                    return;
                var at = k - 1;
                for (; at > 0 && mine[at - 1] > distance; at--)
                    mine[at] = mine[at - 1];
                mine[at] = distance;
            }
        );
        var radii = new double[set.Count];
        for (var i = 0; i < radii.Length; i++)
            radii[i] = nearest[(i * k) + k - 1];
        return radii;
    }

    // The visits of one row come one after another, from one thread.
    private static void ForDistances(FeatureRows x, FeatureRows y, Action<int, int, double> visit)
    {
        var d = x.Dimension;
        Rows.ForParts(
            0,
            x.Count,
            BlockRows,
            (long)x.Count * y.Values.Length,
            (begin, end) =>
            {
                var distances = new double[(end - begin) * BlockColumns];
                for (var first = 0; first < y.Count; first += BlockColumns)
                {
                    var columns = Math.Min(BlockColumns, y.Count - first);
                    PairSums<SquaredDifferenceTerm>.Fill(
                        x.Values.AsSpan(begin * d, (end - begin) * d),
                        y.Values.AsSpan(first * d, columns * d),
                        d,
                        distances
                    );
                    for (var i = begin; i < end; i++)
                    for (var j = 0; j < columns; j++)
                        visit(i, first + j, distances[((i - begin) * columns) + j]);
                }
            }
        );
    }
}
