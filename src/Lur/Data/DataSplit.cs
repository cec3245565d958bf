using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Lur.Data;

/// <summary>
/// The one split of a training set into what a model is trained on and what validates it. It is drawn once, saved beside
/// the model, and loaded by everything that follows: published unlearning code re-draws it with another seed and then
/// "forgets" samples that were never trained on (SalUn, main_forget.py).
/// </summary>
public sealed class DataSplit
{
    private const int CurrentVersion = 1;

    private DataSplit(SplitDocument document, int[] train, int[] validation)
    {
        Dataset = document.Dataset;
        Count = document.Count;
        Fingerprint = document.Fingerprint;
        Seed = document.Seed;
        ValidationShare = document.ValidationShare;
        Train = train;
        Validation = validation;
    }

    /// <summary>Name of the data set.</summary>
    public string Dataset { get; }

    /// <summary>Samples in the data set.</summary>
    public int Count { get; }

    /// <summary>SHA-256 of the data set's content (<see cref="ImageDatasets.Fingerprint"/>).</summary>
    public string Fingerprint { get; }

    /// <summary>Seed of the draw.</summary>
    public ulong Seed { get; }

    /// <summary>Share of each class that validates.</summary>
    public double ValidationShare { get; }

    /// <summary>Indices into the data set to train on, ascending.</summary>
    public int[] Train { get; }

    /// <summary>Indices into the data set to validate with, ascending; disjoint from <see cref="Train"/>.</summary>
    public int[] Validation { get; }

    /// <summary>Draws a split, the same share of every class.</summary>
    /// <param name="data">A training set.</param>
    /// <param name="validationShare">0 (no validation) up to, not including, 1.</param>
    /// <param name="seed">Seed of the draw.</param>
    /// <exception cref="UserErrorException">The share is out of range.</exception>
    public static DataSplit Create(IImageDataset data, double validationShare, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (validationShare is not (>= 0 and < 1))
            throw new UserErrorException(
                $"The validation share {validationShare.ToString(CultureInfo.InvariantCulture)} is out of range, expected 0 or "
                    + $"more and less than 1."
            );
        (var train, var validation) = StratifiedSplit.Draw(data, validationShare, seed);
        var document = new SplitDocument
        {
            Dataset = data.Name,
            Count = data.Count,
            Fingerprint = data.Fingerprint(),
            Seed = seed,
            ValidationShare = validationShare,
        };
        return new DataSplit(document, train, validation);
    }

    /// <summary>Writes the split as JSON, with a SHA-256 of each index list.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="UserErrorException">It cannot be written.</exception>
    public void Save(string path)
    {
        var document = new SplitDocument
        {
            Version = CurrentVersion,
            Dataset = Dataset,
            Count = Count,
            Fingerprint = Fingerprint,
            Seed = Seed,
            ValidationShare = ValidationShare,
            TrainSha256 = HashOf(Train),
            ValidationSha256 = HashOf(Validation),
            Train = Train,
            Validation = Validation,
        };
        AtomicFile.WriteText(path, document.ToJson() + "\n");
    }

    /// <summary>Reads a split and verifies it: hashes, order, disjointness, completeness, and that it is of this data.</summary>
    /// <param name="path">The file.</param>
    /// <param name="data">The training set it must belong to.</param>
    /// <exception cref="UserErrorException">It is missing, damaged, edited, or of other data.</exception>
    public static DataSplit Load(string path, IImageDataset data)
    {
        ArgumentNullException.ThrowIfNull(data);
        var document = Read(path);
        if (document.Version != CurrentVersion)
            throw new UserErrorException($"'{path}' has version {document.Version}, expected {CurrentVersion}; draw the split again.");
        CheckList(path, "train", document.Train, document.TrainSha256);
        CheckList(path, "validation", document.Validation, document.ValidationSha256);
        if (document.Count < 1 || document.Count > (long)document.Train.Length + document.Validation.Length)
            throw new UserErrorException(
                $"'{path}': the count is {document.Count}, but the lists name {document.Train.Length} samples to train on and "
                    + $"{document.Validation.Length} to validate with; draw the split again."
            );
        int[] all = [.. document.Train, .. document.Validation];
        Array.Sort(all);
        for (var i = 0; i < all.Length; i++)
            if (all[i] != i || i >= document.Count)
                throw new UserErrorException(
                    $"'{path}': train and validation together are not each index from 0 to {document.Count - 1} once; draw the split again."
                );
        if (document.Count != data.Count)
            throw new UserErrorException(
                $"'{path}' is a split of {document.Count} samples, but {data.Name} has {data.Count}; give the data it was drawn from."
            );
        var fingerprint = data.Fingerprint();
        if (fingerprint != document.Fingerprint)
            throw new UserErrorException(
                $"'{path}' is a split of {document.Dataset} with fingerprint {Short(document.Fingerprint)}, but {data.Name} has "
                    + $"{Short(fingerprint)}; give the data it was drawn from, or draw the split again."
            );
        return new DataSplit(document, document.Train, document.Validation);
    }

    /// <summary>SHA-256 of an index list, as 32-bit little-endian integers, in lower-case hexadecimal.</summary>
    public static string HashOf(ReadOnlySpan<int> indices) => ContentHash.Text(MemoryMarshal.AsBytes(indices));

    private static SplitDocument Read(string path)
    {
        using var stream = MappedFile.OpenRead(path, "split");
        var json = new byte[stream.Length];
        stream.ReadExactly(json);
        try
        {
            return SplitDocument.Read(json) ?? throw new UserErrorException($"'{path}' is not a split: expected a JSON object.");
        }
        catch (JsonException e)
        {
            throw new UserErrorException(
                $"'{path}', line {e.LineNumber + 1}, byte {e.BytePositionInLine}: not the JSON of a split; the file is damaged, "
                    + $"draw the split again.",
                e
            );
        }
    }

    private static void CheckList(string path, string name, int[] indices, string hash)
    {
        if (HashOf(indices) != hash)
            throw new UserErrorException(
                $"'{path}': the SHA-256 of the {name} list does not match; the file was edited or damaged, draw the split again."
            );
        for (var i = 1; i < indices.Length; i++)
            if (indices[i] <= indices[i - 1])
                throw new UserErrorException($"'{path}': entry {i} of the {name} list is not above the one before; draw the split again.");
    }

    private static string Short(string hash) => hash.Length > 12 ? hash[..12] : hash;
}
