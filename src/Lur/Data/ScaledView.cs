namespace Lur.Data;

/// <summary>A data set whose images are stored in one size and scaled to another (<see cref="ImageResize"/>). Disposing the view does
/// not dispose the set.</summary>
internal sealed class ScaledView : IImageDataset
{
    private readonly IImageDataset _data;

    /// <summary>Creates a view.</summary>
    /// <param name="data">The set.</param>
    /// <param name="height">Rows of the view.</param>
    /// <param name="width">Columns of the view.</param>
    public ScaledView(IImageDataset data, int height, int width) => (_data, Height, Width) = (data, height, width);

    public string Name => _data.Name;

    public int Count => _data.Count;

    public int Channels => _data.Channels;

    public int Height { get; }

    public int Width { get; }

    public IReadOnlyList<string> ClassNames => _data.ClassNames;

    /// <summary>True where images of a size are a whole number of times as large as others on both sides: what a model of the smaller
    /// size was trained on may have been them.</summary>
    public static bool IsWhole(IImageDataset data, (int Height, int Width) size) =>
        data.Height > size.Height && data.Height % size.Height == 0 && data.Width * size.Height == data.Height * size.Width;

    public int Label(int index) => _data.Label(index);

    public void CopyImage(int index, Span<byte> chw)
    {
        ImageDatasets.CheckSample(this, index, chw.Length);
        var (channels, height, width) = (_data.Channels, _data.Height, _data.Width);
        var stored = new byte[channels * height * width];
        _data.CopyImage(index, stored);
        var resize = new ImageResize(width, height, channels, Width, Height);
        var row = new ushort[width * channels];
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            for (var c = 0; c < channels; c++)
                row[(x * channels) + c] = (ushort)(257 * stored[(((c * height) + y) * width) + x]);
            resize.Add(y, row);
        }

        resize.Finish(chw);
    }

    public string? RelativePath(int index) => _data.RelativePath(index);

    public SampleId Identify(int index) => _data.Identify(index);

    public string ContentSha256(int index) => _data.ContentSha256(index);

    public void Dispose() { }
}
