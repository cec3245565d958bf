using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Lur.Tensors;

namespace Lur.Data;

/// <summary>
/// What is to be forgotten and what is to be retained: two disjoint lists that together are the training part.
/// </summary>
public sealed class ForgetSet
{
    private ForgetSet(int[] forget, int[] retain, IReadOnlyList<string> specifications, IReadOnlyList<int> wholeClasses)
    {
        Forget = forget;
        Retain = retain;
        Specifications = specifications;
        WholeClasses = wholeClasses;
    }

    /// <summary>Indices into the data set to forget, ascending; at least one.</summary>
    public int[] Forget { get; }

    /// <summary>Indices into the data set to retain, ascending; at least one.</summary>
    public int[] Retain { get; }

    /// <summary>The specifications it was made from.</summary>
    public IReadOnlyList<string> Specifications { get; }

    /// <summary>
    /// Classes of which every training sample is forgotten, ascending: their samples are taken out of the test set
    /// before test accuracy is measured (class-wise forgetting).
    /// </summary>
    public IReadOnlyList<int> WholeClasses { get; }

    /// <summary>
    /// Resolves specifications to index lists; several are united. Forms: <c>class:3</c> or <c>class:cat</c> (a name
    /// wins over a number), <c>random:10%</c> or <c>random:4500</c> of the training part, <c>glob:PATTERN</c> over paths
    /// of an image folder (<c>*</c> and <c>?</c> stay within a name, <c>**</c> crosses folders, a pattern without '/'
    /// matches file names), and else the path of a text file with one index of the data set a line, '#' starting a comment.
    /// </summary>
    /// <param name="specifications">One or more specifications.</param>
    /// <param name="data">The training set.</param>
    /// <param name="train">Indices the model was trained on: <see cref="DataSplit.Train"/>.</param>
    /// <param name="seed">Seed of random choices.</param>
    /// <exception cref="UserErrorException">A specification is malformed, selects nothing, names an unknown class, an
    /// index out of range, twice or outside the training part; or nothing is left to retain.</exception>
    public static ForgetSet Resolve(IReadOnlyList<string> specifications, IImageDataset data, ReadOnlySpan<int> train, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(specifications);
        ArgumentNullException.ThrowIfNull(data);
        if (specifications.Count == 0)
            throw new UserErrorException(
                "Nothing to forget was given; write class:N, class:NAME, random:10%, random:N, glob:PATTERN or a file of indices."
            );
        bool[] trained = new bool[data.Count],
            forgotten = new bool[data.Count];
        foreach (var i in train)
            trained[i] = true;
        var draw = 0;
        foreach (var specification in specifications)
        {
            IEnumerable<int> chosen = SplitKind(specification) switch
            {
                ("class", string name) => OfClass(specification, name, data, train),
                ("random", string amount) => AtRandom(specification, amount, train, new RandomStream(seed, "data/forget", draw++)),
                ("glob", string pattern) => OfGlob(specification, pattern, data, train),
                _ => ForgetIdFile.Read(specification, trained),
            };
            foreach (var i in chosen)
                forgotten[i] = true;
        }
        return Partition(specifications, data, train, forgotten);
    }

    /// <summary>SHA-256 of the two lists, for results.</summary>
    public string Sha256() => DataSplit.HashOf([.. Forget, -1, .. Retain]);

    /// <summary>Writes the forget list as a file that is itself a specification.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="UserErrorException">It cannot be written.</exception>
    public void Save(string path)
    {
        var text = new StringBuilder();
        text.Append("# ")
            .Append(CultureInfo.InvariantCulture, $"{Forget.Length} samples to forget, {Retain.Length} to retain: ")
            .AppendJoin(", ", Specifications)
            .Append('\n');
        foreach (var i in Forget)
            text.Append(CultureInfo.InvariantCulture, $"{i}\n");
        AtomicFile.WriteText(path, text.ToString());
    }

    private static ForgetSet Partition(IReadOnlyList<string> specifications, IImageDataset data, ReadOnlySpan<int> train, bool[] forgotten)
    {
        List<int> forget = [],
            retain = [];
        bool[] lost = new bool[data.ClassNames.Count],
            kept = new bool[data.ClassNames.Count];
        foreach (var i in train)
        {
            (forgotten[i] ? forget : retain).Add(i);
            (forgotten[i] ? lost : kept)[data.Label(i)] = true;
        }
        if (retain.Count == 0)
            throw new UserErrorException(
                $"Nothing is left to retain: {string.Join(" and ", specifications)} selects all {forget.Count} training "
                    + $"samples; forget less, or train a new model."
            );
        // The two lists are what every claim about the run rests on: they are checked here, not only in tests.
        if (forget.Count + retain.Count != train.Length || forget.Intersect(retain).Any())
            throw new InvalidOperationException("Forget and retain lists are not a partition of the training part.");
        int[] whole = [.. Enumerable.Range(0, lost.Length).Where(c => lost[c] && !kept[c])];
        return new ForgetSet([.. forget.Order()], [.. retain.Order()], [.. specifications], whole);
    }

    private static (string Kind, string Argument) SplitKind(string specification)
    {
        var colon = specification.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? ("", specification) : (specification[..colon], specification[(colon + 1)..]);
    }

    private static List<int> OfClass(string specification, string name, IImageDataset data, ReadOnlySpan<int> train)
    {
        var label = FindClass(specification, name, data.ClassNames);
        var chosen = new List<int>();
        foreach (var i in train)
            if (data.Label(i) == label)
                chosen.Add(i);
        return chosen.Count > 0
            ? chosen
            : throw new UserErrorException(
                $"'{specification}' selects nothing: the training part has no sample of class {label} ('{data.ClassNames[label]}')."
            );
    }

    private static int FindClass(string specification, string name, IReadOnlyList<string> names)
    {
        for (var c = 0; c < names.Count; c++)
            if (names[c] == name)
                return c;
        if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var label) && label < names.Count)
            return label;
        int[] anyCase = [.. Enumerable.Range(0, names.Count).Where(c => names[c].Equals(name, StringComparison.OrdinalIgnoreCase))];
        if (anyCase.Length == 1)
            return anyCase[0];
        const int shown = 20;
        var known = string.Join(", ", names.Take(shown)) + (names.Count > shown ? $" and {names.Count - shown} more" : "");
        throw new UserErrorException($"'{specification}': there is no class '{name}'; the classes are 0 to {names.Count - 1}: {known}.");
    }

    private static int[] AtRandom(string specification, string amount, ReadOnlySpan<int> train, RandomStream random)
    {
        int count;
        if (amount.EndsWith('%'))
        {
            var isNumber = double.TryParse(amount[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent);
            if (!isNumber || percent is not (> 0 and < 100))
                throw new UserErrorException($"'{specification}': expected a percentage above 0 and below 100, such as random:10%.")
                {
                    IsUsage = !isNumber,
                };
            count = (int)Math.Round(percent / 100 * train.Length, MidpointRounding.AwayFromZero);
            if (count == 0)
                throw new UserErrorException(
                    $"'{specification}' selects nothing: {amount} of {train.Length} training samples is less than half a sample."
                );
        }
        else if (
            int.TryParse(amount, NumberStyles.None, CultureInfo.InvariantCulture, out count) is var whole
            && (!whole || count < 1 || count > train.Length)
        )
        {
            throw new UserErrorException(
                $"'{specification}': expected a number from 1 to {train.Length} (the training samples), or a percentage such as random:10%."
            )
            {
                IsUsage = !whole,
            };
        }
        var order = train.ToArray();
        random.Shuffle<int>(order);
        return order[..count];
    }

    private static List<int> OfGlob(string specification, string pattern, IImageDataset data, ReadOnlySpan<int> train)
    {
        if (train.Length > 0 && data.RelativePath(train[0]) is null)
            throw new UserErrorException(
                $"'{specification}' needs an image folder; samples of {data.Name} have no paths, use class:, random: or a file of indices."
            );
        var namesOnly = !pattern.Contains('/', StringComparison.Ordinal);
        var expression = Regex
            .Escape(pattern)
            .Replace(@"\*\*/", "(?:.*/)?", StringComparison.Ordinal)
            .Replace(@"\*\*", ".*", StringComparison.Ordinal)
            .Replace(@"\*", "[^/]*", StringComparison.Ordinal)
            .Replace(@"\?", "[^/]", StringComparison.Ordinal);
        var matcher = new Regex($@"\A{expression}\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        var chosen = new List<int>();
        foreach (var i in train)
        {
            var path = data.RelativePath(i)!;
            if (matcher.IsMatch(namesOnly ? path[(path.LastIndexOf('/') + 1)..] : path))
                chosen.Add(i);
        }
        return chosen.Count > 0
            ? chosen
            : throw new UserErrorException(
                $"'{specification}' selects nothing: no path of the training part matches; the first is '{data.RelativePath(train[0])}'."
            );
    }
}

/// <summary>A text file with one index a line.</summary>
internal static class ForgetIdFile
{
    public static List<int> Read(string path, bool[] trained)
    {
        if (!Path.Exists(path))
            throw new UserErrorException(
                $"'{path}' is not a forget specification: no such file; write class:N, class:NAME, random:10%, random:N, "
                    + $"glob:PATTERN or the path of a file of indices."
            );
        using var stream = MappedFile.OpenRead(path, "file of indices");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        var chosen = new List<int>();
        var lineOf = new Dictionary<int, int>();
        var line = 0;
        while (reader.ReadLine() is { } text)
        {
            line++;
            var comment = text.IndexOf('#', StringComparison.Ordinal);
            var entry = (comment < 0 ? text : text[..comment]).Trim();
            if (entry.Length == 0)
                continue;
            if (!long.TryParse(entry, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
                throw new UserErrorException($"'{path}', line {line}: '{Shorten(entry)}' is not an index, expected one integer a line.");
            if (value < 0 || value >= trained.Length)
                throw new UserErrorException($"'{path}', line {line}: index {value} is out of range, expected 0 to {trained.Length - 1}.");
            var index = (int)value;
            if (!lineOf.TryAdd(index, line))
                throw new UserErrorException(
                    $"'{path}', line {line}: index {index} was given before, in line {lineOf[index]}; remove one of them."
                );
            if (!trained[index])
                throw new UserErrorException(
                    $"'{path}', line {line}: sample {index} is in the validation part, so the model was never trained on it; "
                        + $"remove the line."
                );
            chosen.Add(index);
        }
        return chosen.Count > 0 ? chosen : throw new UserErrorException($"'{path}' names no sample, expected one index a line.");
    }

    private static string Shorten(string entry) => entry.Length > 40 ? entry[..40] + "..." : entry;
}
