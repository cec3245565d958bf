namespace Lur.Data;

/// <summary>Samples of an image folder whose path matches a pattern.</summary>
internal static class SampleGlob
{
    private const int Shown = 3;

    /// <summary>Finds the samples of the training part.</summary>
    /// <param name="specification">The whole specification, for sentences.</param>
    /// <param name="pattern">The pattern.</param>
    /// <param name="data">The training set.</param>
    /// <param name="train">Indices the model was trained on.</param>
    /// <param name="directory">Finds what was held out.</param>
    /// <param name="notes">Receives a sentence where the pattern matches samples that were held out, too.</param>
    /// <exception cref="UserErrorException">The samples have no paths, or none of the training part matches.</exception>
    public static List<int> Find(
        string specification,
        string pattern,
        IImageDataset data,
        ReadOnlySpan<int> train,
        SampleDirectory directory,
        List<string> notes
    )
    {
        if (train.Length > 0 && data.RelativePath(train[0]) is null)
            throw new UserErrorException(
                $"'{specification}' needs an image folder; samples of {data.Name} have no paths, use class:, random:, sample: "
                    + $"or a file of samples."
            );
        var matches = Matcher(UnicodeText.Normal(pattern));
        var chosen = new List<int>();
        foreach (var i in train)
            if (matches(data, i))
                chosen.Add(i);
        var heldOut = directory.HeldOut.Where(place => matches(directory.SetOf(place), place.Index)).ToValues();
        if (chosen.Count > 0)
        {
            // A test part of its own has paths like those of the training part: there a pattern means the latter.
            heldOut = Array.FindAll(heldOut, p => p.Part == SamplePart.Validation || directory.HoldsOutTest);
            if (heldOut.Length > 0)
                notes.Add(
                    $"'{specification}' matches {heldOut.Length} more that {(heldOut.Length == 1 ? "was" : "were")} held out, "
                        + $"so the model never saw "
                        + $"{(heldOut.Length == 1 ? "it" : "them")}: "
                        + $"{Names(heldOut, directory)}"
                );
            return chosen;
        }

        throw new UserErrorException(
            heldOut.Length == 1 ? $"'{specification}' selects nothing: {directory.WhyNot(heldOut[0])}."
            : heldOut.Length > 1
                ? $"'{specification}' selects nothing: the {heldOut.Length} samples that match were held out, so the model never saw them "
                    + $"({Names(heldOut, directory)})."
            : $"'{specification}' selects nothing: no path of the training part matches; the first is '{data.RelativePath(train[0])}'."
        );
    }

    private static string Names(SamplePlace[] places, SampleDirectory directory) =>
        string.Join(", ", places.Take(Shown).Select(p => $"{directory.Identify(p)} of the {p.Part.ToString().ToLowerInvariant()} part"))
        + (places.Length > Shown ? ", ..." : "");

    /// <summary>A pattern matches a path below the class folders' folder, or the whole name with the folder of the part.</summary>
    private static Func<IImageDataset, int, bool> Matcher(string pattern)
    {
        var namesOnly = !pattern.Contains('/', StringComparison.Ordinal);
        var matcher = new GlobPattern(pattern);
        return (data, i) =>
        {
            var path = data.RelativePath(i);
            return path is not null
                && (
                    namesOnly
                        ? matcher.Matches(path.AsSpan(path.LastIndexOf('/') + 1))
                        : matcher.Matches(path)
                            || (
                                data.Identify(i).Name is var name
                                && name.Length > path.Length
                                && pattern.StartsWith(name[..^path.Length], StringComparison.Ordinal)
                                && matcher.Matches(name)
                            )
                );
        };
    }
}
