using Lur.Data;

namespace Lur.Reports;

/// <summary>Images of one size in rows and columns, as one RGB image.</summary>
internal sealed class ImageGrid
{
    private const int Gap = 2,
        MinCell = 32,
        MaxCell = 96;
    private const byte Background = 32;
    private readonly int _channels,
        _imageHeight,
        _imageWidth,
        _cell,
        _width,
        _height;
    private readonly byte[] _pixels;

    /// <summary>An empty grid.</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Images of a row.</param>
    /// <param name="channels">Channels of an image: 1, or at least 3, of which the first three are shown.</param>
    /// <param name="height">Its rows.</param>
    /// <param name="width">Its columns.</param>
    public ImageGrid(int rows, int columns, int channels, int height, int width)
    {
        (_channels, _imageHeight, _imageWidth) = (channels, height, width);
        _cell = Math.Clamp(Math.Max(height, width), MinCell, MaxCell);
        (_width, _height) = ((columns * (_cell + Gap)) + Gap, (rows * (_cell + Gap)) + Gap);
        _pixels = new byte[checked(3 * _width * _height)];
        _pixels.AsSpan().Fill(Background);
    }

    /// <summary>Puts an image into a cell by the nearest sample point; the sides keep their ratio.</summary>
    /// <param name="row">Row, from 0.</param>
    /// <param name="column">Column, from 0.</param>
    /// <param name="chw">Its bytes, [C, H, W].</param>
    public void Draw(int row, int column, ReadOnlySpan<byte> chw)
    {
        var (left, top) = (Gap + (column * (_cell + Gap)), Gap + (row * (_cell + Gap)));
        var (longer, plane) = (Math.Max(_imageHeight, _imageWidth), _imageHeight * _imageWidth);
        var (rows, columns) = (Math.Max(1, _cell * _imageHeight / longer), Math.Max(1, _cell * _imageWidth / longer));
        for (var y = 0; y < rows; y++)
        {
            for (var x = 0; x < columns; x++)
            {
                var from = (y * _imageHeight / rows * _imageWidth) + (x * _imageWidth / columns);
                for (var c = 0; c < 3; c++)
                    _pixels[(3 * (((top + y) * _width) + left + x)) + c] = chw[(Math.Min(c, _channels - 1) * plane) + from];
            }
        }
    }

    /// <summary>Writes it as PNG.</summary>
    public void Write(Stream stream) => PngEncoder.Write(stream, _width, _height, 3, _pixels);
}
