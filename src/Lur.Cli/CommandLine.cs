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
        try
        {
            var parsed = Parse(args);
            return UsageReport.Find(parsed) is { } wrong
                ? ReportUsage(parsed, wrong, error)
                : await InvokeAsync(parsed, output, error, cancel).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            return Failure.Report(e, error);
        }
    }

    private static ParseResult Parse(string[] args)
    {
        var root = CreateRoot();
        var parsed = root.Parse(Words(args));
        // A command that only has commands lists them when it is called without one.
        return
            parsed is { UnmatchedTokens.Count: 0, Action: null or ParseErrorAction, CommandResult.Command: { Action: null } group }
            && group.Subcommands.Count > 0
            ? root.Parse([.. ExampleHelp.PathOf(group).Split(' ').Skip(1), "--help"])
            : parsed;
    }

    private static Task<int> InvokeAsync(ParseResult parsed, TextWriter output, TextWriter error, CancellationToken cancel) =>
        // A first Ctrl-C lets the command write its checkpoint; the time is what a large one takes on a slow disk.
        parsed.InvokeAsync(
            new InvocationConfiguration
            {
                Output = output,
                Error = error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = TimeSpan.FromSeconds(60),
            },
            cancel
        );

    /// <summary>Version and commit, for example 0.1.0+4f52bf1.</summary>
    public static string ThisVersion { get; } =
        typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    /// <summary>The whole command tree; tests walk it.</summary>
    public static Command CreateRoot()
    {
        // Not a RootCommand: that takes its name from the file that was started, which is Lur.Cli in a build folder.
        var root = new Command("lur", "Lur makes trained networks forget classes or samples, and measures how well.")
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
            SampleCommand.Create(),
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
            "lur demo              train, forget, measure; needs no data"
        );
        return root;
    }

    private static VersionOption Version() => new() { Action = new VersionAction() };

    /// <summary>The words of the command line: none asks for help, and so does 'lur help COMMAND'.</summary>
    private static string[] Words(string[] args) =>
        args.Length == 0 ? ["--help"]
        : args[0] == "help" ? [.. args[1..], "--help"]
        : args;

    private static int ReportUsage(ParseResult parsed, string sentence, TextWriter error)
    {
        error.WriteLine($"lur: {sentence}");
        error.WriteLine($"Run '{ExampleHelp.PathOf(parsed.CommandResult.Command)} --help' for the usage.");
        return ExitCode.BadUsage;
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
