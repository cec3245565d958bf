using System.CommandLine;
using System.CommandLine.Parsing;

namespace Lur.Cli;

/// <summary>Turns what cannot be parsed into one sentence.</summary>
internal static class UsageReport
{
    /// <summary>What is wrong with a command line; null where nothing is.</summary>
    public static string? Find(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        // --help and --version are answered whatever else there is.
        if (parsed.Action is { ClearsParseErrors: true })
            return null;
        // An option that does not exist is an argument to the parser, and makes every later word unknown.
        if (UnknownOption(parsed) is { } option)
        {
            var near = Spelling.DidYouMean(option, Options(command).SelectMany(o => o.Aliases.Append(o.Name)), "");
            return $"'{ExampleHelp.PathOf(command)}' has no option {option}{(near.Length > 0 ? "; " + near : ".")}";
        }

        if (parsed.UnmatchedTokens.Count > 0)
            return UnknownWord(command, parsed.UnmatchedTokens[0]);
        if (Missing(parsed) is { } missing)
            return missing;
        return Empty(parsed) ?? parsed.Errors.Select(e => e.Message).FirstOrDefault();
    }

    private static IEnumerable<Option> Options(Command command) =>
        command
            .Options.Concat(ExampleHelp.Lineage(command).Skip(1).SelectMany(c => c.Options.Where(o => o.Recursive)))
            .Where(o => !o.Hidden);

    private static string? UnknownOption(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var known = Options(command).SelectMany(o => o.Aliases.Append(o.Name)).ToHashSet(StringComparer.Ordinal);
        foreach (var token in parsed.Tokens)
        {
            if (token.Type == TokenType.DoubleDash)
                return null;
            var name = token.Value.Split('=')[0];
            // A negative number begins with a hyphen too.
            var looks = name.Length > 2 ? name.StartsWith("--", StringComparison.Ordinal) : name is ['-', >= 'a' and <= 'z'];
            if (token.Type == TokenType.Argument && looks && !known.Contains(name))
                return name;
        }

        return null;
    }

    private static string UnknownWord(Command command, string word)
    {
        var path = ExampleHelp.PathOf(command);
        if (command.Subcommands.Count == 0)
            return $"'{path}' takes no further argument '{word}'.";
        string[] names = [.. command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name)];
        return $"'{path}' has no command '{word}'; {Spelling.DidYouMean(word, names, $"it has {string.Join(", ", names)}.")}";
    }

    /// <summary>Everything that has to be given and is not, in one sentence.</summary>
    private static string? Missing(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        foreach (var given in parsed.CommandResult.Children.OfType<OptionResult>())
            if (given is { Implicit: false, Tokens.Count: 0 } && given.Option.Arity.MinimumNumberOfValues > 0)
                return $"Option {given.Option.Name} needs a value: {given.Option.Name} {HelpPage.ValueOf(given.Option)}.";
        string[] missing =
        [
            .. command.Arguments.Where(a => a.Arity.MinimumNumberOfValues > 0 && Tokens(parsed, a) == 0).Select(a => a.Name),
            .. command.Options.Where(o => o.IsMissing(parsed)).Select(o => $"{o.Name} {HelpPage.ValueOf(o)}"),
        ];
        return missing.Length == 0
            ? null
            : $"'{ExampleHelp.PathOf(command)}' needs "
                + $"{string.Join(", ", missing[..^1])}{(missing.Length > 1 ? " and " : "")}{missing[^1]}.";
    }

    private static int Tokens(ParseResult parsed, Argument argument) => parsed.GetResult(argument)?.Tokens.Count ?? 0;

    /// <summary>An empty text where a name is wanted: mostly a variable of a script that was not set.</summary>
    private static string? Empty(ParseResult parsed)
    {
        foreach (var child in parsed.CommandResult.Children)
        {
            if (
                child is OptionResult { Implicit: false } option
                && option.Tokens.Any(t => t.Value.Length == 0)
                && !MayBeEmpty(option.Option)
            )
                return $"Option {option.Option.Name} is empty; it takes {HelpPage.ValueOf(option.Option)}.";
            if (child is ArgumentResult argument && argument.Tokens.Any(t => t.Value.Length == 0))
                return $"The argument {argument.Argument.Name} is empty.";
        }

        return null;
    }

    /// <summary>Options of records, whose default may be the empty text, say themselves what they take.</summary>
    private static bool MayBeEmpty(Option option) => Commands.RecordOptions.IsOfRecord(option);
}
