using System.Globalization;

namespace Lur.Data;

/// <summary>
/// Labelled images of one size, addressed by index. A sample is unsigned bytes in channel, row, column order; nothing
/// requires the set to be resident in memory. All members may be called from several threads at once.
/// </summary>
public interface IImageDataset : IDisposable
{
    /// <summary>A short name, such as <c>cifar10</c>, for messages and results.</summary>
    string Name { get; }

    /// <summary>Number of samples.</summary>
    int Count { get; }

    /// <summary>Channels of a sample: 1 (grey) or 3 (red, green, blue).</summary>
    int Channels { get; }

    /// <summary>Rows of a sample.</summary>
    int Height { get; }

    /// <summary>Columns of a sample.</summary>
    int Width { get; }

    /// <summary>True where a sample is float32 numbers and no pixels, four bytes each in the byte order of the machine: latents of
    /// images, as a network sees them.</summary>
    bool IsReal => false;

    /// <summary>Names of the classes; a label is an index into this list.</summary>
    IReadOnlyList<string> ClassNames { get; }

    /// <summary>Label of a sample.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    int Label(int index);

    /// <summary>Copies a sample.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <param name="chw">Channels * Height * Width bytes, or numbers.</param>
    /// <exception cref="UserErrorException">The sample's file is damaged (sets that decode on demand).</exception>
    void CopyImage(int index, Span<byte> chw);

    /// <summary>Path of a sample relative to the set's folder, with '/'; null where samples are not files.</summary>
    string? RelativePath(int index) => null;

    /// <summary>The one name of a sample, which is the same whatever is held out of the set.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    SampleId Identify(int index) => new(index, RelativePath(index) ?? string.Create(CultureInfo.InvariantCulture, $"{Name}#{index}"));

    /// <summary>SHA-256 of a sample as it is stored, in lower-case hexadecimal: the bytes of its file, or of its record. The default
    /// is that of its pixels.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <exception cref="UserErrorException">The sample's file cannot be read.</exception>
    string ContentSha256(int index)
    {
        var pixels = new byte[this.SampleBytes];
        CopyImage(index, pixels);
        return ContentHash.Text(pixels);
    }

    /// <summary>
    /// Feeds everything that makes up the samples to a hash. The default is every label and pixel; a set whose samples
    /// are files feeds their encoded bytes instead, which identifies them as well and needs no decoding.
    /// </summary>
    void AppendContent(ContentHash hash)
    {
        ArgumentNullException.ThrowIfNull(hash);
        var record = new byte[4 + this.SampleBytes];
        for (var i = 0; i < Count; i++)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(record, Label(i));
            CopyImage(i, record.AsSpan(4));
            hash.Append(record);
        }
    }
}

/// <summary>What follows from an <see cref="IImageDataset"/> alone.</summary>
public static class ImageDatasets
{
    extension(IImageDataset data)
    {
        /// <summary>Bytes of one sample.</summary>
        public int SampleBytes => data.SampleNumbers * (data.IsReal ? sizeof(float) : 1);

        /// <summary>Pixels of one sample, each channel for itself, or numbers.</summary>
        public int SampleNumbers => data.Channels * data.Height * data.Width;

        /// <summary>Number of samples of each class.</summary>
        public int[] CountByClass()
        {
            var counts = new int[data.ClassNames.Count];
            for (var i = 0; i < data.Count; i++)
                counts[data.Label(i)]++;
            return counts;
        }

        /// <summary>
        /// SHA-256 over shape, class names and content, in lower-case hexadecimal: equal exactly when two sets hold the
        /// same samples in the same order.
        /// </summary>
        public string Fingerprint()
        {
            // The order a model gives the classes is no part of the data.
            while (data is ClassOrderView view)
                data = view.Data;
            using var hash = new ContentHash();
            var shape = $"{data.Count} {data.Channels} {data.Height} {data.Width}\n{string.Join('\n', data.ClassNames)}\n";
            hash.Append(System.Text.Encoding.UTF8.GetBytes(shape));
            data.AppendContent(hash);
            return hash.Text();
        }

        /// <summary>Fails unless every class has a sample.</summary>
        /// <exception cref="UserErrorException">One has none; the sentence names it.</exception>
        public void RequireEveryClass()
        {
            var counts = data.CountByClass();
            var empty = Array.IndexOf(counts, 0);
            if (empty < 0)
                return;
            // One damaged label far beyond the others makes all classes between them look empty.
            var largest = Array.FindLastIndex(counts, c => c > 0);
            var first =
                largest > empty
                    ? $" (the first of label {largest} is sample {Sequences.Range(0, data.Count).First(i => data.Label(i) == largest)})"
                    : "";
            throw new UserErrorException(
                $"The training set {data.Name} has no sample of class {empty} ('{data.ClassNames[empty]}') among its "
                    + $"{data.Count} samples; every class from 0 to {counts.Length - 1} needs at least one{first}."
            );
        }
    }

    internal static void CheckSample(IImageDataset data, int index, int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, data.Count);
        if (bytes != data.SampleBytes)
            throw new ArgumentException($"A sample of {data.Name} has {data.SampleBytes} bytes, but the buffer has {bytes}.");
    }
}
