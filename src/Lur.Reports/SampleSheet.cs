namespace Lur.Reports;

/// <summary>Images that a model drew as one PNG: a row for each class, the first images of each.</summary>
public static class SampleSheet
{
    /// <summary>Images of a row at most.</summary>
    public const int Columns = 16;

    /// <summary>Rows at most: more classes than anyone looks at.</summary>
    public const int Rows = 100;

    /// <summary>Writes an RGB image.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="images">Images of each class, bytes [C, H, W] each.</param>
    /// <param name="channels">Channels: 1 or 3.</param>
    /// <param name="height">Rows of an image.</param>
    /// <param name="width">Columns of an image.</param>
    public static void Write(Stream stream, IReadOnlyList<IReadOnlyList<byte[]>> images, int channels, int height, int width)
    {
        ArgumentNullException.ThrowIfNull(images);
        var (rows, columns) = (Math.Min(images.Count, Rows), Math.Min(images.Max(row => row.Count), Columns));
        var grid = new ImageGrid(rows, columns, channels, height, width);
        for (var row = 0; row < rows; row++)
        for (var column = 0; column < Math.Min(images[row].Count, columns); column++)
            grid.Draw(row, column, images[row][column]);
        grid.Write(stream);
    }
}
