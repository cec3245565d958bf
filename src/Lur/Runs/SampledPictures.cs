using Lur.Models;
using Lur.Tasks.Diffusion;

namespace Lur.Runs;

/// <summary>Pictures of what a model draws: its images, or latents that the autoencoder of its pipeline decodes.</summary>
internal sealed class SampledPictures : IDisposable
{
    private readonly Autoencoder? _autoencoder;
    private readonly ImageSize _drawn;

    /// <summary>Opens the autoencoder where there is one.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">Its file.</param>
    /// <exception cref="UserErrorException">The autoencoder is damaged or of another model, or there is none and the model draws something
    /// else than images.</exception>
    public SampledPictures(Model model, string path)
    {
        _drawn = model.Spec.Input with { Channels = model.Outputs };
        var folder = PromptBook.IsOf(model) && PromptFolder.Of(model, path) is { } pipeline ? PromptFolder.AutoencoderOf(pipeline) : null;
        if (folder is not null)
            _autoencoder = Autoencoder.Open(folder, model.Device);
        var latents = _autoencoder?.Spec.LatentChannels ?? model.Outputs;
        if (latents != model.Outputs)
            throw new UserErrorException(
                $"The autoencoder in '{folder}' decodes {latents} channels, and the model draws {model.Outputs}; it belongs to another "
                    + "model."
            );
        Size = _autoencoder is { Spec: var spec }
            ? new ImageSize(_drawn.Height * spec.Downscale, _drawn.Width * spec.Downscale, spec.OutputChannels)
            : _drawn;
        if (Size.Channels is not (1 or 3))
            throw new UserErrorException($"'{path}' draws {Size.Channels} channels, and a PNG file has 1 or 3 of them.");
    }

    /// <summary>True where latents are drawn.</summary>
    public bool Decodes => _autoencoder is not null;

    /// <summary>Size of a picture.</summary>
    public ImageSize Size { get; }

    /// <summary>The bytes of a picture, [C, H, W].</summary>
    /// <param name="drawn">An image in [0, 1], or latents, [C, H, W].</param>
    public byte[] Of(ReadOnlySpan<float> drawn)
    {
        if (_autoencoder is null)
            return ImageSampler.ToBytes(drawn);
        var (pixels, channels) = (_drawn.Height * _drawn.Width, _drawn.Channels);
        var latents = new double[drawn.Length];
        for (var i = 0; i < drawn.Length; i++)
            latents[(i % pixels * channels) + (i / pixels)] = drawn[i];
        var decoded = _autoencoder.Decode(latents, Size.Height, Size.Width);
        var picture = new float[decoded.Length];
        var (area, colours) = (Size.Height * Size.Width, Size.Channels);
        for (var i = 0; i < decoded.Length; i++)
            picture[(i % colours * area) + (i / colours)] = (float)Math.Clamp((decoded[i] / 2) + 0.5, 0, 1);
        return ImageSampler.ToBytes(picture);
    }

    /// <inheritdoc/>
    public void Dispose() => _autoencoder?.Dispose();
}
