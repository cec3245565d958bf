namespace Lur.Data;

/// <summary>Words in captions: whole ones, whatever their case and the spaces between them.</summary>
public static class CaptionWords
{
    /// <summary>True if a caption has some words, one behind the other.</summary>
    /// <param name="caption">The caption.</param>
    /// <param name="words">One or several words.</param>
    public static bool Contains(string caption, string words) => Find(Split(caption), Split(words)) >= 0;

    /// <summary>The caption with other words in the place of some, wherever these stand.</summary>
    /// <param name="caption">The caption.</param>
    /// <param name="words">The words to replace.</param>
    /// <param name="with">What stands there then; may be empty.</param>
    public static string Replace(string caption, string words, string with)
    {
        var (text, old, now) = (Split(caption).ToList(), Split(words), Split(with));
        var from = 0;
        while (old.Length > 0 && Find([.. text], old, from) is >= 0 and var at)
        {
            text.RemoveRange(at, old.Length);
            text.InsertRange(at, now);
            from = at + now.Length;
        }

        return string.Join(' ', text);
    }

    private static string[] Split(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
    }

    // Marks at the end of a word belong to the sentence.
    private static bool Same(string a, string b) =>
        string.Equals(a.Trim('.', ',', ';', ':', '!', '?', '"'), b, StringComparison.OrdinalIgnoreCase);

    private static int Find(string[] text, string[] words, int from = 0)
    {
        for (var at = from; words.Length > 0 && at + words.Length <= text.Length; at++)
        {
            var k = 0;
            while (k < words.Length && Same(text[at + k], words[k]))
                k++;
            if (k == words.Length)
                return at;
        }

        return -1;
    }
}
