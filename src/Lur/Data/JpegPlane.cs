namespace Lur.Data;

/// <summary>One component of a JPEG image while it is decoded.</summary>
internal sealed class JpegPlane
{
    /// <summary>Makes room for a component.</summary>
    /// <param name="header">The frame.</param>
    /// <param name="component">The component.</param>
    /// <param name="reduction">Pixels a side that become one.</param>
    public JpegPlane(JpegHeader header, JpegComponent component, int reduction)
    {
        (Component, Reduction) = (component, reduction);
        (Across, Down) = (header.MostAcross / (double)component.Across, header.MostDown / (double)component.Down);
        int unitsAcross = (header.Width + 8 * header.MostAcross - 1) / (8 * header.MostAcross),
            unitsDown = (header.Height + 8 * header.MostDown - 1) / (8 * header.MostDown);
        (BlocksAcross, BlocksDown) = (unitsAcross * component.Across, unitsDown * component.Down);
        int width = Share(header.Width, component.Across, header.MostAcross),
            height = Share(header.Height, component.Down, header.MostDown);
        (ScanAcross, ScanDown) = ((width + 7) / 8, (height + 7) / 8);
        (Width, Height) = ((width + reduction - 1) / reduction, (height + reduction - 1) / reduction);
        Side = 8 / reduction;
        Stride = BlocksAcross * Side;
        Samples = new byte[checked((int)((long)Stride * BlocksDown * Side))];
        if (header.Progressive)
            Coefficients = new short[checked((int)((long)BlocksAcross * BlocksDown * 64))];
    }

    public JpegComponent Component { get; }

    public int Reduction { get; }

    /// <summary>Samples a side of a block after the reduction.</summary>
    public int Side { get; }

    /// <summary>Columns of the image to one of this plane.</summary>
    public double Across { get; }

    /// <summary>Rows of the image to one of this plane.</summary>
    public double Down { get; }

    /// <summary>Blocks with those that fill up the last units.</summary>
    public int BlocksAcross { get; }

    public int BlocksDown { get; }

    /// <summary>Blocks of a scan of this component alone.</summary>
    public int ScanAcross { get; }

    public int ScanDown { get; }

    /// <summary>Columns that belong to the image.</summary>
    public int Width { get; }

    /// <summary>Rows that belong to the image.</summary>
    public int Height { get; }

    public int Stride { get; }

    public byte[] Samples { get; }

    /// <summary>Coefficients of all blocks where they come in several scans, by rows within a block; else empty.</summary>
    public short[] Coefficients { get; } = [];

    /// <summary>Quantisation table of its first scan, by rows.</summary>
    public ushort[]? Table { get; set; }

    /// <summary>DC coefficient of the block before.</summary>
    public int Previous { get; set; }

    public JpegHuffman? Dc { get; set; }

    public JpegHuffman? Ac { get; set; }

    /// <summary>True once every bit of the mean values has come.</summary>
    public bool IsComplete { get; set; }

    /// <summary>Dequantises, transforms and stores a block.</summary>
    public void Put(int column, int row, ReadOnlySpan<short> coefficients, Span<int> work)
    {
        for (var i = 0; i < 64; i++)
            work[i] = coefficients[i] * Table![i];
        JpegTransform.Write(work, Samples.AsSpan(row * Side * Stride + column * Side), Stride, Reduction);
    }

    /// <summary>Coefficients of a block.</summary>
    public Span<short> Block(int column, int row) => Coefficients.AsSpan((row * BlocksAcross + column) * 64, 64);

    private static int Share(int size, int part, int whole) => (int)(((long)size * part + whole - 1) / whole);
}
