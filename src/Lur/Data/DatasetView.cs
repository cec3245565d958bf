namespace Lur.Data;

/// <summary>Some samples of another set, in a given order. Disposing the view does not dispose the set.</summary>
/// <param name="data">The set.</param>
/// <param name="indices">Which of its samples.</param>
/// <param name="name">Name of the view, or null for that of the set.</param>
public sealed class DatasetView(IImageDataset data, int[] indices, string? name = null) : IImageDataset
{
    /// <inheritdoc/>
    public string Name => name ?? data.Name;

    /// <inheritdoc/>
    public int Count => indices.Length;

    /// <inheritdoc/>
    public int Channels => data.Channels;

    /// <inheritdoc/>
    public int Height => data.Height;

    /// <inheritdoc/>
    public int Width => data.Width;

    /// <inheritdoc/>
    public bool IsReal => data.IsReal;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames => data.ClassNames;

    /// <inheritdoc/>
    public int Label(int index) => data.Label(indices[index]);

    /// <inheritdoc/>
    public void CopyImage(int index, Span<byte> chw) => data.CopyImage(indices[index], chw);

    /// <inheritdoc/>
    public string? RelativePath(int index) => data.RelativePath(indices[index]);

    /// <inheritdoc/>
    public SampleId Identify(int index) => data.Identify(indices[index]);

    /// <inheritdoc/>
    public string ContentSha256(int index) => data.ContentSha256(indices[index]);

    /// <inheritdoc/>
    public void Dispose() { }
}
