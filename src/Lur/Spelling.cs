namespace Lur;

/// <summary>Finds what somebody meant who wrote a word that does not exist.</summary>
public static class Spelling
{
    private const int Most = 4;

    /// <summary>The words that resemble one: same but for case, a letter in five differs (two neighbours in the wrong order count once), or
    /// one begins with the other. The nearest first; at most four.</summary>
    /// <param name="word">What was written.</param>
    /// <param name="known">What there is.</param>
    public static IReadOnlyList<string> Near(string word, IEnumerable<string> known)
    {
        ArgumentNullException.ThrowIfNull(word);
        ArgumentNullException.ThrowIfNull(known);
        var wanted = word.ToLowerInvariant();
        return
        [
            .. known
                .Distinct(StringComparer.Ordinal)
                .Select(k => (Word: k, Rank: Rank(wanted, k.ToLowerInvariant())))
                .Where(k => k.Rank is not null)
                .OrderBy(k => k.Rank)
                .Select(k => k.Word)
                .Take(Most),
        ];
    }

    /// <summary>"did you mean 'x' or 'y'?", for the end of a sentence; what else to say where nothing resembles the word.</summary>
    /// <param name="word">What was written.</param>
    /// <param name="known">What there is.</param>
    /// <param name="otherwise">What is said without a resemblance, with its full stop.</param>
    public static string DidYouMean(string word, IEnumerable<string> known, string otherwise)
    {
        var near = Near(word, known);
        return near.Count == 0 ? otherwise : $"did you mean {string.Join(" or ", near.Select(n => $"'{n}'"))}?";
    }

    /// <summary>How far two words are apart; null for words that do not resemble each other.</summary>
    private static int? Rank(string a, string b)
    {
        if (a.Length == 0 || b.Length == 0)
            return null;
        var distance = Distance(a, b);
        // Of two letters one may be wrong, of ten two, but never so many that nothing was right.
        if (distance <= Math.Max(1, Math.Max(a.Length, b.Length) / 4) && distance < Math.Min(a.Length, b.Length))
            return distance;
        var begins =
            Math.Min(a.Length, b.Length) >= 3 && (b.StartsWith(a, StringComparison.Ordinal) || a.StartsWith(b, StringComparison.Ordinal));
        return begins ? distance + 10 : null;
    }

    /// <summary>Edit distance with neighbours that changed places as one edit (Damerau 1964; optimal string alignment).</summary>
    internal static int Distance(string a, string b)
    {
        var rows = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            rows[i, 0] = i;
        for (var j = 0; j <= b.Length; j++)
            rows[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        for (var j = 1; j <= b.Length; j++)
        {
            var same = a[i - 1] == b[j - 1] ? 0 : 1;
            rows[i, j] = Math.Min(Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1, rows[i - 1, j - 1] + same);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
        }

        return rows[a.Length, b.Length];
    }
}
