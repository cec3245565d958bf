using System.Text;

namespace Lur;

/// <summary>A value of an option cannot be used. The message names the property, its value and what it must be:
/// "SalUnOptions.MaskRatio is 0; it must be above 0." A front end that knows options by other names spells it its own way with
/// <see cref="Spell"/>.</summary>
public sealed class OptionException : UserErrorException
{
    private readonly IReadOnlyList<OptionInfo> _options;
    private readonly string _sentence;

    /// <summary>Creates the error.</summary>
    /// <param name="record">Name of the record.</param>
    /// <param name="options">Options of the record.</param>
    /// <param name="sentence">The sentence, with properties in square brackets; it begins with the one that is wrong.</param>
    public OptionException(string record, IReadOnlyList<OptionInfo> options, string sentence)
        : base(Render(sentence, property => property, record + "."))
    {
        (_options, _sentence) = (options, sentence);
        Property = Mentions(sentence).Select(m => m.Property).FirstOrDefault("");
    }

    /// <summary>Name of the property that is wrong.</summary>
    public string Property { get; }

    /// <summary>The sentence with options as they are on the command line: "Option --mask-ratio is 0; it must be above 0."</summary>
    public string Spell() =>
        Render(_sentence, property => _options.FirstOrDefault(o => o.Property == property)?.Flag ?? property, "Option ");

    private static string Render(string sentence, Func<string, string> name, string first)
    {
        var (text, end) = (new StringBuilder(), 0);
        foreach (var (start, property) in Mentions(sentence))
        {
            text.Append(sentence, end, start - end).Append(start == 0 ? first : "").Append(name(property));
            end = start + property.Length + 2;
        }

        return text.Append(sentence, end, sentence.Length - end).ToString();
    }

    // Properties in square brackets, and where their brackets open: a capital, then letters and dots.
    private static IEnumerable<(int Start, string Property)> Mentions(string sentence)
    {
        for (var start = sentence.IndexOf('['); start >= 0; start = sentence.IndexOf('[', start + 1))
        {
            var end = start + 1;
            while (end < sentence.Length && (char.IsAsciiLetter(sentence[end]) || sentence[end] == '.'))
                end++;
            if (end < sentence.Length && sentence[end] == ']' && char.IsAsciiLetterUpper(sentence[start + 1]))
                yield return (start, sentence[(start + 1)..end]);
        }
    }
}
