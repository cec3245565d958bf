using System.Text;
using Lur.Device;
using Lur.Models;

namespace Lur.Tasks.Diffusion;

/// <summary>The autoencoder of a latent diffusion model: images to latents and back, a few at a time so that memory stays bounded. Each
/// half is read when it is first used. Not thread-safe.</summary>
public sealed class Autoencoder : IDisposable
{
    private const double LeastLogVariance = -30,
        MostLogVariance = 20;

    private readonly DiffusersPlaces _places;
    private readonly ComputeDevice _device;
    private readonly Precision _precision;
    private ImageMap? _encoder,
        _decoder;

    private Autoencoder(DiffusersPlaces places, ComputeDevice device, Precision precision)
    {
        (_places, _device, _precision) = (places, device, precision);
        var config = places.At(places.Config);
        Spec = AutoencoderSpec.Read(config, Encoding.UTF8.GetBytes(places.ReadText(places.Config)));
        var side = Spec.Downscale;
        PartTensors.Require(places, [Spec.Encoder(side, side), Spec.Decoder(side, side)], $"the autoencoder of '{config}'");
    }

    /// <summary>What it is.</summary>
    public AutoencoderSpec Spec { get; }

    /// <summary>Opens an autoencoder and looks at its files.</summary>
    /// <param name="folder">Folder with config.json and the weights.</param>
    /// <param name="device">Device to compute on.</param>
    /// <param name="precision">Element type on the device; the files may have another.</param>
    /// <exception cref="UserErrorException">A file is missing, damaged, a pickle, or of a network that is not built here.</exception>
    public static Autoencoder Open(string folder, ComputeDevice device, Precision precision = Precision.Float32)
    {
        ArgumentNullException.ThrowIfNull(device);
        return new(DiffusersPlaces.Part(folder, ""), device, precision);
    }

    /// <summary>Encodes images as a UNet sees them: (mean + deviation noise) scaling factor, [N, H / s, W / s, L].</summary>
    /// <param name="images">[N, H, W, C] in [-1, 1].</param>
    /// <param name="height">H, a multiple of <see cref="AutoencoderSpec.Downscale"/>, s.</param>
    /// <param name="width">W, likewise.</param>
    /// <param name="noise">[N, H / s, W / s, L] of mean 0 and deviation 1; empty for the mean.</param>
    /// <exception cref="UserErrorException">The sides are no multiples.</exception>
    public double[] Encode(ReadOnlySpan<double> images, int height, int width, ReadOnlySpan<double> noise = default)
    {
        var (latents, logVariances) = Moments(images, height, width);
        if (noise.Length != 0 && noise.Length != latents.Length)
            throw new ArgumentException($"{latents.Length} numbers of noise are needed; {noise.Length} were given.", nameof(noise));
        for (var i = 0; i < latents.Length; i++)
        {
            if (noise.Length != 0)
                latents[i] += Math.Exp(logVariances[i] / 2) * noise[i];
            latents[i] *= Spec.ScalingFactor;
        }

        return latents;
    }

    /// <summary>Means and log-variances of the latents of images, [N, H / s, W / s, L] each and not scaled.</summary>
    /// <inheritdoc cref="Encode"/>
    public (double[] Means, double[] LogVariances) Moments(ReadOnlySpan<double> images, int height, int width)
    {
        RequireSides(height, width);
        _encoder ??= Map("encoder", Spec.Encoder);
        var both = _encoder.Of(images, height, width);
        var (means, logVariances, l) = (new double[both.Length / 2], new double[both.Length / 2], Spec.LatentChannels);
        for (var i = 0; i < both.Length; i++)
        {
            var (pixel, channel) = (i / (2 * l), i % (2 * l));
            if (channel < l)
                means[(pixel * l) + channel] = both[i];
            else
                logVariances[(pixel * l) + channel - l] = Math.Clamp(both[i], LeastLogVariance, MostLogVariance);
        }

        return (means, logVariances);
    }

    /// <summary>Decodes latents: images [N, H, W, C], about in [-1, 1] and not clamped.</summary>
    /// <param name="latents">[N, H / s, W / s, L] as a UNet sees them.</param>
    /// <param name="height">H, a multiple of <see cref="AutoencoderSpec.Downscale"/>, s.</param>
    /// <param name="width">W, likewise.</param>
    /// <exception cref="UserErrorException">The sides are no multiples.</exception>
    public double[] Decode(ReadOnlySpan<double> latents, int height, int width)
    {
        RequireSides(height, width);
        _decoder ??= Map("decoder", Spec.Decoder);
        var unscaled = latents.ToArray();
        for (var i = 0; i < unscaled.Length; i++)
            unscaled[i] /= Spec.ScalingFactor;
        return _decoder.Of(unscaled, height, width);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _encoder?.Dispose();
        _decoder?.Dispose();
    }

    private ImageMap Map(string half, Func<int, int, Layers.Network> build)
    {
        var map = new ImageMap(_device, _precision, $"autoencoder {half}", build, Spec.Downscale);
        try
        {
            PartTensors.Read(_places, map.Weights);
            return map;
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }

    private void RequireSides(int height, int width)
    {
        if (height < 1 || width < 1 || height % Spec.Downscale != 0 || width % Spec.Downscale != 0)
            throw new UserErrorException(
                $"The autoencoder halves images {Spec.Widths.Count - 1} times: {width} x {height} pixels are not a multiple of "
                    + $"{Spec.Downscale}; use images of another size."
            );
    }
}
