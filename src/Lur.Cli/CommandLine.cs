using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Reflection;
using Lur.Cli.Commands;

namespace Lur.Cli;

/// <summary>The root command, and the one place where an exception becomes a sentence and an exit code.</summary>
internal static class CommandLine
{
    /// <summary>Parses and runs one command line.</summary>
    /// <param name="args">The arguments, without the program's name.</param>
    /// <param name="output">Receives results only.</param>
    /// <param name="error">Receives progress, warnings and the sentence of a failure.</param>
    /// <param name="cancel">Ends the run as Ctrl-C does.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error, CancellationToken cancel = default)
    {
        var parsed = CreateRoot().Parse(args.Length == 0 ? ["--help"] : args);
        if (parsed.Errors.Count > 0)
            return ReportUsage(parsed, error);
        // A first Ctrl-C lets the command write its checkpoint; the time is what a large one takes on a slow disk.
        var invocation = new InvocationConfiguration
        {
            Output = output,
            Error = error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = TimeSpan.FromSeconds(60),
        };
        try
        {
            return await parsed.InvokeAsync(invocation, cancel).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            return Failure.Report(e, error);
        }
    }

    /// <summary>Version and commit, for example 0.1.0+4f52bf1.</summary>
    public static string ThisVersion { get; } =
        typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    /// <summary>The whole command tree; tests walk it.</summary>
    public static Command CreateRoot()
    {
        // Not a RootCommand: that takes its name from the file that was started, which is Lur.Cli in a build folder.
        var root = new Command(
            "lur",
            "Lur removes a class or a set of samples from a trained network and measures what was forgotten and what was kept."
        )
        {
            new HelpOption(),
            Version(),
            DemoCommand.Create(),
            TrainCommand.Create(),
            ForgetCommand.Create(),
            VerifyCommand.Create(),
            ReproCommand.Create(),
            MethodsCommand.Create(),
            LineageCommand.Create(),
            PurgeCommand.Create(),
            EvalCommand.Create(),
            ReportCommand.Create(),
            CompareCommand.Create(),
            ExplainCommand.Create(),
            ModelCommands.CreateImport(),
            ModelCommands.CreateExport(),
            DataCommand.Create(),
            DoctorCommand.Create(),
            CheckCommand.Create(),
            KernelsCommand.Create(),
        };
        GlobalOptions.AddTo(root);
        ExampleHelp.AddTo(
            root,
            "lur doctor            what this machine offers and what is missing",
            "lur demo              train, forget, measure; needs no data",
            "lur forget --help     the options of one command"
        );
        return root;
    }

    private static VersionOption Version() => new() { Action = new VersionAction() };

    private static int ReportUsage(ParseResult parsed, TextWriter error)
    {
        var command = parsed.CommandResult.Command;
        // One unknown word also leaves "required command was not provided" behind, and makes every later word unknown.
        var messages =
            parsed.UnmatchedTokens.Count > 0
                ? [UnknownWord(command, parsed.UnmatchedTokens[0])]
                : parsed.Errors.Select(e => e.Message).Distinct();
        foreach (var message in messages)
            error.WriteLine($"lur: {message}");
        var path = ExampleHelp.PathOf(command);
        error.WriteLine($"Run '{path} --help' for the usage.");
        return ExitCode.BadUsage;
    }

    private static string UnknownWord(Command command, string word)
    {
        var path = ExampleHelp.PathOf(command);
        return word.StartsWith('-') ? $"'{path}' has no option {word}."
            : command.Subcommands.Count > 0
                ? $"'{path}' has no command '{word}'; it has "
                    + $"{string.Join(", ", command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name))}."
            : $"'{path}' takes no further argument '{word}'.";
    }

    /// <summary>The library's version: the package's own action prints that of the program that hosts the command.</summary>
    private sealed class VersionAction : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine(ThisVersion);
            return ExitCode.Done;
        }
    }
}
