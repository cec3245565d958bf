namespace Lur.Tests.Reference;

/// <summary>Philox4x32-10 and the augmentation that draws from it, from their definitions.</summary>
internal static class AugmentReference
{
    /// <summary>Ten rounds as in Salmon et al., SC 2011: counter (index, stream), key seed.</summary>
    public static uint[] Philox(ulong seed, ulong stream, ulong index)
    {
        uint[] c = [(uint)index, (uint)(index >> 32), (uint)stream, (uint)(stream >> 32)];
        var (k0, k1) = ((uint)seed, (uint)(seed >> 32));
        for (var round = 0; round < 10; round++)
        {
            var (a, b) = (0xD2511F53UL * c[0], 0xCD9E8D57UL * c[2]);
            c = [(uint)(b >> 32) ^ c[1] ^ k0, (uint)b, (uint)(a >> 32) ^ c[3] ^ k1, (uint)a];
            k0 = unchecked(k0 + 0x9E3779B9u);
            k1 = unchecked(k1 + 0xBB67AE85u);
        }
        return c;
    }

    /// <summary>Pad with black, cut (top, left), mirror, normalise; images [n, C, H, W], result [n, H, W, C].</summary>
    public static double[] Augment(
        byte[] images,
        int channels,
        int height,
        int width,
        double[] mean,
        double[] std,
        (int Top, int Left, bool Flip)[] draws,
        int pad
    )
    {
        var y = new double[images.Length];
        for (var i = 0; i < y.Length; i++)
        {
            var (c, w, h, n) = (i % channels, i / channels % width, i / channels / width % height, i / channels / width / height);
            var (top, left, flip) = draws[n];
            var (sourceH, sourceW) = (top + h - pad, left + (flip ? width - 1 - w : w) - pad);
            var inside = sourceH >= 0 && sourceH < height && sourceW >= 0 && sourceW < width;
            var pixel = inside ? images[((n * channels + c) * height + sourceH) * width + sourceW] : 0;
            y[i] = (pixel / 255.0 - mean[c]) / std[c];
        }
        return y;
    }

    /// <summary>The draws of a batch whose first sample has the given index.</summary>
    public static (int Top, int Left, bool Flip)[] Draws(int n, ulong seed, ulong stream, ulong first, int pad) =>
        [
            .. Enumerable
                .Range(0, n)
                .Select(s =>
                {
                    var b = Philox(seed, stream, first + (ulong)s);
                    int Below(uint bits, int bound) => (int)((ulong)bits * (uint)bound >> 32);
                    return (Below(b[0], 2 * pad + 1), Below(b[1], 2 * pad + 1), b[2] >> 31 != 0);
                }),
        ];
}
