using System.Globalization;
using Lur.Tensors;

namespace Lur.Data;

/// <summary>A data set whose samples are drawn when they are read, in colour and square. Sample i has label i mod the number of classes
/// and does not depend on the size of the set.</summary>
public abstract class GeneratedDataset : IImageDataset
{
    private readonly int _side;
    private readonly ulong _seed,
        _stream;

    private protected GeneratedDataset(
        string kind,
        int version,
        IReadOnlyList<string> classes,
        int side,
        int count,
        ulong seed,
        SyntheticPart part
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        (Count, ClassNames, _side, _seed) = (count, classes, side, seed);
        var name = part == SyntheticPart.Train ? "train" : "test";
        _stream = RandomStream.StreamOf($"data/{kind}/{name}");
        Name = string.Create(CultureInfo.InvariantCulture, $"{kind}{version}-{name}-{seed}");
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public int Channels => 3;

    /// <inheritdoc/>
    public int Height => _side;

    /// <inheritdoc/>
    public int Width => _side;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public int Label(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        return index % ClassNames.Count;
    }

    /// <inheritdoc/>
    public void CopyImage(int index, Span<byte> chw)
    {
        ImageDatasets.CheckSample(this, index, chw.Length);
        Draw(Label(index), new SampleRandom(_seed, _stream, index), chw);
    }

    /// <inheritdoc/>
    public void Dispose() => GC.SuppressFinalize(this);

    private protected abstract void Draw(int label, SampleRandom random, Span<byte> chw);
}
