using Lur.Tensors;

namespace Lur.Tests.Diffusion;

/// <summary>The numbers that a sampler draws, from Philox by hand.</summary>
internal static class SamplerDraws
{
    /// <summary>Normal numbers of some rows, [rows, length].</summary>
    public static double[] Noise(string purpose, ulong step, ulong first, int rows, int length, ulong seed)
    {
        var noise = new double[rows * length];
        for (var i = 0; i < noise.Length; i++)
        {
            var j = i % length;
            var index = ((first + (ulong)(i / length)) << 24) + (ulong)(j / 4);
            var (x, y, z, w) = Philox.Block(seed, RandomStream.StreamOf(purpose) + step, index);
            var (bits, turn) = j % 4 < 2 ? (x, y) : (z, w);
            var (radius, angle) = (Math.Sqrt(-2 * Math.Log((bits + 0.5) / 4294967296)), 2 * Math.PI * Philox.Uniform(turn));
            noise[i] = radius * (j % 2 == 0 ? Math.Cos(angle) : Math.Sin(angle));
        }

        return noise;
    }

    /// <summary>[positions, channels] as [channels, positions].</summary>
    public static double[] Channels(double[] image, int channels)
    {
        var (positions, moved) = (image.Length / channels, new double[image.Length]);
        for (var i = 0; i < image.Length; i++)
            moved[(i % channels * positions) + (i / channels)] = image[i];
        return moved;
    }
}
