using System.Runtime.InteropServices;

namespace Lur.Data;

/// <summary>A sample that shows the same picture as one to forget.</summary>
/// <param name="Sample">The sample to forget.</param>
/// <param name="Copy">Its copy.</param>
/// <param name="Part">Where the copy is: <c>retain</c>, <c>validation</c>, <c>test</c>, or <c>forget</c> once it is forgotten, too.</param>
/// <param name="Index">Index of the copy in the training set, or in the test set.</param>
/// <param name="SameBytes">True if the stored bytes are the same, false if only the decoded pixels are.</param>
public sealed record SampleCopy(SampleId Sample, SampleId Copy, string Part, int Index, bool SameBytes);

/// <summary>Copies of the samples to forget in the other parts of a data set. A picture is a copy if its pixels, decoded and scaled
/// as a model sees them, are all the same; the same bytes decode to the same pixels. Labels are not compared.</summary>
/// <remarks>Cost: every sample is read and hashed once, and each hash is looked up in a table of those to forget. For records in
/// memory-mapped files (CIFAR-10: 60,000 samples, 184 MB) that is a fraction of a second; pictures of a folder are decoded, which
/// the evaluation before a run does anyway and does not repeat.</remarks>
public sealed class SampleCopies
{
    private const int Chunk = 1024;

    private SampleCopies(IReadOnlyList<SampleCopy> all) => All = all;

    /// <summary>No copies.</summary>
    public static SampleCopies None { get; } = new([]);

    /// <summary>Every copy, with the first sample to forget that it equals; by part, then by index.</summary>
    public IReadOnlyList<SampleCopy> All { get; }

    /// <summary>Copies in the retain set.</summary>
    public IReadOnlyList<SampleCopy> Retain => Of("retain");

    /// <summary>Copies in the validation part.</summary>
    public IReadOnlyList<SampleCopy> Validation => Of("validation");

    /// <summary>Copies in the test part.</summary>
    public IReadOnlyList<SampleCopy> Test => Of("test");

    /// <summary>Copies of the retain set that are forgotten, too.</summary>
    public IReadOnlyList<SampleCopy> AlsoForgotten => Of("forget");

    /// <summary>False for a generated set: its samples are drawn one by one, so no two are the same, and to draw them again would
    /// take longer than a small run.</summary>
    internal static bool MayHave(DataSource source) => source.Format != "synthetic";

    /// <summary>Finds the copies.</summary>
    /// <param name="source">The data set.</param>
    /// <param name="split">The split of its training part.</param>
    /// <param name="set">What is to be forgotten and retained.</param>
    /// <param name="progress">Told how many samples were read, from the calling thread; null for nobody.</param>
    /// <param name="cancel">Stops between samples.</param>
    /// <exception cref="UserErrorException">A sample cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static SampleCopies Find(DataSource source, DataSplit split, ForgetSet set, Action<long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(split);
        ArgumentNullException.ThrowIfNull(set);
        if (!MayHave(source))
            return None;
        long done = 0;
        var forget = new Dictionary<UInt128, int>();
        void Read(IImageDataset data, int[] indices, Action<int, UInt128> found)
        {
            var hashes = new UInt128[Math.Min(Chunk, indices.Length)];
            for (var first = 0; first < indices.Length; first += Chunk)
            {
                var count = Math.Min(Chunk, indices.Length - first);
                HashPixels(data, indices.AsSpan(first, count).ToArray(), hashes, cancel);
                for (var i = 0; i < count; i++)
                    found(indices[first + i], hashes[i]);
                progress?.Invoke(done += count);
            }
        }

        Read(source.Train, set.Forget, (i, hash) => forget.TryAdd(hash, i));
        var copies = new List<SampleCopy>();
        void Search(IImageDataset data, int[] indices, string part) =>
            Read(
                data,
                indices,
                (i, hash) =>
                {
                    if (forget.TryGetValue(hash, out var sample))
                        copies.Add(Pair(source.Train, sample, data, i, part));
                }
            );
        Search(source.Train, set.Retain, "retain");
        Search(source.Train, split.Validation, "validation");
        Search(source.Test, [.. Sequences.Range(0, source.Test.Count)], "test");
        return copies.Count == 0 ? None : new SampleCopies(copies);
    }

    /// <summary>Forgets the copies of the retain set, too.</summary>
    /// <param name="data">The training set.</param>
    /// <param name="set">What was to be forgotten and retained.</param>
    /// <exception cref="UserErrorException">Nothing would be left to retain.</exception>
    public (ForgetSet Set, SampleCopies Copies) AlsoForget(IImageDataset data, ForgetSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        var more = set.With(data, [.. Retain.Select(c => c.Index)]);
        return (more, new SampleCopies([.. All.Select(c => c.Part == "retain" ? c with { Part = "forget" } : c)]));
    }

    private static SampleCopy Pair(IImageDataset train, int sample, IImageDataset data, int copy, string part) =>
        new(train.Identify(sample), data.Identify(copy), part, copy, train.ContentSha256(sample) == data.ContentSha256(copy));

    private static void HashPixels(IImageDataset data, int[] indices, UInt128[] hashes, CancellationToken cancel) =>
        SampleReading.ForEach(
            data,
            indices,
            (i, pixels) =>
            {
                var hash = ContentHash.Of(pixels);
                hashes[i] = MemoryMarshal.Read<UInt128>(hash);
            },
            cancel
        );

    private SampleCopy[] Of(string part) => [.. All.Where(c => c.Part == part)];
}
