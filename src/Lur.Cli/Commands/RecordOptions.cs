using System.CommandLine;
using System.Runtime.CompilerServices;

namespace Lur.Cli.Commands;

/// <summary>The options of a record as options of a command.</summary>
internal sealed class RecordOptions
{
    private static readonly ConditionalWeakTable<Option, RecordOptions?> s_ofRecord = [];
    private readonly List<(OptionInfo Info, Option Option, Func<ParseResult, string?> Read)> _options = [];

    /// <summary>Makes them; with their defaults in the help.</summary>
    /// <param name="list">List of the record.</param>
    public RecordOptions(IReadOnlyList<OptionInfo> list)
    {
        foreach (var info in list)
        {
            if (info.Kind == OptionKind.Flag)
            {
                var flag = new Option<bool>(info.Flag) { Description = info.Description };
                _options.Add((info, flag, parsed => parsed.GetValue(flag) ? "true" : null));
                continue;
            }

            var option = new Option<string>(info.Flag) { Description = info.Description, DefaultValueFactory = _ => info.Default };
            Dress(option, info.Kind, info.Choices);
            _options.Add(
                (info, option, parsed => parsed.GetResult(option) is { Implicit: false } ? TextOf(info, parsed.GetValue(option)) : null)
            );
        }
    }

    /// <summary>The options, in the order of the list.</summary>
    public IEnumerable<Option> All => _options.Select(o => o.Option);

    /// <summary>True for an option of a record, which says itself what it takes.</summary>
    public static bool IsOfRecord(Option option) => s_ofRecord.TryGetValue(option, out _);

    /// <summary>Gives an option of a record the looks of its kind.</summary>
    public static void Dress(Option option, OptionKind kind, IReadOnlyList<string> choices)
    {
        s_ofRecord.AddOrUpdate(option, null);
        if (kind is OptionKind.Number or OptionKind.Integer)
            option.HelpName = "N";
        else if (kind == OptionKind.Choice)
            option.TakesOneOf(choices);
    }

    /// <summary>The text of an option as its record has it: a choice in the record's own case.</summary>
    public static string? TextOf(OptionInfo info, string? text) =>
        text is not null && info.Kind == OptionKind.Choice
            ? info.Choices.FirstOrDefault(c => c.Equals(text, StringComparison.OrdinalIgnoreCase)) ?? text
            : text;

    /// <summary>Texts that were given, by name.</summary>
    public Dictionary<string, string> Given(ParseResult parsed)
    {
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (info, _, read) in _options)
        {
            if (read(parsed) is { } text)
                given.Add(info.Name, text);
        }

        return given;
    }
}
