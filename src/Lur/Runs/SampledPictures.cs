using Lur.Device;
using Lur.Models;
using Lur.Tasks.Diffusion;

namespace Lur.Runs;

/// <summary>Pictures of what a model draws: its images, or latents that the autoencoder of its pipeline decodes.</summary>
internal sealed class SampledPictures : IDisposable
{
    private readonly LatentPictures? _decoder;

    /// <summary>Opens the autoencoder where there is one.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">Its file.</param>
    /// <exception cref="UserErrorException">The model is a classifier; the autoencoder is damaged or of another model, or there is none and
    /// the model draws something else than images.</exception>
    public SampledPictures(Model model, string path)
    {
        if (model.Spec is not UNetSpec)
            throw new UserErrorException($"The model of '{path}' is a classifier, which draws nothing; images are drawn by a UNet.");
        var drawn = model.Spec.Input with { Channels = model.Outputs };
        var folder = PromptBook.IsOf(model) && PromptFolder.Of(model, path) is { } pipeline ? PromptFolder.AutoencoderOf(pipeline) : null;
        if (folder is not null)
            _decoder = Open(folder, model.Device, drawn);
        Size = _decoder?.Size ?? drawn;
        if (Size.Channels is not (1 or 3))
            throw new UserErrorException($"'{path}' draws {Size.Channels} channels, and a PNG file has 1 or 3 of them.");
    }

    /// <summary>True where latents are drawn.</summary>
    public bool Decodes => _decoder is not null;

    /// <summary>Size of a picture.</summary>
    public ImageSize Size { get; }

    /// <summary>Opens the autoencoder of a model.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="device">Device to compute on.</param>
    /// <param name="latents">What the model draws.</param>
    /// <exception cref="UserErrorException">It is damaged, or of another model.</exception>
    public static LatentPictures Open(string folder, ComputeDevice device, ImageSize latents)
    {
        var autoencoder = Autoencoder.Open(folder, device);
        if (autoencoder.Spec.LatentChannels == latents.Channels)
            return new LatentPictures(autoencoder, latents);
        autoencoder.Dispose();
        throw new UserErrorException(
            $"The autoencoder in '{folder}' decodes {autoencoder.Spec.LatentChannels} channels, and the model draws {latents.Channels}; it "
                + "belongs to another model."
        );
    }

    /// <summary>The bytes of a picture, [C, H, W].</summary>
    /// <param name="drawn">An image in [0, 1], or latents, [C, H, W].</param>
    public byte[] Of(ReadOnlySpan<float> drawn) => _decoder is null ? ImageSampler.ToBytes(drawn) : _decoder.Decode(drawn);

    /// <inheritdoc/>
    public void Dispose() => _decoder?.Dispose();
}
