namespace Lur.Data;

/// <summary>Images in memory, such as those that a model has drawn.</summary>
/// <param name="name">Name, for messages.</param>
/// <param name="like">Gives size, channels and classes.</param>
/// <param name="pixels">Bytes, or numbers of four, [n, C, H, W].</param>
/// <param name="labels">Labels, n.</param>
public sealed class MemoryImages(string name, IImageDataset like, byte[] pixels, int[] labels) : IImageDataset
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public int Count => labels.Length;

    /// <inheritdoc/>
    public int Channels { get; } = like.Channels;

    /// <inheritdoc/>
    public int Height { get; } = like.Height;

    /// <inheritdoc/>
    public int Width { get; } = like.Width;

    /// <inheritdoc/>
    public bool IsReal { get; } = like.IsReal;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames { get; } = like.ClassNames;

    /// <inheritdoc/>
    public int Label(int index) => labels[index];

    /// <inheritdoc/>
    public void CopyImage(int index, Span<byte> chw)
    {
        ImageDatasets.CheckSample(this, index, chw.Length);
        pixels.AsSpan(index * chw.Length, chw.Length).CopyTo(chw);
    }

    /// <summary>The same images with one label each.</summary>
    /// <param name="label">The label.</param>
    public MemoryImages Labelled(int label) => new(name, this, pixels, [.. Sequences.Repeat(label, labels.Length)]);

    /// <inheritdoc/>
    public void Dispose() { }
}
