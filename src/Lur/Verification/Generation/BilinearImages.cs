using Lur.Models;

namespace Lur.Verification.Generation;

/// <summary>Images at another size, bilinear without a low pass, as torch's interpolate has it (align_corners false): output pixel i lies
/// at (i + 1/2) H / H' - 1/2 of the input, at its border where that is outside.</summary>
internal sealed class BilinearImages
{
    private readonly ImageSize _from;
    private readonly Tap[] _rows,
        _columns;

    /// <summary>Prepares the taps.</summary>
    /// <param name="from">Size of the images; one channel stands for all three.</param>
    /// <param name="side">Side of the results, pixels.</param>
    public BilinearImages(ImageSize from, int side)
    {
        if (from.Channels is not (1 or 3))
            throw new ArgumentException($"Images have 1 or 3 channels, not {from.Channels}.", nameof(from));
        (_from, _rows, _columns) = (from, Taps(from.Height, side), Taps(from.Width, side));
    }

    private readonly record struct Tap(int First, int Second, double Weight);

    /// <summary>Resizes an image and scales its levels 0 to 255 to -1 to 1.</summary>
    /// <param name="pixels">Bytes [C, H, W].</param>
    /// <param name="result">[side, side, 3].</param>
    public void Resize(ReadOnlySpan<byte> pixels, Span<double> result)
    {
        var (w, at) = (_from.Width, 0);
        foreach (var r in _rows)
        foreach (var c in _columns)
            for (var channel = 0; channel < 3; channel++)
            {
                var plane = pixels.Slice(Math.Min(channel, _from.Channels - 1) * _from.Height * w, _from.Height * w);
                double Along(ReadOnlySpan<byte> row) => row[c.First] + (c.Weight * (row[c.Second] - row[c.First]));
                var (top, bottom) = (Along(plane.Slice(r.First * w, w)), Along(plane.Slice(r.Second * w, w)));
                result[at++] = ((top + (r.Weight * (bottom - top))) * (2 / 255.0)) - 1;
            }
    }

    private static Tap[] Taps(int size, int side)
    {
        var taps = new Tap[side];
        for (var i = 0; i < side; i++)
        {
            var place = Math.Max(0, ((i + 0.5) * size / side) - 0.5);
            var first = Math.Min((int)place, size - 1);
            taps[i] = new Tap(first, Math.Min(first + 1, size - 1), place - first);
        }

        return taps;
    }
}
