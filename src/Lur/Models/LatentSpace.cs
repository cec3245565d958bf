namespace Lur.Models;

/// <summary>What the numbers are that a latent diffusion model draws: latents of pictures, of which an autoencoder knows the way
/// back.</summary>
/// <param name="pictures">Size of a picture.</param>
/// <param name="decode">Bytes of a picture, [C, H, W], of its latents as a network sees them, [C, H, W]; null where nobody looks.</param>
public sealed class LatentSpace(ImageSize pictures, Func<float[], byte[]>? decode = null)
{
    /// <summary>Size of a picture.</summary>
    public ImageSize Pictures { get; } = pictures;

    /// <summary>Bytes of a picture, [C, H, W].</summary>
    /// <param name="latents">Its latents as a network sees them, [C, H, W].</param>
    /// <exception cref="InvalidOperationException">There is no way back.</exception>
    public byte[] Decode(float[] latents) =>
        (decode ?? throw new InvalidOperationException("The latents were opened to be trained on, not to be looked at."))(latents);
}
