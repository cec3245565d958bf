using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.CompilerServices;

namespace Lur.Cli;

/// <summary>What the help of a command has beside its symbols: examples, which options are frequent, short descriptions.</summary>
internal static class ExampleHelp
{
    /// <summary>The word behind --help that asks for every option.</summary>
    public const string All = "all";

    private static readonly ConditionalWeakTable<Command, string[]> s_examples = [];
    private static readonly ConditionalWeakTable<Command, string[]> s_frequent = [];
    private static readonly ConditionalWeakTable<Symbol, string> s_short = [];

    /// <summary>Gives the root its examples and makes --help of every command below print a page of this program's.</summary>
    public static void AddTo(Command root, params string[] examples)
    {
        root.WithExamples(examples);
        root.Options.OfType<HelpOption>().Single().Action = new Action();
    }

    /// <summary>Sets the example lines of a command.</summary>
    public static T WithExamples<T>(this T command, params string[] examples)
        where T : Command
    {
        s_examples.AddOrUpdate(command, examples);
        return command;
    }

    /// <summary>Says which options the short page of a command shows, in this order; the rest is for '--help all'.</summary>
    public static T WithFrequent<T>(this T command, params string[] options)
        where T : Command
    {
        s_frequent.AddOrUpdate(command, options);
        return command;
    }

    /// <summary>A description for the short page.</summary>
    public static T WithShort<T>(this T symbol, string description)
        where T : Symbol
    {
        s_short.AddOrUpdate(symbol, description);
        return symbol;
    }

    /// <summary>The example lines of a command.</summary>
    public static string[] ExamplesOf(Command command) => s_examples.TryGetValue(command, out var lines) ? lines : [];

    /// <summary>Names of the frequent options; null where there are so few that all are shown.</summary>
    public static string[]? FrequentOf(Command command) => s_frequent.TryGetValue(command, out var names) ? names : null;

    /// <summary>The description for the short page: its own, or that of the symbol.</summary>
    public static string ShortOf(Symbol symbol) => s_short.TryGetValue(symbol, out var text) ? text : symbol.Description ?? "";

    /// <summary>The words that lead to a command, for example "lur data inspect".</summary>
    public static string PathOf(Command command)
    {
        var parent = command.Parents.OfType<Command>().FirstOrDefault();
        return parent is null ? "lur" : $"{PathOf(parent)} {command.Name}";
    }

    /// <summary>A command and what it is part of, from itself to the root.</summary>
    public static IEnumerable<Command> Lineage(Command command)
    {
        for (var c = command; c is not null; c = c.Parents.OfType<Command>().FirstOrDefault())
            yield return c;
    }

    private sealed class Action : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            string[] words = [.. parseResult.Tokens.Select(t => t.Value)];
            var help = Array.FindIndex(words, w => w is "--help" or "-h" or "-?");
            var all = help >= 0 && help + 1 < words.Length && words[help + 1] == All;
            new HelpPage(parseResult.CommandResult.Command, all).Write(parseResult.InvocationConfiguration.Output);
            return ExitCode.Done;
        }
    }
}
