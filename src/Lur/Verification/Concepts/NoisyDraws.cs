using System.Runtime.InteropServices;
using Lur.Data;
using Lur.Models;
using Lur.Tasks.Diffusion;
using Lur.Tensors;

namespace Lur.Verification.Concepts;

/// <summary>Noisy images as numbers.</summary>
/// <param name="Noisy">x_t, [n, H, W, C].</param>
/// <param name="Times">t, [n].</param>
/// <param name="Target">What a network is to predict, [n, H, W, C].</param>
internal sealed record NoisyNumbers(double[] Noisy, int[] Times, double[] Target);

/// <summary>Some images with noise at time steps drawn anew, for attacks that look at them again and again.</summary>
internal sealed class NoisyDraws
{
    private readonly DiffusionNoise _noise;
    private readonly double[][] _clean;
    private readonly RandomStream _random;

    /// <summary>Reads the images.</summary>
    /// <param name="model">Gives noise and normalisation.</param>
    /// <param name="data">Data set.</param>
    /// <param name="samples">Images; at least one.</param>
    /// <param name="random">Draws images, time steps and noise.</param>
    public NoisyDraws(Model model, IImageDataset data, IReadOnlyList<int> samples, RandomStream random)
    {
        (_noise, _random) = (DiffusionNoise.Of(model), random);
        _clean = [.. samples.Select(i => Clean(model, data, i))];
    }

    /// <summary>Time steps of the noise.</summary>
    public int TimeSteps => _noise.Schedule.Count;

    /// <summary>The next batch.</summary>
    /// <param name="rows">Images.</param>
    /// <param name="time">Time step of all; null to draw one for each.</param>
    public NoisyNumbers Next(int rows, int? time = null)
    {
        var size = _clean[0].Length;
        var (noisy, times, target) = (new double[rows * size], new int[rows], new double[rows * size]);
        for (var row = 0; row < rows; row++)
        {
            var clean = _clean[_random.Below(_clean.Length)];
            times[row] = time ?? _random.Below(_noise.Schedule.Count);
            var kept = _noise.Schedule.AlphasCumprod[times[row]];
            double a = Math.Sqrt(kept),
                b = Math.Sqrt(1 - kept);
            for (var j = 0; j < size; j++)
            {
                double x = clean[j],
                    e = _random.Normal();
                noisy[(row * size) + j] = (a * x) + (b * e);
                target[(row * size) + j] = _noise.Config.Prediction switch
                {
                    PredictionType.Epsilon => e,
                    PredictionType.Sample => x,
                    _ => (a * e) - (b * x),
                };
            }
        }

        return new NoisyNumbers(noisy, times, target);
    }

    /// <summary>A sample as the network sees it, [H, W, C]: pixels normalised, latents as they are.</summary>
    internal static double[] Clean(Model model, IImageDataset data, int sample)
    {
        var bytes = new byte[data.SampleBytes];
        data.CopyImage(sample, bytes);
        var (c, values) = (data.Channels, new double[data.SampleNumbers]);
        var pixels = values.Length / c;
        var numbers = data.IsReal ? MemoryMarshal.Cast<byte, float>(bytes.AsSpan()) : [];
        for (var i = 0; i < values.Length; i++)
        {
            var (channel, pixel) = (i / pixels, i % pixels);
            values[(pixel * c) + channel] = data.IsReal
                ? numbers[i]
                : ((bytes[i] / 255.0) - model.Normalization.Mean[channel]) / model.Normalization.Std[channel];
        }

        return values;
    }
}
