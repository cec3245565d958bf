using System.CommandLine;

namespace Lur.Cli.Commands;

/// <summary>The options of a record as options of a command.</summary>
internal sealed class RecordOptions
{
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
            if (info.Kind == OptionKind.Choice)
                option.AcceptOnlyFromAmong([.. info.Choices]);
            _options.Add((info, option, parsed => parsed.GetResult(option) is { Implicit: false } ? parsed.GetValue(option) : null));
        }
    }

    /// <summary>The options, in the order of the list.</summary>
    public IEnumerable<Option> All => _options.Select(o => o.Option);

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
