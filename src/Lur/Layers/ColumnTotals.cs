using Lur.Device;

namespace Lur.Layers;

/// <summary>Sums down the columns of an activation in one launch (<c>kernels/include/totals.cuh</c>), where blocks have threads. On the
/// host's lane device two launches are faster: sums of chunks in machine vectors, then their end.</summary>
internal static class ColumnTotals
{
    private const int Tile = 64, // COLUMN_TILE
        Parts = 512, // TOTAL_PARTS
        LeastRowsOfAPart = 2;

    /// <summary>Blocks of 512 threads that fill a multiprocessor.</summary>
    public const int BlocksOfAMultiprocessor = 2;

    /// <summary>Chunks of rows, so that every multiprocessor has two blocks of 512 threads, or fewer where a thread would have less than
    /// two rows.</summary>
    /// <param name="device">Device.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    public static int Chunks(ComputeDevice device, int rows, int columns)
    {
        var (lanes, tiles) = (Math.Min(columns, Tile), TilesOf(columns));
        var wanted = ((device.Properties.Multiprocessors * BlocksOfAMultiprocessor) + tiles - 1) / tiles;
        return (int)Math.Clamp((long)rows * lanes / (Parts * LeastRowsOfAPart), 1, wanted);
    }

    /// <summary>Extent of a launch: a block for each chunk and each tile of columns.</summary>
    /// <param name="device">Device; one without threads in a block gives it one, for tests.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="chunks">Chunks of rows.</param>
    public static LaunchShape Shape(ComputeDevice device, int columns, int chunks)
    {
        var blocks = device.Blocks((long)chunks * TilesOf(columns));
        return device.Properties.HasThreads ? blocks with { BlockX = (uint)Math.Min(2 * device.PreferredBlock, Parts) } : blocks;
    }

    /// <summary>Counters of a launch, one for each tile of columns.</summary>
    /// <param name="program">Program that makes it.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="samples">So many more in front, where samples are counted too.</param>
    public static Operand<int> Counters(Program program, int columns, int samples = 0) => program.Counters(samples + TilesOf(columns));

    /// <summary>Tiles of columns.</summary>
    /// <param name="columns">Columns.</param>
    public static int TilesOf(int columns) => (columns + Tile - 1) / Tile;
}
