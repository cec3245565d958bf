namespace Lur.Device;

/// <summary>Rows so long that one is work for several blocks (<c>row_piece</c> of <c>kernels/include/index.cuh</c>).</summary>
internal static class LongRows
{
    private const int Piece = 512; // ROW_PIECE

    /// <summary>Extent of a launch.</summary>
    /// <param name="device">Device.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="rowLength">Elements of a row.</param>
    public static LaunchShape Shape(ComputeDevice device, long rows, int rowLength) =>
        device.Rows(rows * PiecesOf(rowLength), Math.Min(rowLength, Piece), rows * rowLength);

    /// <summary>Pieces of a row.</summary>
    /// <param name="rowLength">Elements of a row.</param>
    public static int PiecesOf(int rowLength) => (int)(((long)rowLength + Piece - 1) / Piece);
}
