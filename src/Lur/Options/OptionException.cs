using System.Text.RegularExpressions;

namespace Lur;

/// <summary>A value of an option cannot be used. The message names the property, its value and what it must be:
/// "SalUnOptions.MaskRatio is 0; it must be above 0." A front end that knows options by other names spells it its own way with
/// <see cref="Spell"/>.</summary>
public sealed partial class OptionException : UserErrorException
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
        Property = Mention().Match(sentence) is { Success: true } match ? match.Groups[1].Value : "";
    }

    /// <summary>Name of the property that is wrong.</summary>
    public string Property { get; }

    /// <summary>The sentence with options as they are on the command line: "Option --mask-ratio is 0; it must be above 0."</summary>
    public string Spell() =>
        Render(_sentence, property => _options.FirstOrDefault(o => o.Property == property)?.Flag ?? property, "Option ");

    private static string Render(string sentence, Func<string, string> name, string first) =>
        Mention().Replace(sentence, m => (m.Index == 0 ? first : "") + name(m.Groups[1].Value));

    [GeneratedRegex(@"\[([A-Z][A-Za-z.]*)\]")]
    private static partial Regex Mention();
}
