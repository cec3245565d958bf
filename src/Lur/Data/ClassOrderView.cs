namespace Lur.Data;

/// <summary>A data set with its classes in the order of a model: the same samples at the same places under other labels. Disposing
/// the view does not dispose the set.</summary>
internal sealed class ClassOrderView : IImageDataset
{
    private readonly int[] _newLabel;

    /// <summary>Creates a view.</summary>
    /// <param name="data">The set.</param>
    /// <param name="order">Its label of each class of the view.</param>
    public ClassOrderView(IImageDataset data, int[] order)
    {
        Data = data;
        Order = order;
        ClassNames = [.. order.Select(c => data.ClassNames[c])];
        _newLabel = ClassOrder.Inverse(order);
    }

    /// <summary>The set under the view.</summary>
    public IImageDataset Data { get; }

    /// <summary>The set's label of each class of the view.</summary>
    public IReadOnlyList<int> Order { get; }

    public string Name => Data.Name;

    public int Count => Data.Count;

    public int Channels => Data.Channels;

    public int Height => Data.Height;

    public int Width => Data.Width;

    public bool IsReal => Data.IsReal;

    public IReadOnlyList<string> ClassNames { get; }

    public int Label(int index) => _newLabel[Data.Label(index)];

    public void CopyImage(int index, Span<byte> chw) => Data.CopyImage(index, chw);

    public string? RelativePath(int index) => Data.RelativePath(index);

    public SampleId Identify(int index) => Data.Identify(index);

    public string ContentSha256(int index) => Data.ContentSha256(index);

    public void AppendContent(ContentHash hash) => Data.AppendContent(hash);

    public void Dispose() { }
}
