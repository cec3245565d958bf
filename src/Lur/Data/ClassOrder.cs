using System.Globalization;

namespace Lur.Data;

/// <summary>Matches the classes of a model with those of a data set by their names.</summary>
internal static class ClassOrder
{
    /// <summary>For each class of the model the place of the same class in the data; null if that is the same place for all, or if
    /// one side has numbers for names, which say nothing.</summary>
    /// <param name="model">Names of the model's classes.</param>
    /// <param name="data">As many names of the data's classes.</param>
    /// <exception cref="UserErrorException">The names differ; the sentence ends in the first difference.</exception>
    public static int[]? Match(IReadOnlyList<string> model, IReadOnlyList<string> data)
    {
        string[] from = [.. data.Select(UnicodeText.Normal)],
            to = [.. model.Select(UnicodeText.Normal)];
        if (from.SequenceEqual(to))
            return null;
        var missing = to.FirstOrDefault(name => !from.Contains(name));
        if (missing is null && from.Distinct().Count() == from.Length)
            return [.. to.Select(name => Array.IndexOf(from, name))];
        if (AreNumbers(from) || AreNumbers(to))
            return null;
        throw new UserErrorException(Difference(to, from, missing));
    }

    /// <summary>For each place the one that is taken from there.</summary>
    public static int[] Inverse(int[] order)
    {
        var inverse = new int[order.Length];
        for (var i = 0; i < order.Length; i++)
            inverse[order[i]] = i;
        return inverse;
    }

    /// <summary>True if classes have no names of their own: "0", "1", ... in this order.</summary>
    public static bool AreNumbers(IReadOnlyList<string> names) =>
        names.Index().All(n => n.Item == n.Index.ToString(CultureInfo.InvariantCulture));

    /// <summary>The sentence's end that names the first difference between two sets of classes.</summary>
    public static string Difference(IReadOnlyList<string> model, IReadOnlyList<string> data, string? missing = null)
    {
        missing ??= model.Select(UnicodeText.Normal).FirstOrDefault(name => !data.Any(d => UnicodeText.Same(d, name)));
        var extra = data.Select(UnicodeText.Normal).FirstOrDefault(name => !model.Any(m => UnicodeText.Same(m, name)));
        if (missing is not null && data.FirstOrDefault(d => d.Equals(missing, StringComparison.OrdinalIgnoreCase)) is { } other)
            return $"the model's class '{missing}' is '{other}' in the data: names differ by case";
        return (missing, extra) switch
        {
            (not null, not null) => $"the data have no class '{missing}' of the model, and the model no class '{extra}' of the data",
            (not null, null) => $"the data have no class '{missing}' of the model",
            (null, not null) => $"the model has no class '{extra}' of the data",
            _ => "one of them names a class twice",
        };
    }
}
