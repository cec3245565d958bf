using System.CommandLine;
using System.CommandLine.Parsing;
using Lur.Unlearning;

namespace Lur.Cli.Commands;

/// <summary>The options of all methods as options of a command: one for each name, with the default of each method in its
/// help.</summary>
internal sealed class MethodCommandOptions
{
    private readonly List<(Option Option, Func<ParseResult, string?> Read)> _options = [];
    private readonly Option<string> _method = new Option<string>("--method")
    {
        Description = "Unlearning method, in any case; 'lur methods' lists them, 'lur methods NAME' explains one.",
        DefaultValueFactory = _ => LearningToUnlearn.Definition.Name,
    }.WithShort("Unlearning method; see 'lur methods'.");

    public MethodCommandOptions()
    {
        _method.Validators.Add(CheckName);
        foreach (
            var group in MethodCatalog
                .All.SelectMany(m => m.Options.Select(o => (Method: NameOf(m), Option: o)))
                .GroupBy(x => x.Option.Name)
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
            var own = group.FirstOrDefault(x => x.Method == LearningToUnlearn.Definition.Name).Option?.Default ?? "";
            var option = new Option<string?>(name) { Description = $"{one.Description} [{string.Join("; ", defaults)}]" }.WithShort(
                own.Length == 0 ? one.Description : $"{one.Description} [lur: {own}]"
            );
            var choices = group.SelectMany(x => x.Option.Choices).Distinct().ToArray();
            RecordOptions.Dress(option, group.All(x => x.Option.Kind == one.Kind) ? one.Kind : OptionKind.Text, choices);
            _options.Add((option, parsed => RecordOptions.TextOf(one with { Choices = choices }, parsed.GetValue(option))));
        }
    }

    /// <summary>A method in the help of an option: what its models are for, where that is not telling classes apart.</summary>
    private static string NameOf(MethodDefinition method) => method.Task == MethodTask.Diffusion ? method.Name + " (UNet)" : method.Name;

    /// <summary>Refuses the name of a method that there is not.</summary>
    public static void CheckName(SymbolResult result)
    {
        foreach (var token in result.Tokens)
            if (Mistake(token.Value) is { } sentence)
                result.AddError(sentence);
    }

    /// <summary>The sentence about a name that no method has; null for one that there is, in any case.</summary>
    private static string? Mistake(string name)
    {
        try
        {
            _ = MethodCatalog.Find(name);
            return null;
        }
        catch (UserErrorException e)
        {
            return e.Message;
        }
    }

    public void AddTo(Command command)
    {
        command.Options.Add(_method);
        foreach (var (option, _) in _options)
            command.Options.Add(option);
    }

    /// <summary>Name of the method that was chosen, and what was given of its options.</summary>
    public (string Method, IReadOnlyDictionary<string, string> Given) Read(ParseResult parsed)
    {
        var method = parsed.GetValue(_method)!;
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (option, read) in _options)
        {
            if (read(parsed) is { } text)
                given.Add(option.Name[2..], text);
        }

        return (method, given);
    }
}
