using System.Buffers.Binary;
using System.Globalization;

namespace Lur.Data;

/// <summary>
/// Grey images in the IDX format of the MNIST database (yann.lecun.com/exdb/mnist, "The IDX file format"): an image file
/// with dimensions samples, rows, columns and a label file with the same number of samples, both of unsigned bytes,
/// plain or compressed with gzip.
/// </summary>
public sealed class IdxDataset : IImageDataset
{
    private readonly IdxFile _images,
        _labels;

    private IdxDataset(string name, IdxFile images, IdxFile labels)
    {
        Name = name;
        _images = images;
        _labels = labels;
        Count = images.Dimensions[0];
        Height = images.Dimensions[1];
        Width = images.Dimensions[2];
        if (Count == 0 || Height == 0 || Width == 0)
            throw new UserErrorException(
                $"'{images.Path}', offset 4: {Count} images of {Height} x {Width}, expected at least one image with pixels."
            );
        if (labels.Dimensions[0] != Count)
            throw new UserErrorException(
                $"'{labels.Path}', offset 4: {labels.Dimensions[0]} labels, expected {Count}, one for each image of '{images.Path}'."
            );
        var classes = 0;
        for (var i = 0; i < Count; i++)
            classes = Math.Max(classes, labels.Data[labels.DataOffset + i] + 1);
        ClassNames = NumberNames(classes);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public int Channels => 1;

    /// <inheritdoc/>
    public int Height { get; }

    /// <inheritdoc/>
    public int Width { get; }

    /// <summary>"0", "1", ... up to the largest label, or to the class count set by <see cref="RequireClasses"/>.</summary>
    public IReadOnlyList<string> ClassNames { get; private set; }

    /// <summary>Opens an image file and its label file.</summary>
    /// <param name="imagesPath">Images: IDX of unsigned bytes with three dimensions.</param>
    /// <param name="labelsPath">Labels: IDX of unsigned bytes with one dimension.</param>
    /// <param name="name">Name of the set.</param>
    /// <exception cref="UserErrorException">A file is missing, cut, too long, of another element type or another number
    /// of dimensions; or the two disagree.</exception>
    public static IdxDataset Open(string imagesPath, string labelsPath, string name = "idx")
    {
        IdxFile? images = null,
            labels = null;
        try
        {
            images = IdxFile.Open(imagesPath, 3, "images");
            labels = IdxFile.Open(labelsPath, 1, "labels");
            return new IdxDataset(name, images, labels);
        }
        catch
        {
            images?.Dispose();
            labels?.Dispose();
            throw;
        }
    }

    /// <summary>Takes over the class count of the training set: IDX files do not name their classes.</summary>
    /// <param name="classes">Number of classes.</param>
    /// <exception cref="UserErrorException">A label of this set is not below it.</exception>
    public void RequireClasses(int classes)
    {
        for (var i = 0; i < Count; i++)
            if (Label(i) >= classes)
                throw new UserErrorException(
                    $"'{_labels.Path}', offset {_labels.DataOffset + i}: sample {i} has label {Label(i)}, expected 0 to "
                        + $"{classes - 1}, the labels of the training set."
                );
        ClassNames = NumberNames(classes);
    }

    /// <inheritdoc/>
    public int Label(int index) => _labels.Data[_labels.DataOffset + index];

    /// <inheritdoc/>
    public void CopyImage(int index, Span<byte> chw)
    {
        ImageDatasets.CheckSample(this, index, chw.Length);
        _images.Data.Slice(_images.DataOffset + (long)index * chw.Length, chw.Length).CopyTo(chw);
    }

    /// <inheritdoc/>
    public SampleId Identify(int index) => SampleId.OfRecord(index, _images.Path, index);

    /// <inheritdoc/>
    public void Dispose()
    {
        _images.Dispose();
        _labels.Dispose();
    }

    private static string[] NumberNames(int count) => [.. Sequences.Range(0, count).Select(i => i.ToString(CultureInfo.InvariantCulture))];
}

/// <summary>One IDX file of unsigned bytes, validated against its own header.</summary>
internal sealed class IdxFile : IDisposable
{
    private const byte UnsignedByte = 0x08;

    private IdxFile(string path, MappedFile data, int dimensions, string what)
    {
        Path = path;
        Data = data;
        DataOffset = 4 + 4 * dimensions;
        Dimensions = ReadHeader(path, data.Slice(0, (int)Math.Min(data.Length, DataOffset)), dimensions, what);
        var expected = DataOffset + Volume(Dimensions);
        if (data.Length != expected)
            throw new UserErrorException(
                $"'{path}', offset {Math.Min(data.Length, expected)}: the file has {data.Length} bytes, expected {expected} for "
                    + $"{what} of {string.Join(" x ", Dimensions)}; it is "
                    + $"{(data.Length < expected ? "cut" : "followed by other bytes")}; fetch the file again."
            );
    }

    public string Path { get; }

    public MappedFile Data { get; }

    public int DataOffset { get; }

    public int[] Dimensions { get; }

    public static IdxFile Open(string path, int dimensions, string what)
    {
        var data = IsGzip(path)
            ? GzipFile.Unpack(
                path,
                $"IDX file of {what}",
                4 + 4 * dimensions,
                header => 4 + 4 * dimensions + Volume(ReadHeader(path, header, dimensions, what))
            )
            : MappedFile.Open(path, $"IDX file of {what}");
        try
        {
            return new IdxFile(path, data, dimensions, what);
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    public void Dispose() => Data.Dispose();

    private static bool IsGzip(string path)
    {
        using var stream = MappedFile.OpenRead(path, "IDX file", gzip: true);
        return stream.ReadByte() == 0x1F && stream.ReadByte() == 0x8B;
    }

    private static int[] ReadHeader(string path, ReadOnlySpan<byte> header, int dimensions, string what)
    {
        if (header.Length < 4 || header[0] != 0 || header[1] != 0)
            throw new UserErrorException($"'{path}', offset 0: expected an IDX file, which starts with two zero bytes.");
        if (header[2] != UnsignedByte)
            throw new UserErrorException($"'{path}', offset 2: element type 0x{header[2]:x2}, expected 0x08 (unsigned bytes).");
        if (header[3] != dimensions)
            throw new UserErrorException(
                $"'{path}', offset 3: {header[3]} dimensions, expected {dimensions} for {what}"
                    + (header[3] == 1 ? "; this looks like a file of labels." : ".")
            );
        if (header.Length < 4 + 4 * dimensions)
            throw new UserErrorException(
                $"'{path}', offset {header.Length}: the header is cut, expected {4 + 4 * dimensions} bytes; fetch the file again."
            );
        var extents = new int[dimensions];
        for (var d = 0; d < dimensions; d++)
        {
            var extent = BinaryPrimitives.ReadUInt32BigEndian(header[(4 + 4 * d)..]);
            if (extent > int.MaxValue)
                throw new UserErrorException($"'{path}', offset {4 + 4 * d}: an extent of {extent}, expected at most {int.MaxValue}.");
            extents[d] = (int)extent;
        }
        if (dimensions == 3 && (long)extents[1] * extents[2] > 1 << 28)
            throw new UserErrorException($"'{path}', offset 8: images of {extents[1]} x {extents[2]}, expected at most 2^28 pixels.");
        return extents;
    }

    // At most 2^31 samples of 2^28 pixels: fits.
    private static long Volume(int[] extents) => extents.Aggregate(1L, (product, extent) => product * extent);
}
