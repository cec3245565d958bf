using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.CompilerServices;

namespace Lur.Cli;

/// <summary>Adds an "Examples:" section to the help of a command.</summary>
internal static class ExampleHelp
{
    private static readonly ConditionalWeakTable<Command, string[]> s_examples = [];

    /// <summary>Gives the root its examples and makes --help of every command below print its own.</summary>
    public static void AddTo(Command root, params string[] examples)
    {
        root.WithExamples(examples);
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new Action((HelpAction)help.Action!);
    }

    /// <summary>Sets the example lines of a command.</summary>
    public static T WithExamples<T>(this T command, params string[] examples)
        where T : Command
    {
        s_examples.AddOrUpdate(command, examples);
        return command;
    }

    /// <summary>The example lines of a command.</summary>
    public static string[] ExamplesOf(Command command) => s_examples.TryGetValue(command, out var lines) ? lines : [];

    /// <summary>The words that lead to a command, for example "lur data inspect".</summary>
    public static string PathOf(Command command)
    {
        var parent = command.Parents.OfType<Command>().FirstOrDefault();
        return parent is null ? "lur" : $"{PathOf(parent)} {command.Name}";
    }

    private sealed class Action(HelpAction usage) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var code = usage.Invoke(parseResult);
            var lines = ExamplesOf(parseResult.CommandResult.Command);
            if (lines.Length > 0)
            {
                var output = parseResult.InvocationConfiguration.Output;
                output.WriteLine("Examples:");
                foreach (var line in lines)
                    output.WriteLine($"  {line}");
                output.WriteLine();
            }
            return code;
        }
    }
}
