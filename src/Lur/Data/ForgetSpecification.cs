using System.Globalization;
using Lur.Tensors;

namespace Lur.Data;

/// <summary>The forms of a specification of what is to be forgotten (<see cref="ForgetSet.Resolve(IReadOnlyList{string}, IImageDataset,
/// ReadOnlySpan{int}, ulong, ReadOnlySpan{int})"/> lists them).</summary>
internal static class ForgetSpecification
{
    private const string CaptionKind = "caption";

    /// <summary>Samples that a specification selects.</summary>
    /// <param name="specification">The text.</param>
    /// <param name="data">The training set.</param>
    /// <param name="directory">Its samples by number and name.</param>
    /// <param name="train">Indices the model was trained on.</param>
    /// <param name="known">Those of them that it has not forgotten before: random choices are made among them.</param>
    /// <param name="random">Makes the stream of a random choice.</param>
    /// <param name="notes">Receives sentences on samples that were held out.</param>
    /// <exception cref="UserErrorException">It is malformed or selects nothing.</exception>
    public static IEnumerable<int> Find(
        string specification,
        IImageDataset data,
        SampleDirectory directory,
        ReadOnlySpan<int> train,
        ReadOnlySpan<int> known,
        Func<RandomStream> random,
        List<string> notes
    ) =>
        SplitKind(specification) switch
        {
            ("class", string name) => OfClass(specification, name, data, train),
            (CaptionKind, string words) => OfCaption(specification, words, data, train),
            ("random", string amount) => AtRandom(specification, amount, known, random()),
            ("glob", string pattern) => SampleGlob.Find(specification, pattern, data, train, directory, notes),
            ("sample", string name) => OfSample(specification, name, directory),
            _ => OfPath(specification, directory),
        };

    /// <summary>The words of a specification of captions, alternatives between commas; none of another kind.</summary>
    internal static IReadOnlyList<string> CaptionWordsOf(string specification) =>
        SplitKind(specification) is (CaptionKind, string words)
            ? words.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            : [];

    private static List<int> OfCaption(string specification, string words, IImageDataset data, ReadOnlySpan<int> train)
    {
        var any = CaptionWordsOf(specification);
        var chosen = data.ClassNames.Select(name => any.Any(w => CaptionWords.Contains(name, w))).ToValues();
        var samples = new List<int>();
        foreach (var i in train)
            if (chosen[data.Label(i)])
                samples.Add(i);
        return samples.Count > 0
            ? samples
            : throw new UserErrorException(
                $"'{specification}' selects nothing: no caption of a training sample has the words '{words}'; the captions are such as "
                    + $"'{data.ClassNames[0]}'."
            );
    }

    private static List<int> OfSample(string specification, string name, SampleDirectory directory)
    {
        var place = long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? directory.Find(number) ?? throw new UserErrorException($"'{specification}' is out of range, expected {directory.Range}.")
            : directory.Find(name) ?? throw NoSample(specification, name, directory);
        return [Trained(specification, place, directory)];
    }

    private static UserErrorException NoSample(string specification, string name, SampleDirectory directory) =>
        new(
            $"'{specification}': the data set has no sample of that name; "
                + Spelling.DidYouMean(
                    name,
                    directory.Names,
                    $"names are spelt as in '{directory.Names.First()}', and a number is one of " + $"{directory.Range}."
                )
        );

    private static List<int> OfPath(string path, SampleDirectory directory)
    {
        // A pipe or a device would be waited for without end.
        if (File.Exists(path))
            RegularFile.Require(path, "file of samples");
        if (File.Exists(path) && directory.FindFile(path) is { } picture)
            return [Trained(path, picture, directory)];
        if (File.Exists(path) && PictureName.IsRead(path))
            throw new UserErrorException(
                $"'{path}' is a picture that is not in the data set; give one of its pictures, or a file of samples."
            );
        if (Path.Exists(path))
            return ForgetIdFile.Read(path, directory);
        if (path.Contains('/') || path.Contains('#') || PictureName.IsRead(path))
            if (directory.Find(path) is { } place)
                return [Trained(path, place, directory)];
        throw new UserErrorException(
            $"'{path}' is not a forget specification: no such file; write class:N, class:NAME, caption:WORDS, random:10%, random:N, "
                + "glob:PATTERN, sample:N, sample:NAME or the path of a file of samples."
        );
    }

    private static int Trained(string specification, SamplePlace place, SampleDirectory directory) =>
        place.Part == SamplePart.Train
            ? place.Index
            : throw new UserErrorException($"'{specification}': {directory.WhyNot(place)}, and there is nothing to forget.");

    private static (string Kind, string Argument) SplitKind(string specification)
    {
        var colon = specification.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? ("", specification) : (specification[..colon], specification[(colon + 1)..]);
    }

    private static List<int> OfClass(string specification, string name, IImageDataset data, ReadOnlySpan<int> train)
    {
        var chosen = new List<int>();
        foreach (var label in ClassesOf(specification, name, data.ClassNames))
        {
            var before = chosen.Count;
            foreach (var i in train)
                if (data.Label(i) == label)
                    chosen.Add(i);
            if (chosen.Count == before)
                throw new UserErrorException(
                    $"'{specification}' selects nothing: the training part has no sample of class {label} ('{data.ClassNames[label]}')."
                );
        }

        return chosen;
    }

    /// <summary>The classes of a list with commas: 3,5 or cat,dog, each once.</summary>
    internal static IEnumerable<int> ClassesOf(string specification, string list, IReadOnlyList<string> names)
    {
        if (names.Contains(list) || !list.Contains(',', StringComparison.Ordinal))
            return [FindClass(specification, list, names)];
        return [.. list.Split(',', StringSplitOptions.TrimEntries).Select(name => FindClass(specification, name, names)).Distinct()];
    }

    private static int FindClass(string specification, string name, IReadOnlyList<string> names)
    {
        name = UnicodeText.Normal(name);
        for (var c = 0; c < names.Count; c++)
            if (names[c] == name)
                return c;
        if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var label) && label < names.Count)
            return label;
        int[] anyCase = [.. Sequences.Range(0, names.Count).Where(c => names[c].Equals(name, StringComparison.OrdinalIgnoreCase))];
        if (anyCase.Length == 1)
            return anyCase[0];
        const int shown = 20;
        var known = string.Join(", ", names.Take(shown)) + (names.Count > shown ? $" and {names.Count - shown} more" : "");
        throw new UserErrorException(
            $"'{specification}': there is no class '{name}'; "
                + Spelling.DidYouMean(name, names, $"the classes are 0 to {names.Count - 1}: {known}.")
        );
    }

    private static int[] AtRandom(string specification, string amount, ReadOnlySpan<int> train, RandomStream random)
    {
        int count;
        if (amount.EndsWith('%'))
        {
            if (
                !double.TryParse(amount[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent)
                || percent is not (> 0 and < 100)
            )
                throw new UserErrorException($"'{specification}': expected a percentage above 0 and below 100, such as random:10%.")
                {
                    IsUsage = true,
                };
            count = (int)Math.Round(percent / 100 * train.Length, MidpointRounding.AwayFromZero);
            if (count == 0)
                throw new UserErrorException(
                    $"'{specification}' selects nothing: {amount} of {train.Length} training samples is less than half a sample; give a "
                        + "larger percentage, or a number such as random:1."
                );
        }
        else if (
            int.TryParse(amount, NumberStyles.None, CultureInfo.InvariantCulture, out count) is var whole
            && (!whole || count < 1 || count > train.Length)
        )
        {
            // What no data set has is a slip of the hand; what this one has too few of is not.
            throw new UserErrorException(
                $"'{specification}': expected a number from 1 to {train.Length} (the training samples), or a percentage such as random:10%."
            )
            {
                IsUsage = !whole || count < 1,
            };
        }
        var order = train.ToArray();
        random.Shuffle<int>(order);
        return order[..count];
    }
}
