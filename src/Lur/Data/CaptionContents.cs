namespace Lur.Data;

/// <summary>The images of <see cref="CaptionsDataset"/> with the set of their shapes, or of their colours, for labels: what a judge of
/// pictures learns from.</summary>
public sealed class CaptionContents : IImageDataset
{
    private readonly CaptionsDataset _data;
    private readonly int[] _labels;

    /// <summary>Takes the images.</summary>
    /// <param name="data">The images.</param>
    /// <param name="colours">True for sets of colours; false: of shapes.</param>
    public CaptionContents(CaptionsDataset data, bool colours)
    {
        ArgumentNullException.ThrowIfNull(data);
        _data = data;
        Name = data.Name + (colours ? "-colours" : "-shapes");
        ClassNames = CaptionGrammar.Pairs(colours ? CaptionGrammar.Colours : CaptionGrammar.Shapes);
        _labels = [.. CaptionGrammar.Captions.Select(c => colours ? c.Scene.ColourPair : c.Scene.ShapePair)];
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int Count => _data.Count;

    /// <inheritdoc/>
    public int Channels => _data.Channels;

    /// <inheritdoc/>
    public int Height => _data.Height;

    /// <inheritdoc/>
    public int Width => _data.Width;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public int Label(int index) => _labels[_data.Label(index)];

    /// <inheritdoc/>
    public void CopyImage(int index, Span<byte> chw) => _data.CopyImage(index, chw);

    /// <summary>Number of the set of shapes that a sentence names; below 0 for a sentence that is none of the grammar's.</summary>
    public static int ShapesOf(string sentence) => CaptionGrammar.Parse(sentence)?.ShapePair ?? -1;

    /// <summary>For each set of shapes whether a shape is in it.</summary>
    /// <param name="noun">Name of the shape, the first of its names.</param>
    /// <exception cref="UserErrorException">There is no such shape.</exception>
    public static bool[] Holding(string noun)
    {
        var shape = CaptionGrammar.Shapes.ToList().IndexOf(noun);
        if (shape < 0)
            throw new UserErrorException(
                $"'{noun}' is no shape of the generated captions; they are {string.Join(", ", CaptionGrammar.Shapes)}."
            );
        var holding = new bool[CaptionGrammar.Pairs(CaptionGrammar.Shapes).Count];
        for (var other = 0; other < CaptionGrammar.Shapes.Count; other++)
            holding[CaptionGrammar.PairOf(shape, other, CaptionGrammar.Shapes.Count)] = true;
        return holding;
    }

    /// <inheritdoc/>
    public void Dispose() => _data.Dispose();
}
