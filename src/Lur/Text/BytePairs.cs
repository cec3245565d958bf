namespace Lur.Text;

/// <summary>Byte-pair encoding (Sennrich, Haddow, Birch 2016): pairs of neighbouring symbols, in the order of
/// joining.</summary>
internal sealed class BytePairs
{
    /// <summary>End of the last symbol of a word.</summary>
    public const string WordEnd = "</w>";

    private readonly Dictionary<(string, string), int> _ranks = [];

    /// <summary>Pairs there are.</summary>
    public int Count => _ranks.Count;

    /// <summary>Appends a pair; false where it is there already.</summary>
    public bool Add(string first, string second) => _ranks.TryAdd((first, second), _ranks.Count);

    /// <summary>The symbols of a word: of its bytes' characters, joined as long as a pair is listed; of several the earliest, and all
    /// its occurrences from left to right.</summary>
    /// <param name="characters">The characters of the word's bytes, at least one.</param>
    public List<string> SymbolsOf(string characters)
    {
        List<string> symbols = [.. characters.Select(c => c.ToString())];
        symbols[^1] += WordEnd;
        while (Earliest(symbols) is var (first, second))
        {
            var count = 0;
            for (var i = 0; i < symbols.Count; i++)
            {
                var joined = i + 1 < symbols.Count && symbols[i] == first && symbols[i + 1] == second;
                symbols[count++] = joined ? first + second : symbols[i];
                i += joined ? 1 : 0;
            }

            symbols.RemoveRange(count, symbols.Count - count);
        }

        return symbols;
    }

    private (string, string)? Earliest(List<string> symbols)
    {
        (string, string)? found = null;
        var least = int.MaxValue;
        for (var i = 0; i + 1 < symbols.Count; i++)
            if (_ranks.TryGetValue((symbols[i], symbols[i + 1]), out var rank) && rank < least)
                (found, least) = ((symbols[i], symbols[i + 1]), rank);
        return found;
    }
}
