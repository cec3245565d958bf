namespace Lur.Data;

/// <summary>Labelled images in the memory of a program, as a data set (<see cref="DataOptions.Memory"/>). Nothing is copied: the memory
/// must stay as it is while a run uses it.</summary>
public sealed record ImageMemory
{
    /// <summary>Channels of an image: 1 (grey) or 3 (red, green, blue).</summary>
    public required int Channels { get; init; }

    /// <summary>Rows of an image.</summary>
    public required int Height { get; init; }

    /// <summary>Columns of an image.</summary>
    public required int Width { get; init; }

    /// <summary>Names of the classes; a label is an index into this list.</summary>
    public required IReadOnlyList<string> ClassNames { get; init; }

    /// <summary>Training images, [n, channel, row, column].</summary>
    public required ReadOnlyMemory<byte> Pixels { get; init; }

    /// <summary>Labels of the training images, n.</summary>
    public required ReadOnlyMemory<int> Labels { get; init; }

    /// <summary>Test images; none holds a share of the training images out (<see cref="DataOptions.TestShare"/>).</summary>
    public ReadOnlyMemory<byte> TestPixels { get; init; }

    /// <summary>Labels of the test images.</summary>
    public ReadOnlyMemory<int> TestLabels { get; init; }

    /// <summary>The data set.</summary>
    /// <param name="name">Its name, for messages and names of samples.</param>
    /// <param name="options">How a test part is held out.</param>
    /// <exception cref="UserErrorException">The numbers do not fit one another.</exception>
    internal DataSource Open(string name, DataOptions options)
    {
        if (Channels is not (1 or 3) || Height < 1 || Width < 1)
            throw new UserErrorException(
                $"The images of '{name}' are said to be {Channels} x {Height} x {Width} (channels, height, width); expected 1 or 3 "
                    + "channels, and at least one row and column."
            );
        if (ClassNames.Count == 0 || ClassNames.Distinct(StringComparer.Ordinal).Count() != ClassNames.Count)
            throw new UserErrorException($"The classes of '{name}' need a name each, and each its own.");
        var train = new MemoryDataset(name, this, Pixels, Labels);
        if (TestLabels.Length + TestPixels.Length == 0)
            return DataSource.HoldOut(Format, train, options);
        train.RequireEveryClass();
        var test = new MemoryDataset($"{name} (test)", this, TestPixels, TestLabels);
        return new DataSource(Format, train, test, "given with the training images", train, test);
    }

    private const string Format = "memory";

    private sealed class MemoryDataset : IImageDataset
    {
        private readonly ImageMemory _memory;
        private readonly ReadOnlyMemory<byte> _pixels;
        private readonly ReadOnlyMemory<int> _labels;

        public MemoryDataset(string name, ImageMemory memory, ReadOnlyMemory<byte> pixels, ReadOnlyMemory<int> labels)
        {
            (Name, _memory, _pixels, _labels) = (name, memory, pixels, labels);
            if (pixels.Length != (long)labels.Length * this.SampleBytes)
                throw new UserErrorException(
                    $"{name} has {labels.Length} labels and {pixels.Length} bytes of pixels; {labels.Length} images of {Channels} x "
                        + $"{Height} x {Width} take {(long)labels.Length * this.SampleBytes}."
                );
            for (var i = 0; i < labels.Length; i++)
                if (Label(i) < 0 || Label(i) >= ClassNames.Count)
                    throw new UserErrorException(
                        $"Sample {i} of {name} has the label {Label(i)}; with {ClassNames.Count} classes labels are 0 to "
                            + $"{ClassNames.Count - 1}."
                    );
        }

        public string Name { get; }

        public int Count => _labels.Length;

        public int Channels => _memory.Channels;

        public int Height => _memory.Height;

        public int Width => _memory.Width;

        public IReadOnlyList<string> ClassNames => _memory.ClassNames;

        public int Label(int index) => _labels.Span[index];

        public void CopyImage(int index, Span<byte> chw)
        {
            ImageDatasets.CheckSample(this, index, chw.Length);
            _pixels.Span.Slice(index * chw.Length, chw.Length).CopyTo(chw);
        }

        public void Dispose() { }
    }
}
