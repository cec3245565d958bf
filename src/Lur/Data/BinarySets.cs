using System.Globalization;

namespace Lur.Data;

/// <summary>Data sets in a few large files: CIFAR binary and IDX. Names are taken in any case of letters, IDX names with '-' or
/// '.'.</summary>
internal static class BinarySets
{
    /// <summary>Opens the set that lies in a folder; null where there is none.</summary>
    public static DataSource? TryOpen(FileNames files, DataOptions options)
    {
        if (IsCifar10(files))
            return OpenCifar10(files);
        if (IsCifar100(files))
            return files.Has("train.bin")
                ? OpenCifar(files, CifarKind.Cifar100, "cifar100", ["train.bin"], "test.bin", "fine_label_names.txt")
                : throw files.Missing("train.bin");
        if (IsIdx(files))
            return OpenIdx(files, options);
        if (IsPythonCifar(files))
            throw new UserErrorException(
                $"'{files.Folder}' holds the Python version of CIFAR; download the binary version (cifar-10-binary or cifar-100-binary)."
            );
        return null;
    }

    /// <summary>True if a folder holds such a set.</summary>
    public static bool IsIn(FileNames files) => IsCifar10(files) || IsCifar100(files) || IsIdx(files) || IsPythonCifar(files);

    private static bool IsCifar10(FileNames files) => files.Has("test_batch.bin") || files.All.Any(f => CifarBatch(f) >= 0);

    private static bool IsCifar100(FileNames files) => files.Has("train.bin") || files.Has("test.bin");

    private static bool IsIdx(FileNames files) => files.All.Any(f => IsIdxName(f, "images"));

    private static bool IsPythonCifar(FileNames files) => files.Has("data_batch_1") || (files.Has("train") && files.Has("meta"));

    /// <summary>Opens one file as a set, of which a part is held out for the test.</summary>
    /// <param name="path">The file.</param>
    /// <param name="files">The files beside it.</param>
    /// <param name="options">How.</param>
    public static DataSource OpenFile(string path, FileNames files, DataOptions options)
    {
        var name = Path.GetFileName(path);
        if (IsIdxName(name, "images"))
            return DataSource.HoldOut("idx", OpenIdxPair(files, name), options);
        if (IsIdxName(name, "labels"))
            throw new UserErrorException($"'{path}' is a file of labels; give the file of images.");
        // What the file is, where it is none of a data set.
        MappedFile.OpenRead(path, "data set").Dispose();
        var length = new FileInfo(path).Length;
        bool hundredByName = name.ToLowerInvariant() is "train.bin" or "test.bin",
            tenByName = CifarBatch(name) >= 0 || name.Equals("test_batch.bin", StringComparison.OrdinalIgnoreCase);
        var hundred = hundredByName || (!tenByName && length % 3073 != 0 && length % 3074 == 0);
        if (!hundred && !name.EndsWith(".bin", StringComparison.OrdinalIgnoreCase) && length % 3073 != 0)
            throw new UserErrorException(
                $"'{path}' is not a data set: {length} bytes are no whole number of CIFAR records (3073 or 3074 bytes), and its "
                    + $"name is not that "
                    + "of an IDX file (*images*)."
            );
        var names = files.Find(hundred ? "fine_label_names.txt" : "batches.meta.txt");
        return DataSource.HoldOut(
            hundred ? "cifar100" : "cifar10",
            CifarDataset.Open(hundred ? CifarKind.Cifar100 : CifarKind.Cifar10, [path], names is null ? null : files.PathOf(names)),
            options
        );
    }

    private static DataSource OpenCifar10(FileNames files)
    {
        int[] numbers = [.. files.All.Select(CifarBatch).Where(n => n >= 0).Order()];
        for (var i = 0; i < Math.Max(1, numbers.Length); i++)
            if (i >= numbers.Length || numbers[i] != i + 1)
                throw files.Missing($"data_batch_{i + 1}.bin");
        return OpenCifar(
            files,
            CifarKind.Cifar10,
            "cifar10",
            [.. numbers.Select(n => $"data_batch_{n}.bin")],
            "test_batch.bin",
            "batches.meta.txt"
        );
    }

    private static DataSource OpenCifar(FileNames files, CifarKind kind, string format, string[] train, string test, string names)
    {
        var testPath = files.PathOf(files.Find(test) ?? throw files.Missing(test));
        var namesPath = files.Find(names) is { } found ? files.PathOf(found) : null;
        var trainSet = CifarDataset.Open(kind, [.. train.Select(t => files.PathOf(files.Find(t)!))], namesPath);
        try
        {
            var testSet = CifarDataset.Open(kind, [testPath], namesPath);
            return new DataSource(format, trainSet, testSet, testPath, trainSet, testSet);
        }
        catch
        {
            trainSet.Dispose();
            throw;
        }
    }

    private static DataSource OpenIdx(FileNames files, DataOptions options)
    {
        string[] images = [.. files.All.Where(f => IsIdxName(f, "images"))];
        if (images.Length == 1 && !IsOf(images[0], s_train) && !IsOf(images[0], s_test))
            return DataSource.HoldOut("idx", OpenIdxPair(files, images[0]), options);
        string train = PickOne(files, images, s_train, "train-images-idx3-ubyte"),
            test = PickOne(files, images, s_test, "t10k-images-idx3-ubyte");
        var trainSet = OpenIdxPair(files, train);
        IdxDataset? testSet = null;
        try
        {
            testSet = OpenIdxPair(files, test);
            if (testSet.Height != trainSet.Height || testSet.Width != trainSet.Width)
                throw new UserErrorException(
                    $"'{files.PathOf(test)}', offset 8: images of {testSet.Height} x {testSet.Width}, expected "
                        + $"{trainSet.Height} x {trainSet.Width} as in the training set."
                );
            testSet.RequireClasses(trainSet.ClassNames.Count);
            return new DataSource("idx", trainSet, testSet, files.PathOf(test), trainSet, testSet);
        }
        catch
        {
            trainSet.Dispose();
            testSet?.Dispose();
            throw;
        }
    }

    private static string PickOne(FileNames files, string[] images, string[] part, string usual)
    {
        // A file and its own .gz are one candidate; the unpacked one needs no temporary copy.
        string[] found = [.. images.Where(f => IsOf(f, part)).GroupBy(Plain).Select(g => g.OrderBy(f => f.Length).First())];
        return found.Length switch
        {
            1 => found[0],
            0 => throw files.Missing(usual + "[.gz]"),
            _ => throw new UserErrorException(
                $"'{files.Folder}' holds several sets ({string.Join(", ", found)}); give the path of one file of images."
            ),
        };
    }

    private static IdxDataset OpenIdxPair(FileNames files, string images)
    {
        var labels = Plain(images).Replace("images", "labels", StringComparison.Ordinal).Replace("idx3", "idx1", StringComparison.Ordinal);
        var packed = IsPacked(images);
        var found =
            files.All.Where(f => Plain(f) == labels).OrderBy(f => IsPacked(f) != packed).FirstOrDefault()
            ?? throw files.Missing(LabelsBeside(images) + "[.gz]");
        return IdxDataset.Open(files.PathOf(images), files.PathOf(found));
    }

    // As the file of images is spelled, for the sentence.
    private static string LabelsBeside(string images)
    {
        return SampleId
            .WithoutGzip(images)
            .Replace("images", "labels", StringComparison.Ordinal)
            .Replace("IMAGES", "LABELS", StringComparison.Ordinal)
            .Replace("Images", "Labels", StringComparison.Ordinal)
            .Replace("idx3", "idx1", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>A name without what differs between spellings of one file: case, '.' for '-', and .gz.</summary>
    private static string Plain(string name) => SampleId.WithoutGzip(name).ToLowerInvariant().Replace('.', '-');

    private static bool IsPacked(string name) => name.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);

    private static readonly string[] s_train = ["train"];
    private static readonly string[] s_test = ["t10k", "test"];

    private static bool IsOf(string name, string[] words) => words.Any(w => name.Contains(w, StringComparison.OrdinalIgnoreCase));

    /// <summary>The number in data_batch_3.bin; -1 for another name.</summary>
    internal static int CifarBatch(string name)
    {
        const string before = "data_batch_",
            after = ".bin";
        var digits = name.Length - before.Length - after.Length;
        return
            digits is >= 1 and <= 4
            && name.StartsWith(before, StringComparison.OrdinalIgnoreCase)
            && name.EndsWith(after, StringComparison.OrdinalIgnoreCase)
            && int.TryParse(name.AsSpan(before.Length, digits), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : -1;
    }

    /// <summary>Whether a name holds a word and ends in ubyte, idx or idx and a digit, with or without .gz.</summary>
    internal static bool IsIdxName(string name, string word)
    {
        var plain = IsPacked(name) ? name[..^3] : name;
        var stem =
            plain.Length > 0 && char.IsAsciiDigit(plain[^1]) && plain[..^1].EndsWith("idx", StringComparison.OrdinalIgnoreCase)
                ? plain[..^1]
                : plain;
        var end =
            plain.EndsWith("ubyte", StringComparison.OrdinalIgnoreCase) ? plain.Length - 5
            : stem.EndsWith("idx", StringComparison.OrdinalIgnoreCase) ? stem.Length - 3
            : 0;
        return plain[..end].Contains(word, StringComparison.OrdinalIgnoreCase);
    }
}
