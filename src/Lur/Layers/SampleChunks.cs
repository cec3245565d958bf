namespace Lur.Layers;

/// <summary>How the rows of a sample are cut for sums down its columns, in kernels whose chunks may not span two samples.</summary>
internal static class SampleChunks
{
    private const int Most = 256,
        Least = 16;

    /// <summary>The fewest equal chunks of 256 rows or fewer; one where those would be shorter than 16 rows, so that partial sums stay
    /// a few percent of the traffic.</summary>
    /// <param name="inner">Rows of a sample.</param>
    public static int Of(int inner)
    {
        for (var chunks = (inner + Most - 1) / Most; inner / chunks >= Least; chunks++)
            if (inner % chunks == 0)
                return chunks;
        return 1;
    }
}
