using System.Globalization;
using Lur.Tensors;

namespace Lur.Data;

/// <summary>
/// What is to be forgotten and what is to be retained: two disjoint lists that together are the training part.
/// </summary>
public sealed class ForgetSet
{
    private readonly Lazy<SampleRecord[]> _samples;
    private readonly Lazy<SampleRecord[]> _earlierSamples;

    private ForgetSet(
        IImageDataset data,
        Lists lists,
        IReadOnlyList<string> specifications,
        IReadOnlyList<int> wholeClasses,
        IReadOnlyList<string> notes
    )
    {
        (Forget, Retain, Earlier) = (lists.Forget, lists.Retain, lists.Earlier);
        Specifications = specifications;
        WholeClasses = wholeClasses;
        RequestedClasses = [.. wholeClasses.Where(lists.Forget.Select(data.Label).ToHashSet().Contains)];
        Notes = notes;
        _samples = new(() => [.. Forget.Select(i => SampleRecord.Of(data, i))]);
        _earlierSamples = new(() => [.. Earlier.Select(i => SampleRecord.Of(data, i))]);
    }

    private sealed record Lists(int[] Forget, int[] Retain, int[] Earlier);

    /// <summary>Indices into the data set to forget, ascending; at least one.</summary>
    public int[] Forget { get; }

    /// <summary>Indices into the data set to retain, ascending; at least one.</summary>
    public int[] Retain { get; }

    /// <summary>Indices of samples that earlier requests made the model forget, ascending: in neither list, so that nothing trains on
    /// them again; may be empty.</summary>
    public int[] Earlier { get; }

    /// <summary>Everything that the model does not know afterwards, ascending: <see cref="Forget"/> and <see cref="Earlier"/>.</summary>
    public int[] Forgotten => [.. Forget.Concat(Earlier).Order()];

    /// <summary>The specifications it was made from.</summary>
    public IReadOnlyList<string> Specifications { get; }

    /// <summary>
    /// Classes of which every training sample is forgotten, now or earlier, ascending: their samples are taken out of the test set
    /// before test accuracy is measured (class-wise forgetting).
    /// </summary>
    public IReadOnlyList<int> WholeClasses { get; }

    /// <summary>Those of <see cref="WholeClasses"/> that this request has samples of; the others were forgotten before.</summary>
    public IReadOnlyList<int> RequestedClasses { get; }

    /// <summary>Sentences on what was asked for and is not in <see cref="Forget"/>: samples that were held out.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>Name, class and content of each sample of <see cref="Forget"/>, in its order. Reads their content when it is first
    /// asked for: the data set must be open then.</summary>
    public IReadOnlyList<SampleRecord> Samples => _samples.Value;

    /// <summary>
    /// Resolves specifications to index lists; several are united. Forms: <c>class:3</c> or <c>class:cat</c> (a name
    /// wins over a number), <c>caption:star</c> for all classes whose names, sentences, have these words (several with commas between
    /// them), several with commas between them (<c>class:3,5</c>; a name that has the comma itself wins),
    /// <c>random:10%</c> or <c>random:4500</c> of the training part, <c>glob:PATTERN</c> over paths
    /// of an image folder (<c>*</c> and <c>?</c> stay within a name, <c>**</c> crosses folders, a pattern without '/'
    /// matches file names), <c>sample:17</c> or <c>sample:NAME</c> with the number or the name of a sample
    /// (<see cref="SampleId"/>), and else the path of a text file with one such number or name a line, '#' starting a comment, or
    /// the name of a sample, or the path of a picture of the data set.
    /// </summary>
    /// <param name="specifications">One or more specifications.</param>
    /// <param name="data">The training set.</param>
    /// <param name="train">Indices the model was trained on: <see cref="DataSplit.Train"/>.</param>
    /// <param name="seed">Seed of random choices.</param>
    /// <param name="earlier">Samples that earlier requests made the model forget. Where a specification selects such a sample beside
    /// others, it stays what it is; a request of such samples only has them forgotten again. Random choices pass them over.</param>
    /// <exception cref="UserErrorException">A specification is malformed, selects nothing, names an unknown class, an
    /// index out of range, twice or outside the training part; or nothing is left to retain.</exception>
    public static ForgetSet Resolve(
        IReadOnlyList<string> specifications,
        IImageDataset data,
        ReadOnlySpan<int> train,
        ulong seed,
        params ReadOnlySpan<int> earlier
    ) => Resolve(specifications, data, new SampleDirectory(data, train, null), train, seed, earlier);

    /// <summary>The same with a whole data set, whose test part is known: who asks for a sample of it is told that it was held
    /// out, and numbers count it where it lies in the same files.</summary>
    /// <param name="specifications">One or more specifications.</param>
    /// <param name="source">The data set.</param>
    /// <param name="train">Indices the model was trained on: <see cref="DataSplit.Train"/>.</param>
    /// <param name="seed">Seed of random choices.</param>
    /// <param name="earlier">Samples that earlier requests made the model forget, as above.</param>
    /// <exception cref="UserErrorException">As above, or a sample was held out.</exception>
    public static ForgetSet Resolve(
        IReadOnlyList<string> specifications,
        DataSource source,
        ReadOnlySpan<int> train,
        ulong seed,
        params ReadOnlySpan<int> earlier
    )
    {
        ArgumentNullException.ThrowIfNull(source);
        return Resolve(specifications, source.Train, new SampleDirectory(source.Train, train, source), train, seed, earlier);
    }

    private static ForgetSet Resolve(
        IReadOnlyList<string> specifications,
        IImageDataset data,
        SampleDirectory directory,
        ReadOnlySpan<int> train,
        ulong seed,
        ReadOnlySpan<int> earlier
    )
    {
        ArgumentNullException.ThrowIfNull(specifications);
        ArgumentNullException.ThrowIfNull(data);
        if (specifications.Count == 0)
            throw new UserErrorException(
                "Nothing to forget was given; write class:N, class:NAME, caption:WORDS, random:10%, random:N, glob:PATTERN or a file of "
                    + "samples."
            );
        bool[] forgotten = new bool[data.Count],
            before = new bool[data.Count];
        foreach (var i in earlier)
            before[i] = true;
        int[] known = [.. train.ToArray().Where(i => !before[i])];
        var notes = new List<string>();
        var draw = 0;
        foreach (var specification in specifications)
        {
            var chosen = ForgetSpecification.Find(
                specification,
                data,
                directory,
                train,
                known,
                () => new RandomStream(seed, "data/forget", draw++),
                notes
            );
            foreach (var i in chosen)
                forgotten[i] = true;
        }
        var isNew = known.Any(i => forgotten[i]);
        for (var i = 0; i < before.Length; i++)
            (forgotten[i], before[i]) = isNew ? (forgotten[i] && !before[i], before[i]) : (forgotten[i], before[i] && !forgotten[i]);
        return Partition(specifications, data, train, forgotten, before, notes);
    }

    /// <summary>The set with further samples of the retain set forgotten.</summary>
    /// <param name="data">The training set it was resolved in.</param>
    /// <param name="more">Indices of <see cref="Retain"/>.</param>
    /// <exception cref="UserErrorException">Nothing would be left to retain.</exception>
    public ForgetSet With(IImageDataset data, IReadOnlyCollection<int> more)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(more);
        if (more.Count == 0)
            return this;
        bool[] forgotten = new bool[data.Count],
            before = new bool[data.Count];
        foreach (var i in Forget.Concat(more))
            forgotten[i] = true;
        foreach (var i in Earlier)
            before[i] = true;
        return Partition(Specifications, data, (int[])[.. Forgotten.Concat(Retain).Order()], forgotten, before, Notes);
    }

    /// <summary>SHA-256 of the two lists, for results.</summary>
    public string Sha256() => DataSplit.HashOf([.. Forget, -1, .. Retain]);

    /// <summary>Writes the forget list, and behind it what earlier requests made the model forget, as a file that is itself a
    /// specification.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="UserErrorException">It cannot be written.</exception>
    public void Save(string path)
    {
        var heading = string.Create(CultureInfo.InvariantCulture, $"{Forget.Length} samples to forget, {Retain.Length} to retain: ");
        // A specification is what a user typed: a line break in it would begin a line of samples.
        heading += string.Join(", ", Specifications).ReplaceLineEndings(" ");
        var text = ForgetIdFile.Text(heading, Samples);
        if (Earlier.Length > 0)
        {
            heading = string.Create(CultureInfo.InvariantCulture, $"{Earlier.Length} samples that earlier requests made the model forget");
            text += ForgetIdFile.Text(heading, _earlierSamples.Value);
        }

        AtomicFile.WriteText(path, text);
    }

    private static ForgetSet Partition(
        IReadOnlyList<string> specifications,
        IImageDataset data,
        ReadOnlySpan<int> train,
        bool[] forgotten,
        bool[] before,
        IReadOnlyList<string> notes
    )
    {
        List<int> forget = [],
            retain = [],
            earlier = [];
        bool[] lost = new bool[data.ClassNames.Count],
            kept = new bool[data.ClassNames.Count];
        foreach (var i in train)
        {
            (
                forgotten[i] ? forget
                : before[i] ? earlier
                : retain
            ).Add(i);
            (forgotten[i] || before[i] ? lost : kept)[data.Label(i)] = true;
        }
        // A caption that held-out pictures alone have is forgotten by its words, too.
        var words = specifications.SelectMany(ForgetSpecification.CaptionWordsOf).ToList();
        for (var c = 0; c < lost.Length && words.Count > 0; c++)
            lost[c] |= words.Exists(w => CaptionWords.Contains(data.ClassNames[c], w));
        if (retain.Count == 0)
            throw new UserErrorException(
                $"Nothing is left to retain: {string.Join(" and ", specifications)} selects all {forget.Count} training "
                    + $"samples; forget less, or train a new model."
            );
        // The two lists are what every claim about the run rests on: they are checked here, not only in tests.
        if (forget.Count + retain.Count + earlier.Count != train.Length || forget.Intersect(retain).Any())
            throw new InvalidOperationException("Forget and retain lists are not a partition of the training part.");
        int[] whole = [.. Sequences.Range(0, lost.Length).Where(c => lost[c] && !kept[c])];
        var lists = new Lists([.. forget.Order()], [.. retain.Order()], [.. earlier.Order()]);
        return new ForgetSet(data, lists, [.. specifications], whole, notes);
    }
}
