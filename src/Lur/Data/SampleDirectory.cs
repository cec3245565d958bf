namespace Lur.Data;

/// <summary>The part of a data set that a sample is in.</summary>
internal enum SamplePart
{
    /// <summary>What the model is trained on.</summary>
    Train,

    /// <summary>Held out of the training part by the split.</summary>
    Validation,

    /// <summary>The test part.</summary>
    Test,
}

/// <summary>Where a sample is.</summary>
/// <param name="Part">Its part.</param>
/// <param name="Index">Its index in the training set (training and validation) or the test set.</param>
internal readonly record struct SamplePlace(SamplePart Part, int Index);

/// <summary>Finds samples of a data set by number or by name, held-out ones included.</summary>
internal sealed class SampleDirectory
{
    private readonly IImageDataset _train;
    private readonly IImageDataset? _test;
    private readonly bool[] _trained;
    private readonly string? _pictures;
    private readonly Lazy<Dictionary<int, SamplePlace>> _numbers;
    private readonly Lazy<Dictionary<string, SamplePlace>> _names;

    /// <summary>Creates a directory; it reads nothing before it is asked.</summary>
    /// <param name="train">The training set.</param>
    /// <param name="trained">Indices the model was trained on.</param>
    /// <param name="source">The data set both parts come from; null if only the training set is known.</param>
    public SampleDirectory(IImageDataset train, ReadOnlySpan<int> trained, DataSource? source)
    {
        (_train, _test, _pictures) = (train, source?.Test, source?.PictureFolder);
        HoldsOutTest = source?.HoldsOutTest ?? false;
        _trained = new bool[train.Count];
        foreach (var i in trained)
            _trained[i] = true;
        _numbers = new(ByNumber);
        _names = new(ByName);
        NumberCount = train.Count + (HoldsOutTest ? _test!.Count : 0);
    }

    /// <summary>True where numbers count the samples of the test part, too.</summary>
    public bool HoldsOutTest { get; }

    /// <summary>Numbers run from 0 to below this.</summary>
    public int NumberCount { get; }

    /// <summary>The numbers there are, as sentences say it.</summary>
    public string Range =>
        $"0 to {NumberCount - 1}" + (_test is null || HoldsOutTest ? "" : " (the test part counts for itself; the model never saw it)");

    /// <summary>Samples outside the part the model is trained on, in their order.</summary>
    public IEnumerable<SamplePlace> HeldOut =>
        Enumerable
            .Range(0, _train.Count)
            .Where(i => !_trained[i])
            .Select(i => new SamplePlace(SamplePart.Validation, i))
            .Concat(Sequences.Range(0, _test?.Count ?? 0).Select(i => new SamplePlace(SamplePart.Test, i)));

    /// <summary>The set that an index of a place counts in.</summary>
    public IImageDataset SetOf(SamplePlace place) => place.Part == SamplePart.Test ? _test! : _train;

    /// <summary>Number and name of a sample.</summary>
    public SampleId Identify(SamplePlace place) => SetOf(place).Identify(place.Index);

    /// <summary>The samples of some numbers (<see cref="SampleId.Number"/>) in a set, in its order.</summary>
    /// <param name="data">The set.</param>
    /// <param name="numbers">Numbers; those of no sample of the set are passed over.</param>
    public static int[] IndicesOf(IImageDataset data, IReadOnlyCollection<int> numbers)
    {
        if (numbers.Count == 0)
            return [];
        var wanted = numbers.ToHashSet();
        return [.. Sequences.Range(0, data.Count).Where(i => wanted.Contains(data.Identify(i).Number))];
    }

    /// <summary>The sample of a number; null if there is none.</summary>
    public SamplePlace? Find(long number) =>
        number is < 0 or > int.MaxValue ? null
        : !HoldsOutTest && number < _train.Count && _train.Identify((int)number).Number == number ? Place((int)number)
        : _numbers.Value.TryGetValue((int)number, out var place) ? place
        : null;

    /// <summary>The sample of a name; null if there is none. The folder of the part may be left out where that is no other
    /// sample.</summary>
    public SamplePlace? Find(string name)
    {
        name = UnicodeText.Normal(name);
        if (name.StartsWith("./", StringComparison.Ordinal))
            name = name[2..];
        if (_names.Value.TryGetValue(name, out var place))
            return place;
        return
            name.LastIndexOf('#') is > 0 and var mark
            && _names.Value.TryGetValue(SampleId.WithoutGzip(name[..mark]) + name[mark..], out place)
            ? place
            : null;
    }

    /// <summary>Names that samples have.</summary>
    public IReadOnlyCollection<string> Names => _names.Value.Keys;

    /// <summary>The sample whose picture lies at a path; null if it is out of the data set, or no picture of it.</summary>
    public SamplePlace? FindFile(string path)
    {
        if (_pictures is null)
            return null;
        var name = Path.GetRelativePath(_pictures, path).Replace(Path.DirectorySeparatorChar, '/');
        // The whole name: a picture of a part that is not read may be called as one that is.
        return Find(name) is { } place && UnicodeText.Same(Identify(place).Name, name) ? place : null;
    }

    /// <summary>The sentence for a sample that was asked for and that the model never saw.</summary>
    public string WhyNot(SamplePlace place) =>
        $"sample {Identify(place)} was held out: it is in the {(place.Part == SamplePart.Test ? "test" : "validation")} part, so the model "
        + "never saw it";

    private SamplePlace Place(int index) => new(_trained[index] ? SamplePart.Train : SamplePart.Validation, index);

    private Dictionary<int, SamplePlace> ByNumber()
    {
        var places = new Dictionary<int, SamplePlace>(NumberCount);
        for (var i = 0; i < _train.Count; i++)
            places.TryAdd(_train.Identify(i).Number, Place(i));
        for (var i = 0; HoldsOutTest && i < _test!.Count; i++)
            places.TryAdd(_test.Identify(i).Number, new(SamplePart.Test, i));
        return places;
    }

    private Dictionary<string, SamplePlace> ByName()
    {
        var places = new Dictionary<string, SamplePlace>(StringComparer.Ordinal);
        void Add(Func<IImageDataset, int, string?> name)
        {
            for (var i = 0; i < _train.Count; i++)
                if (name(_train, i) is { } own)
                    places.TryAdd(own, Place(i));
            for (var i = 0; i < _test?.Count; i++)
                if (name(_test, i) is { } own)
                    places.TryAdd(own, new(SamplePart.Test, i));
        }

        Add((data, i) => data.Identify(i).Name);
        Add((data, i) => data.RelativePath(i));
        return places;
    }
}
