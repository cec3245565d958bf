using Lur.Device;

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

    /// <summary>On a GPU: the fewest equal chunks with which every multiprocessor has so much to do, or as many as leave 4 rows to
    /// each.</summary>
    /// <param name="device">Device.</param>
    /// <param name="samples">Samples.</param>
    /// <param name="inner">Rows of a sample.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="each">Chunks and tiles of columns that a multiprocessor should have.</param>
    public static int Of(ComputeDevice device, int samples, int inner, int columns, int each)
    {
        const int fewest = 4;
        var (wanted, tiles, best) = ((long)device.Properties.Multiprocessors * each, ColumnTotals.TilesOf(columns), 1);
        for (var chunks = 1; inner / chunks >= fewest; chunks++)
        {
            if (inner % chunks != 0)
                continue;
            best = chunks;
            if ((long)samples * chunks * tiles >= wanted)
                break;
        }

        return best;
    }
}
