using System.Runtime.InteropServices;
using Lur.Data;
using Lur.Models;

namespace Lur.Runs;

/// <summary>Pictures of latents, decoded each time one is asked for. Not thread-safe.</summary>
/// <param name="latents">The latents.</param>
/// <param name="space">Knows the way back.</param>
internal sealed class DecodedPictures(IImageDataset latents, LatentSpace space) : IImageDataset
{
    /// <inheritdoc/>
    public string Name => latents.Name;

    /// <inheritdoc/>
    public int Count => latents.Count;

    /// <inheritdoc/>
    public int Channels => space.Pictures.Channels;

    /// <inheritdoc/>
    public int Height => space.Pictures.Height;

    /// <inheritdoc/>
    public int Width => space.Pictures.Width;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames => latents.ClassNames;

    /// <inheritdoc/>
    public int Label(int index) => latents.Label(index);

    /// <inheritdoc/>
    public void CopyImage(int index, Span<byte> chw)
    {
        var numbers = new float[latents.SampleNumbers];
        latents.CopyImage(index, MemoryMarshal.AsBytes(numbers.AsSpan()));
        space.Decode(numbers).CopyTo(chw);
    }

    /// <inheritdoc/>
    public void Dispose() { }
}
