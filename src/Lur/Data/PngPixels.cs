using System.Buffers.Binary;

namespace Lur.Data;

/// <summary>Turns unfiltered rows of a PNG image into samples of 16 bits: palette looked up, alpha blended over white.</summary>
internal sealed class PngPixels
{
    private const int Full = 65535;

    private readonly string _path;
    private readonly PngHeader _header;
    private readonly byte[] _palette,
        _transparency;
    private readonly int[] _key = [];
    private readonly int _channels;

    public PngPixels(string path, PngHeader header, PngChunks chunks, int channels)
    {
        (_path, _header, _channels) = (path, header, channels);
        (_palette, _transparency) = (chunks.Palette, chunks.Transparency);
        if (header.ColourType == 3 && (_palette.Length == 0 || _palette.Length % 3 != 0))
            throw new UserErrorException($"'{path}' is a palette image without a palette; the file is damaged; {ImageFile.Remedy}.");
        // One colour is transparent: a sample of 16 bits a channel, of which the depth counts.
        if (header.ColourType is 0 or 2 && _transparency.Length >= 2 * header.Channels)
            _key =
            [
                .. Enumerable
                    .Range(0, header.Channels)
                    .Select(c => BinaryPrimitives.ReadUInt16BigEndian(_transparency.AsSpan(2 * c)) & ((1 << header.Depth) - 1)),
            ];
    }

    /// <summary>Largest sample so far of an image of 16 bits, alpha left out; 0 for fewer bits.</summary>
    public int Largest16 { get; private set; }

    /// <summary>Converts the first pixels of a row.</summary>
    public void Convert(ReadOnlySpan<byte> bytes, int width, Span<ushort> samples)
    {
        // Most files: bytes that are the samples.
        if (_header.Depth == 8 && _key.Length == 0 && ((_header.ColourType, _channels) is (0, 1) or (2, 3)))
        {
            for (var i = 0; i < width * _channels; i++)
                samples[i] = (ushort)(bytes[i] * 257);
            return;
        }
        Span<int> pixel = stackalloc int[4];
        for (var x = 0; x < width; x++)
        {
            var alpha = Full;
            if (_header.ColourType == 3)
                alpha = LookUp(Sample(bytes, x), pixel);
            else
            {
                for (var c = 0; c < _header.Channels; c++)
                    pixel[c] = Sample(bytes, x * _header.Channels + c);
                alpha = Spread(pixel);
            }
            Store(pixel, alpha, samples.Slice(x * _channels, _channels));
        }
    }

    private int Sample(ReadOnlySpan<byte> bytes, int index)
    {
        var depth = _header.Depth;
        if (depth == 8)
            return bytes[index];
        if (depth == 16)
            return BinaryPrimitives.ReadUInt16BigEndian(bytes[(2 * index)..]);
        var bit = index * depth;
        return (bytes[bit >> 3] >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
    }

    // The palette entry as red, green, blue of 16 bits; returns its alpha.
    private int LookUp(int entry, Span<int> pixel)
    {
        if (3 * entry + 2 >= _palette.Length)
            throw new UserErrorException(
                $"'{_path}': a pixel names entry {entry} of a palette of {_palette.Length / 3}; the file is damaged; {ImageFile.Remedy}."
            );
        for (var c = 0; c < 3; c++)
            pixel[c] = _palette[3 * entry + c] * 257;
        return entry < _transparency.Length ? _transparency[entry] * 257 : Full;
    }

    // Samples of the depth as red, green, blue of 16 bits; returns alpha.
    private int Spread(Span<int> pixel)
    {
        int channels = _header.Channels,
            scale = Full / ((1 << _header.Depth) - 1);
        var alpha = channels is 2 or 4 ? pixel[channels - 1] * scale : Full;
        if (_key.Length > 0 && pixel[.._key.Length].SequenceEqual(_key))
            alpha = 0;
        for (var c = 0; c < (_header.IsGrey ? 1 : 3); c++)
        {
            if (_header.Depth == 16)
                Largest16 = Math.Max(Largest16, pixel[c]);
            pixel[c] *= scale;
        }
        if (_header.IsGrey)
            pixel[1] = pixel[2] = pixel[0];
        return alpha;
    }

    private void Store(Span<int> pixel, int alpha, Span<ushort> target)
    {
        for (var c = 0; c < 3 && alpha != Full; c++)
            pixel[c] = OverWhite(pixel[c], alpha);
        if (target.Length == 1)
            target[0] = (ushort)(_header.IsGrey ? pixel[0] : Luma(pixel[0], pixel[1], pixel[2]));
        else
            for (var c = 0; c < 3; c++)
                target[c] = (ushort)pixel[c];
    }

    // Of 8 bits or fewer the result is rounded to 8, as other readers do.
    private int OverWhite(int value, int alpha) =>
        _header.Depth == 16
            ? (int)(((long)value * alpha + (long)Full * (Full - alpha) + Full / 2) / Full)
            : (value / 257 * (alpha / 257) + 255 * (255 - alpha / 257) + 127) / 255 * 257;

    /// <summary>Grey of a colour: the weights of ITU-R BT.601 in 256ths.</summary>
    public static int Luma(int red, int green, int blue) => (77 * red + 150 * green + 29 * blue + 128) >> 8;
}
