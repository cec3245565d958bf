using System.Text;
using Lur.Unlearning;

namespace Lur.Native.Exports;

/// <summary>Options of methods as the caller of the library gives them, key=value, in sentences that have those of the command.</summary>
internal static class OptionNames
{
    private static readonly Lazy<Dictionary<string, string[]>> s_choices = new(() =>
        MethodCatalog
            .All.SelectMany(m => m.Options)
            .GroupBy(o => o.Name)
            .ToDictionary(g => g.Key, g => g.SelectMany(o => o.Choices).ToArray(), StringComparer.Ordinal)
    );

    /// <summary>A sentence with them: "--mask-ratio is 0" becomes "mask-ratio is 0", and "--hvp none" becomes "hvp=none". Options of the
    /// command itself stay what they are.</summary>
    public static string AsGiven(string sentence)
    {
        var (text, end) = (new StringBuilder(), 0);
        for (var at = sentence.IndexOf("--", StringComparison.Ordinal); at >= 0; at = sentence.IndexOf("--", end, StringComparison.Ordinal))
        {
            var after = at + 2;
            while (after < sentence.Length && (char.IsAsciiLetterOrDigit(sentence[after]) || IsHyphen(sentence, after)))
                after++;
            text.Append(sentence, end, at - end);
            end = after;
            var known = s_choices.Value.TryGetValue(sentence[(at + 2)..after], out var choices);
            // One that does not exist is named as it was given, too.
            var dashes = known || sentence.AsSpan(0, at).EndsWith("Option ") ? 2 : 0;
            text.Append(sentence, at + dashes, after - at - dashes);
            if (known && after + 1 < sentence.Length && sentence[after] == ' ' && IsValue(sentence.AsSpan(after + 1), choices!))
            {
                text.Append('=');
                end++;
            }
        }

        return text.Append(sentence, end, sentence.Length - end).ToString();
    }

    private static bool IsHyphen(string sentence, int at) =>
        sentence[at] == '-' && at + 1 < sentence.Length && char.IsAsciiLetterOrDigit(sentence[at + 1]);

    private static bool IsValue(ReadOnlySpan<char> rest, string[] choices)
    {
        var length = 0;
        while (length < rest.Length && !" ;,.:)".Contains(rest[length], StringComparison.Ordinal))
            length++;
        var word = rest[..length];
        foreach (var choice in choices)
            if (word.SequenceEqual(choice))
                return true;
        return word.Length > 0 && char.IsAsciiDigit(word[0]);
    }
}
