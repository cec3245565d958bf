using System.Globalization;
using System.Text.RegularExpressions;

namespace Lur.Data;

/// <summary>How to open a data set.</summary>
public sealed record DataOptions
{
    /// <summary>Rows and columns that images of a folder are scaled to; null leaves their common size.</summary>
    public int? ImageSize { get; init; }

    /// <summary>Share of each class held out for the test where the data has no test part, in (0, 1).</summary>
    public double TestShare { get; init; } = 0.2;

    /// <summary>Seed of that hold-out; the same seed gives the same parts on every machine.</summary>
    public ulong TestSeed { get; init; } = 1;
}

/// <summary>A data set with its training and test part, opened from a path or the name of a generated set.</summary>
/// <remarks>Over budget: which format a folder holds is decided against all of them at once.</remarks>
public sealed partial class DataSource : IDisposable
{
    private readonly IImageDataset[] _owned;

    private DataSource(string format, IImageDataset train, IImageDataset test, string testOrigin, params IImageDataset[] owned)
    {
        Format = format;
        Train = train;
        Test = test;
        TestOrigin = testOrigin;
        _owned = owned;
    }

    /// <summary>What was detected: <c>cifar10</c>, <c>cifar100</c>, <c>idx</c>, <c>folder</c> or <c>synthetic</c>.</summary>
    public string Format { get; }

    /// <summary>The training part; every class has at least one sample.</summary>
    public IImageDataset Train { get; private set; }

    /// <summary>The test part; classes, channels and size are those of the training part.</summary>
    public IImageDataset Test { get; private set; }

    /// <summary>Where the test part comes from, as a phrase to print: a path, or how it was held out.</summary>
    public string TestOrigin { get; }

    /// <summary>True where the test part is held out of the same files as the training part: the numbers of samples count both.</summary>
    public bool HoldsOutTest { get; private init; }

    /// <summary>Where it was opened, for paths of its pictures; null for a generated set.</summary>
    internal string? Location { get; private set; }

    /// <summary>True once the order of the classes is that of a model.</summary>
    internal bool HasModelOrder { get; private set; }

    /// <summary>Takes over the order in which a model has the classes: from here on labels and class names of both parts are the
    /// model's. The first model counts; what was read before keeps its labels.</summary>
    /// <param name="order">For each class of the model its label in the data, or null where that is the same for all.</param>
    internal void TakeClassOrder(int[]? order)
    {
        HasModelOrder = true;
        if (order is not null)
            (Train, Test) = (new ClassOrderView(Train, order), new ClassOrderView(Test, order));
    }

    /// <summary>
    /// Opens a data set and detects its format: a folder with CIFAR binary files, with IDX files or with class folders;
    /// one such file; or <c>synthetic[:train=N,test=M,seed=S]</c>.
    /// </summary>
    /// <param name="location">The path or name.</param>
    /// <param name="options">Details, or null for the defaults.</param>
    /// <exception cref="UserErrorException">Nothing there, an unknown format, or damaged data.</exception>
    public static DataSource Open(string location, DataOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(location);
        options ??= new DataOptions();
        if (options.TestShare is not (> 0 and < 1))
            throw new UserErrorException(
                $"The test share {options.TestShare.ToString(CultureInfo.InvariantCulture)} is out of range, expected a number "
                    + $"between 0 and 1."
            );
        if (location == "synthetic" || location.StartsWith("synthetic:", StringComparison.Ordinal))
            return OpenSynthetic(location);
        DataSource? source = null;
        try
        {
            source =
                Directory.Exists(location) ? OpenFolder(location, options)
                : File.Exists(location) ? OpenFile(location, options)
                : throw new UserErrorException(
                    $"The data set '{location}' does not exist; give a folder, a file, or synthetic[:train=N,test=M,seed=S]."
                );
            source.Train.RequireEveryClass();
            source.Location = location;
            return source;
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            source?.Dispose();
            throw new UserErrorException($"The data set '{location}' could not be read: {e.Message.TrimEnd('.')}.", e);
        }
        catch
        {
            source?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var data in _owned)
            data.Dispose();
    }

    private static DataSource OpenFolder(string folder, DataOptions options, int depth = 0)
    {
        string[] files = [.. Directory.EnumerateFiles(folder).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];
        string[] folders = [.. Directory.EnumerateDirectories(folder).Select(f => Path.GetFileName(f)).Where(n => !n.StartsWith('.'))];
        if (files.Any(f => f is "test_batch.bin" || CifarBatch().IsMatch(f)))
            return OpenCifar10(folder, files);
        if (files.Contains("train.bin") || files.Contains("test.bin"))
            return OpenCifar100(folder, files);
        if (files.Any(f => IdxImages().IsMatch(f)))
            return OpenIdx(folder, files, options);
        if (files.Contains("data_batch_1") || (files.Contains("train") && files.Contains("meta")))
            throw new UserErrorException(
                $"'{folder}' holds the Python version of CIFAR; download the binary version (cifar-10-binary or cifar-100-binary)."
            );
        // The folder that an archive was unpacked into: cifar-10-batches-bin, MNIST/raw. No deeper: a link may lead back here.
        if (
            depth < 2
            && folders.Length == 1
            && !Directory.EnumerateFiles(Path.Combine(folder, folders[0])).Any(ImageFolderDataset.IsImagePath)
        )
            return OpenFolder(Path.Combine(folder, folders[0]), options, depth + 1);
        if (folders.Length > 0)
            return OpenImages(folder, folders, options);
        throw new UserErrorException(
            $"'{folder}' holds no data set: expected data_batch_*.bin and test_batch.bin (CIFAR-10), train.bin and test.bin (CIFAR-100), "
                + "train-images-idx3-ubyte[.gz] and its companions (IDX), or one sub-folder of PNG or JPEG files for each class."
        );
    }

    private static DataSource OpenFile(string path, DataOptions options)
    {
        string name = Path.GetFileName(path),
            folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (IdxImages().IsMatch(name))
            return HoldOut(
                "idx",
                OpenIdxPair(folder, name, Directory.GetFiles(folder).Select(f => Path.GetFileName(f)!).ToArray()),
                options
            );
        if (IdxLabels().IsMatch(name))
            throw new UserErrorException($"'{path}' is a file of labels; give the file of images.");
        var length = new FileInfo(path).Length;
        var hundred =
            name is "train.bin" or "test.bin"
            || (!CifarBatch().IsMatch(name) && name != "test_batch.bin" && length % 3073 != 0 && length % 3074 == 0);
        if (!hundred && !name.EndsWith(".bin", StringComparison.Ordinal) && length % 3073 != 0)
            throw new UserErrorException(
                $"'{path}' is not a data set: {length} bytes are no whole number of CIFAR records (3073 or 3074 bytes), and its "
                    + $"name is not that "
                    + "of an IDX file (*images*)."
            );
        var names = Path.Combine(folder, hundred ? "fine_label_names.txt" : "batches.meta.txt");
        return HoldOut(
            hundred ? "cifar100" : "cifar10",
            CifarDataset.Open(hundred ? CifarKind.Cifar100 : CifarKind.Cifar10, [path], File.Exists(names) ? names : null),
            options
        );
    }

    private static DataSource OpenCifar10(string folder, string[] files)
    {
        int[] numbers =
        [
            .. files
                .Select(f => CifarBatch().Match(f))
                .Where(m => m.Success)
                .Select(m => int.Parse(m.Groups[1].ValueSpan, CultureInfo.InvariantCulture))
                .Order(),
        ];
        for (var i = 0; i < Math.Max(1, numbers.Length); i++)
            if (i >= numbers.Length || numbers[i] != i + 1)
                throw Missing(folder, $"data_batch_{i + 1}.bin");
        return OpenCifar(
            folder,
            CifarKind.Cifar10,
            "cifar10",
            [.. numbers.Select(n => $"data_batch_{n}.bin")],
            "test_batch.bin",
            "batches.meta.txt"
        );
    }

    private static DataSource OpenCifar100(string folder, string[] files) =>
        files.Contains("train.bin")
            ? OpenCifar(folder, CifarKind.Cifar100, "cifar100", ["train.bin"], "test.bin", "fine_label_names.txt")
            : throw Missing(folder, "train.bin");

    private static DataSource OpenCifar(string folder, CifarKind kind, string format, string[] train, string test, string names)
    {
        string testPath = Path.Combine(folder, test),
            namesPath = Path.Combine(folder, names);
        if (!File.Exists(testPath))
            throw Missing(folder, test);
        var givenNames = File.Exists(namesPath) ? namesPath : null;
        var trainSet = CifarDataset.Open(kind, [.. train.Select(t => Path.Combine(folder, t))], givenNames);
        try
        {
            var testSet = CifarDataset.Open(kind, [testPath], givenNames);
            return new DataSource(format, trainSet, testSet, testPath, trainSet, testSet);
        }
        catch
        {
            trainSet.Dispose();
            throw;
        }
    }

    private static DataSource OpenIdx(string folder, string[] files, DataOptions options)
    {
        string[] images = [.. files.Where(f => IdxImages().IsMatch(f))];
        if (images.Length == 1 && !Regex.IsMatch(images[0], "train|t10k|test", RegexOptions.IgnoreCase))
            return HoldOut("idx", OpenIdxPair(folder, images[0], files), options);
        string train = PickOne(folder, images, "train", "train-images-idx3-ubyte"),
            test = PickOne(folder, images, "t10k|test", "t10k-images-idx3-ubyte");
        var trainSet = OpenIdxPair(folder, train, files);
        IdxDataset? testSet = null;
        try
        {
            testSet = OpenIdxPair(folder, test, files);
            if (testSet.Height != trainSet.Height || testSet.Width != trainSet.Width)
                throw new UserErrorException(
                    $"'{Path.Combine(folder, test)}', offset 8: images of {testSet.Height} x {testSet.Width}, expected "
                        + $"{trainSet.Height} x {trainSet.Width} as in the training set."
                );
            testSet.RequireClasses(trainSet.ClassNames.Count);
            return new DataSource("idx", trainSet, testSet, Path.Combine(folder, test), trainSet, testSet);
        }
        catch
        {
            trainSet.Dispose();
            testSet?.Dispose();
            throw;
        }
    }

    private static string PickOne(string folder, string[] images, string part, string usual)
    {
        // A file and its own .gz are one candidate; the unpacked one needs no temporary copy.
        string[] found =
        [
            .. images
                .Where(f => Regex.IsMatch(f, part, RegexOptions.IgnoreCase))
                .GroupBy(f => f.EndsWith(".gz", StringComparison.Ordinal) ? f[..^3] : f)
                .Select(g => g.OrderBy(f => f.Length).First()),
        ];
        return found.Length switch
        {
            1 => found[0],
            0 => throw Missing(folder, usual + "[.gz]"),
            _ => throw new UserErrorException(
                $"'{folder}' holds several sets ({string.Join(", ", found)}); give the path of one file of images."
            ),
        };
    }

    private static IdxDataset OpenIdxPair(string folder, string images, string[] files)
    {
        var labels = images
            .Replace("images", "labels", StringComparison.OrdinalIgnoreCase)
            .Replace("idx3", "idx1", StringComparison.Ordinal);
        var plain = labels.EndsWith(".gz", StringComparison.Ordinal) ? labels[..^3] : labels;
        var found =
            files.FirstOrDefault(f => f == labels)
            ?? files.FirstOrDefault(f => f == plain || f == plain + ".gz")
            ?? throw Missing(folder, plain + "[.gz]");
        return IdxDataset.Open(Path.Combine(folder, images), Path.Combine(folder, found));
    }

    private static DataSource OpenImages(string folder, string[] folders, DataOptions options)
    {
        var train = folders.FirstOrDefault(f => f is "train" or "training");
        var test = folders.FirstOrDefault(f => f is "test") ?? folders.FirstOrDefault(f => f is "val" or "valid" or "validation");
        if (train is null)
            return HoldOut("folder", ImageFolderDataset.Open(folder, options.ImageSize), options);
        var trainSet = ImageFolderDataset.Open(Path.Combine(folder, train), options.ImageSize);
        trainSet.Part = UnicodeText.Normal(train) + "/";
        if (test is null)
            return HoldOut("folder", trainSet, options);
        try
        {
            var testSet = ImageFolderDataset.Open(Path.Combine(folder, test), options.ImageSize, "folder", trainSet);
            testSet.Part = UnicodeText.Normal(test) + "/";
            return new DataSource("folder", trainSet, testSet, Path.Combine(folder, test), trainSet, testSet);
        }
        catch
        {
            trainSet.Dispose();
            throw;
        }
    }

    private static DataSource OpenSynthetic(string location)
    {
        int train = 8000,
            test = 2000;
        ulong seed = 1;
        var given = location.Length > 10 ? location[10..] : "";
        foreach (var part in given.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var pair = part.Split('=');
            var good =
                pair.Length == 2
                && pair[0] switch
                {
                    "train" => int.TryParse(pair[1], NumberStyles.None, CultureInfo.InvariantCulture, out train) && train >= 10,
                    "test" => int.TryParse(pair[1], NumberStyles.None, CultureInfo.InvariantCulture, out test) && test >= 10,
                    "seed" => ulong.TryParse(pair[1], NumberStyles.None, CultureInfo.InvariantCulture, out seed),
                    _ => false,
                };
            if (!good)
                throw new UserErrorException(
                    $"'{part}' in '{location}' is not understood; write synthetic:train=N,test=M,seed=S with N and M at least 10."
                );
        }
        var trainSet = new SyntheticDataset(train, seed, SyntheticPart.Train);
        var testSet = new SyntheticDataset(test, seed, SyntheticPart.Test);
        return new DataSource("synthetic", trainSet, testSet, $"generated, seed {seed}", trainSet, testSet);
    }

    private static DataSource HoldOut(string format, IImageDataset whole, DataOptions options)
    {
        try
        {
            whole.RequireEveryClass();
            (var train, var test) = StratifiedSplit.Draw(whole, options.TestShare, options.TestSeed);
            var origin = string.Create(
                CultureInfo.InvariantCulture,
                $"{100 * options.TestShare:0.##} % of each class held out with seed {options.TestSeed}"
            );
            return new DataSource(format, new DatasetView(whole, train), new DatasetView(whole, test), origin, whole)
            {
                HoldsOutTest = true,
            };
        }
        catch
        {
            whole.Dispose();
            throw;
        }
    }

    private static UserErrorException Missing(string folder, string file) =>
        new($"'{Path.Combine(folder, file)}' is missing; the data set in '{folder}' needs it.");

    [GeneratedRegex(@"^data_batch_(\d{1,4})\.bin$")]
    private static partial Regex CifarBatch();

    [GeneratedRegex(@"images.*(ubyte|idx\d?)(\.gz)?$", RegexOptions.IgnoreCase)]
    private static partial Regex IdxImages();

    [GeneratedRegex(@"labels.*(ubyte|idx\d?)(\.gz)?$", RegexOptions.IgnoreCase)]
    private static partial Regex IdxLabels();
}
