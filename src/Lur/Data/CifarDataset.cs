using System.Text;

namespace Lur.Data;

/// <summary>The two record layouts of the CIFAR binary files (cs.toronto.edu/~kriz/cifar.html, "Binary version").</summary>
public enum CifarKind
{
    /// <summary>One label byte, then 3 x 32 x 32 pixels: 3073 bytes.</summary>
    Cifar10,

    /// <summary>A coarse and a fine label byte, then 3 x 32 x 32 pixels: 3074 bytes; the fine label is used.</summary>
    Cifar100,
}

/// <summary>CIFAR-10 or CIFAR-100 in binary form, memory-mapped; any number of records a file, files in the order given.</summary>
public sealed class CifarDataset : IImageDataset
{
    private const int Side = 32,
        PixelBytes = 3 * Side * Side;
    private static readonly string[] s_cifar10Names =
    [
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ];

    private readonly List<(MappedFile File, int First)> _parts = [];
    private readonly byte[] _labels;
    private readonly int _labelBytes;

    private CifarDataset(CifarKind kind, IReadOnlyList<string> paths, string? namesPath)
    {
        Name = kind == CifarKind.Cifar10 ? "cifar10" : "cifar100";
        _labelBytes = kind == CifarKind.Cifar10 ? 1 : 2;
        ClassNames = ReadNames(kind, namesPath);
        try
        {
            foreach (var path in paths)
            {
                var file = MappedFile.Open(path, $"{Title} file");
                _parts.Add((file, Count));
                Count = checked(Count + CountRecords(file));
            }
            _labels = new byte[Count];
            foreach (var (file, first) in _parts)
                ReadLabels(file, _labels.AsSpan(first, CountRecords(file)));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public int Channels => 3;

    /// <inheritdoc/>
    public int Height => Side;

    /// <inheritdoc/>
    public int Width => Side;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames { get; }

    private int RecordBytes => _labelBytes + PixelBytes;
    private string Title => _labelBytes == 1 ? "CIFAR-10" : "CIFAR-100";

    /// <summary>Opens files as one set and checks every record's label.</summary>
    /// <param name="kind">The record layout.</param>
    /// <param name="paths">The files, in order.</param>
    /// <param name="namesPath">A text file with one class name a line, or null for the names of CIFAR-10 and numbers
    /// for CIFAR-100.</param>
    /// <exception cref="UserErrorException">A file is missing, cut, empty, or holds a label out of range.</exception>
    public static CifarDataset Open(CifarKind kind, IReadOnlyList<string> paths, string? namesPath = null)
    {
        ArgumentNullException.ThrowIfNull(paths);
        return new CifarDataset(kind, paths, namesPath);
    }

    /// <inheritdoc/>
    public int Label(int index) => _labels[index];

    /// <inheritdoc/>
    public void CopyImage(int index, Span<byte> chw)
    {
        ImageDatasets.CheckSample(this, index, chw.Length);
        var (file, first) = PartOf(index);
        file.Slice((long)(index - first) * RecordBytes + _labelBytes, PixelBytes).CopyTo(chw);
    }

    /// <inheritdoc/>
    public SampleId Identify(int index)
    {
        var (file, first) = PartOf(index);
        return SampleId.OfRecord(index, file.Path, index - first);
    }

    /// <inheritdoc/>
    public string ContentSha256(int index)
    {
        var (file, first) = PartOf(index);
        return ContentHash.Text(file.Slice((long)(index - first) * RecordBytes, RecordBytes));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var part in _parts)
            part.File.Dispose();
    }

    private (MappedFile File, int First) PartOf(int index)
    {
        var part = _parts.Count - 1;
        while (_parts[part].First > index)
            part--;
        return _parts[part];
    }

    private int CountRecords(MappedFile file)
    {
        long records = file.Length / RecordBytes,
            rest = file.Length % RecordBytes;
        if (records == 0 && rest == 0)
            throw new UserErrorException($"'{file.Path}', offset 0: the {Title} file is empty, expected records of {RecordBytes} bytes.");
        if (rest != 0)
            throw new UserErrorException(
                $"'{file.Path}', offset {records * RecordBytes}: record {records} has {rest} bytes, expected {RecordBytes} "
                    + $"({_labelBytes} of label, {PixelBytes} of pixels); the file is cut or is not {Title} binary; fetch it again."
            );
        return checked((int)records);
    }

    private void ReadLabels(MappedFile file, Span<byte> labels)
    {
        for (var i = 0; i < labels.Length; i++)
        {
            var offset = (long)i * RecordBytes;
            if (_labelBytes == 2 && file[offset] >= 20)
                throw BadLabel(file, offset, i, "coarse label", file[offset], 20);
            var label = file[offset + _labelBytes - 1];
            if (label >= ClassNames.Count)
                throw BadLabel(file, offset + _labelBytes - 1, i, "label", label, ClassNames.Count);
            labels[i] = label;
        }
    }

    private UserErrorException BadLabel(MappedFile file, long offset, int record, string what, byte value, int classes) =>
        new(
            $"'{file.Path}', offset {offset}: record {record} has {what} {value}, expected 0 to {classes - 1}; the file is "
                + $"damaged or is not {Title} binary; fetch it again."
        );

    private static string[] ReadNames(CifarKind kind, string? path)
    {
        var classes = kind == CifarKind.Cifar10 ? 10 : 100;
        if (path is null)
            return kind == CifarKind.Cifar10
                ? s_cifar10Names
                : [.. Sequences.Range(0, classes).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture))];
        using var stream = MappedFile.OpenRead(path, "file of class names");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        string[] names =
        [
            .. reader
                .ReadToEnd()
                .Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .Select(UnicodeText.Normal),
        ];
        if (names.Length != classes || names.Distinct(StringComparer.Ordinal).Count() != classes)
            throw new UserErrorException(
                $"'{path}' names {names.Distinct(StringComparer.Ordinal).Count()} classes in {names.Length} lines, expected "
                    + $"{classes} different names, one a line."
            );
        return names;
    }
}
