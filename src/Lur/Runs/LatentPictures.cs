using Lur.Models;
using Lur.Tasks.Diffusion;

namespace Lur.Runs;

/// <summary>Pictures from latents and back, as bytes and numbers in the order of data sets. Not thread-safe.</summary>
internal sealed class LatentPictures : IDisposable
{
    private readonly Autoencoder _autoencoder;
    private readonly ImageSize _latents;

    /// <summary>Takes an autoencoder.</summary>
    /// <param name="autoencoder">The autoencoder, which is freed with this.</param>
    /// <param name="latents">Size of the latents.</param>
    public LatentPictures(Autoencoder autoencoder, ImageSize latents)
    {
        (_autoencoder, _latents) = (autoencoder, latents);
        Size = SizeOf(autoencoder.Spec, latents);
    }

    /// <summary>Size of a picture that is decoded.</summary>
    public ImageSize Size { get; }

    /// <summary>Channels of a picture that is encoded.</summary>
    public int InputChannels => _autoencoder.Spec.InputChannels;

    /// <summary>Size of the pictures of some latents.</summary>
    public static ImageSize SizeOf(AutoencoderSpec spec, ImageSize latents) =>
        new(latents.Height * spec.Downscale, latents.Width * spec.Downscale, spec.OutputChannels);

    /// <summary>Bytes of a picture, [C, H, W].</summary>
    /// <param name="latents">Its latents as a network sees them, [C, H, W].</param>
    public byte[] Decode(ReadOnlySpan<float> latents)
    {
        var (pixels, channels) = (_latents.Height * _latents.Width, _latents.Channels);
        var interleaved = new double[latents.Length];
        for (var i = 0; i < latents.Length; i++)
            interleaved[(i % pixels * channels) + (i / pixels)] = latents[i];
        var decoded = _autoencoder.Decode(interleaved, Size.Height, Size.Width);
        var picture = new float[decoded.Length];
        var (area, colours) = (Size.Height * Size.Width, Size.Channels);
        for (var i = 0; i < decoded.Length; i++)
            picture[(i % colours * area) + (i / colours)] = (float)Math.Clamp((decoded[i] / 2) + 0.5, 0, 1);
        return ImageSampler.ToBytes(picture);
    }

    /// <summary>Latents of pictures as a network sees them, [n, C, H, W].</summary>
    /// <param name="pictures">Bytes, [n, C, H, W]; one channel stands for all that are encoded.</param>
    /// <param name="channels">Channels of the bytes.</param>
    /// <param name="normal">Fills the numbers of mean 0 and deviation 1 of a picture, [H, W, C] of its latents; null for the means.</param>
    public float[] Encode(ReadOnlySpan<byte> pictures, int channels, Action<int, Span<double>>? normal)
    {
        var (area, inputs, each) = (Size.Height * Size.Width, InputChannels, _latents.Height * _latents.Width * _latents.Channels);
        var count = pictures.Length / (area * channels);
        var images = new double[count * area * inputs];
        for (var i = 0; i < images.Length; i++)
        {
            var (pixel, channel) = (i / inputs, i % inputs);
            var (picture, at) = (pixel / area, pixel % area);
            images[i] = (pictures[(((picture * channels) + (channels == 1 ? 0 : channel)) * area) + at] / 127.5) - 1;
        }

        var noise = normal is null ? [] : new double[count * each];
        for (var n = 0; normal is not null && n < count; n++)
            normal(n, noise.AsSpan(n * each, each));
        var encoded = _autoencoder.Encode(images, Size.Height, Size.Width, noise);
        var (pixels, depth) = (_latents.Height * _latents.Width, _latents.Channels);
        var latents = new float[encoded.Length];
        for (var i = 0; i < encoded.Length; i++)
        {
            var (n, j) = (i / each, i % each);
            latents[(n * each) + (j % depth * pixels) + (j / depth)] = (float)encoded[i];
        }

        return latents;
    }

    /// <inheritdoc/>
    public void Dispose() => _autoencoder.Dispose();
}
