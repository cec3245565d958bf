using System.CommandLine;
using Lur.Unlearning;

namespace Lur.Cli.Commands;

/// <summary>The options of all methods as options of a command: one for each name, with the default of each method in its
/// help.</summary>
internal sealed class MethodCommandOptions
{
    private readonly List<(Option Option, Func<ParseResult, string?> Read)> _options = [];
    private readonly Option<string> _method = new("--method")
    {
        Description = "Unlearning method; 'lur methods' lists them, 'lur methods NAME' explains one.",
        DefaultValueFactory = _ => LearningToUnlearn.Definition.Name,
    };

    public MethodCommandOptions()
    {
        _method.AcceptOnlyFromAmong([.. MethodCatalog.All.Select(m => m.Name)]);
        foreach (
            var group in MethodCatalog.All.SelectMany(m => m.Options.Select(o => (Method: m.Name, Option: o))).GroupBy(x => x.Option.Name)
        )
        {
            var one = group.First().Option;
            var name = "--" + one.Name;
            if (group.All(x => x.Option.Kind == OptionKind.Flag))
            {
                var flag = new Option<bool>(name) { Description = one.Description };
                _options.Add((flag, parsed => parsed.GetValue(flag) ? "true" : null));
                continue;
            }

            var defaults = group
                .GroupBy(x => x.Option.Default)
                .Select(g => $"{string.Join(", ", g.Select(x => x.Method))}: {(g.Key.Length == 0 ? "empty" : g.Key)}");
            var option = new Option<string?>(name) { Description = $"{one.Description} [{string.Join("; ", defaults)}]" };
            if (group.All(x => x.Option.Kind == OptionKind.Choice))
                option.AcceptOnlyFromAmong([.. group.SelectMany(x => x.Option.Choices).Distinct()]);
            _options.Add((option, parsed => parsed.GetValue(option)));
        }
    }

    public void AddTo(Command command)
    {
        command.Options.Add(_method);
        foreach (var (option, _) in _options)
            command.Options.Add(option);
    }

    /// <summary>The method that was chosen, and what was given of its options.</summary>
    public (MethodDefinition Method, IReadOnlyDictionary<string, string> Given) Read(ParseResult parsed)
    {
        var method = MethodCatalog.Find(parsed.GetValue(_method)!);
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (option, read) in _options)
        {
            if (read(parsed) is { } text)
                given.Add(option.Name[2..], text);
        }

        return (method, given);
    }
}
