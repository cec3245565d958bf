using System.Globalization;

namespace Lur.Data;

/// <summary>How to open a data set.</summary>
public sealed record DataOptions
{
    /// <summary>Rows and columns that images are scaled to; null leaves their common size. Generated sets have one size.</summary>
    public int? ImageSize { get; init; }

    /// <summary>Share of each class held out for the test where the data has no test part, in (0, 1).</summary>
    public double TestShare { get; init; } = 0.2;

    /// <summary>Seed of that hold-out; the same seed gives the same parts on every machine.</summary>
    public ulong TestSeed { get; init; } = 1;

    /// <summary>Rows and columns that a model takes: images of a folder are scaled to them where <see cref="ImageSize"/> gives no size, and
    /// those of CIFAR and IDX files that are a whole number of times as large; null without a model.</summary>
    public (int Height, int Width)? ModelSize { get; init; }

    /// <summary>Images in memory, which are then the data set; its location is their name. Null for what lies at the location.</summary>
    public ImageMemory? Memory { get; init; }

    /// <summary>How sentences name an option, for example <c>image-size</c>.</summary>
    public Func<string, string> Spell { get; init; } = option => option;
}

/// <summary>A data set with its training and test part, opened from a path or the name of a generated set.</summary>
public sealed class DataSource : IDisposable
{
    private readonly IImageDataset[] _owned;

    internal DataSource(string format, IImageDataset train, IImageDataset test, string testOrigin, params IImageDataset[] owned)
    {
        Format = format;
        Train = train;
        Test = test;
        TestOrigin = testOrigin;
        _owned = owned;
    }

    /// <summary>What was detected: <c>cifar10</c>, <c>cifar100</c>, <c>idx</c>, <c>folder</c>, <c>captioned</c>, <c>synthetic</c> or
    /// <c>memory</c>.</summary>
    public string Format { get; }

    /// <summary>The training part; every class has at least one sample.</summary>
    public IImageDataset Train { get; private set; }

    /// <summary>The test part; classes, channels and size are those of the training part.</summary>
    public IImageDataset Test { get; private set; }

    /// <summary>Where the test part comes from, as a phrase to print: a path, or how it was held out.</summary>
    public string TestOrigin { get; }

    /// <summary>True where the test part is held out of the same files as the training part: the numbers of samples count both.</summary>
    public bool HoldsOutTest { get; internal init; }

    /// <summary>The folder that the names of its pictures begin in; null where there are none.</summary>
    internal string? PictureFolder { get; init; }

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

    /// <summary>Sentences a person should read: files that were left out, parts that are not used.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Refuses a set whose test part holds nothing: every measurement needs it.</summary>
    /// <exception cref="UserErrorException">It does; the sentence says why.</exception>
    public void RequireTest()
    {
        if (Test.Count > 0)
            return;
        throw new UserErrorException(
            _owned.Length == 1
                ? $"The test part of {Train.Name} is empty: {TestOrigin}, and each of its {Train.ClassNames.Count} classes has one sample; "
                    + "add samples, or give a test part of its own."
                : $"The test part of {Train.Name} is empty ({TestOrigin}); it needs at least one sample."
        );
    }

    /// <summary>Refuses a set of one class: there is nothing to tell apart, and every model is always right.</summary>
    /// <exception cref="UserErrorException">It has one.</exception>
    public void RequireClasses()
    {
        if (Train.ClassNames.Count == 1)
            throw new UserErrorException(
                $"{Train.Name} has one class, '{Train.ClassNames[0]}': there is nothing to tell apart; training needs at least two, "
                    + "each in a folder of its own."
            );
    }

    /// <summary>
    /// Opens a data set and detects its format: a folder with CIFAR binary files, with IDX files, with pictures and
    /// their captions or with class folders; one such file; or <c>synthetic[:train=N,test=M,seed=S]</c>, or <c>shapes</c> likewise.
    /// </summary>
    /// <param name="location">The path or name.</param>
    /// <param name="options">Details, or null for the defaults.</param>
    /// <exception cref="UserErrorException">Nothing there, an unknown format, or damaged data; with <see
    /// cref="UserErrorException.IsUsage"/> where
    /// the name of a generated set cannot be read.</exception>
    public static DataSource Open(string location, DataOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(location);
        options ??= new DataOptions();
        if (options.TestShare is not (> 0 and < 1))
            throw new UserErrorException(
                $"The test share {options.TestShare.ToString(CultureInfo.InvariantCulture)} is out of range, expected a number "
                    + $"between 0 and 1."
            );
        if (options.Memory is { } memory)
            return memory.Open(location, options);
        if (GeneratedSets.IsName(location))
            return GeneratedSets.Open(location);
        DataSource? source = null;
        try
        {
            source =
                Directory.Exists(location) ? DataFolder.Open(location, options)
                : File.Exists(location) ? OpenFile(location, options)
                : throw new UserErrorException(
                    $"The data set '{location}' does not exist; give a folder, a file, or synthetic[:train=N,test=M,seed=S], or shapes."
                );
            // A caption may be one of the test part alone.
            if (source.Format != CaptionedFolder.Format)
                source.Train.RequireEveryClass();
            source.Scale(options);
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

    /// <summary>Scales the images of sets that store them in one size; a folder's are scaled as they are decoded.</summary>
    private void Scale(DataOptions options)
    {
        if (Format is "folder" or CaptionedFolder.Format)
            return;
        var wanted =
            options.ImageSize is { } side ? (side, side)
            : options.ModelSize is { } model && ScaledView.IsWhole(Train, model) ? model
            : (Train.Height, Train.Width);
        if (wanted != (Train.Height, Train.Width))
            (Train, Test) = (new ScaledView(Train, wanted.Item1, wanted.Item2), new ScaledView(Test, wanted.Item1, wanted.Item2));
    }

    private static DataSource OpenFile(string path, DataOptions options)
    {
        RegularFile.Require(path, "data set");
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        return BinarySets.OpenFile(path, FileNames.Of(folder), options);
    }

    /// <summary>A set without a test part: a share of each class becomes it.</summary>
    internal static DataSource HoldOut(
        string format,
        IImageDataset whole,
        DataOptions options,
        IReadOnlyList<string>? warnings = null,
        string? pictures = null
    )
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
                PictureFolder = pictures,
                Warnings = warnings ?? [],
            };
        }
        catch
        {
            whole.Dispose();
            throw;
        }
    }
}
