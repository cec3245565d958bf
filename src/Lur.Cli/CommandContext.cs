using System.CommandLine;
using Lur.Device;

namespace Lur.Cli;

/// <summary>How one command talks to its caller: where results go, whether a person is watching, and in which form.</summary>
internal sealed class CommandContext
{
    /// <summary>Results, and nothing else: safe to redirect into a file.</summary>
    public required TextWriter Output { get; init; }

    /// <summary>Progress, warnings, failures.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Results as JSON.</summary>
    public bool Json { get; init; }

    /// <summary>No progress.</summary>
    public bool Quiet { get; init; }

    /// <summary>Results go to a terminal: tables may be drawn and columns trimmed to its width.</summary>
    public bool TerminalOutput { get; init; }

    /// <summary>Progress goes to a terminal: one live line instead of a line now and then.</summary>
    public bool TerminalError { get; init; }

    /// <summary>Colour is wanted (a terminal, and neither NO_COLOR nor TERM=dumb).</summary>
    public bool Color { get; init; }

    /// <summary>Which device, as numbered by 'lur doctor'.</summary>
    public int DeviceOrdinal { get; init; }

    public static CommandContext From(ParseResult parsed)
    {
        TextWriter output = parsed.InvocationConfiguration.Output,
            error = parsed.InvocationConfiguration.Error;
        // Only the console's own writers can be a terminal; a test's StringWriter never is.
        var dumb = Environment.GetEnvironmentVariable("TERM") is "dumb";
        var terminalOutput = ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected && !dumb;
        var terminalError = ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected && !dumb;
        var ordinal = parsed.GetValue(GlobalOptions.Device);
        if (ordinal > 0 && ordinal >= ComputeDevice.Count)
            throw new UsageException($"--device {ordinal} does not exist; 'lur doctor' lists {ComputeDevice.Count}, numbered from 0.");
        // https://no-color.org: present and not empty, whatever the value.
        var color = terminalOutput && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        return new CommandContext
        {
            Output = output,
            Error = error,
            Json = parsed.GetValue(GlobalOptions.Json),
            Quiet = parsed.GetValue(GlobalOptions.Quiet),
            TerminalOutput = terminalOutput,
            TerminalError = terminalError,
            Color = color,
            DeviceOrdinal = ordinal,
        };
    }

    /// <summary>Prints a sentence among the results.</summary>
    public void Say(string sentence) => Output.WriteLine(Printable.Of(sentence));

    /// <summary>Says something on the side: not in quiet mode and not between JSON lines.</summary>
    public void Note(string line)
    {
        if (!Quiet && !Json)
            Error.WriteLine(Printable.Of(line));
    }

    /// <summary>A warning is printed in every mode.</summary>
    public void Warn(string line) => Error.WriteLine($"warning: {Printable.Of(line)}");
}

/// <summary>Binds a command's body to its options.</summary>
internal static class CommandExtensions
{
    /// <summary>Sets the body of a command; what it returns is the process's exit code.</summary>
    public static T Runs<T>(this T command, Func<CommandContext, ParseResult, int> body)
        where T : Command
    {
        command.SetAction(parsed => Listening(CommandContext.From(parsed), context => body(context, parsed)));
        return command;
    }

    /// <summary>Sets the body of a command that runs long enough to be interrupted.</summary>
    public static T Runs<T>(this T command, Func<CommandContext, ParseResult, CancellationToken, int> body)
        where T : Command
    {
        // On a pool thread: the token fires while the body computes.
        command.SetAction(
            (parsed, cancel) =>
                Task.Run(() => Listening(CommandContext.From(parsed), context => body(context, parsed, cancel)), CancellationToken.None)
        );
        return command;
    }

    /// <summary>Warns of a cache of kernels that is passed over, whichever command meets it.</summary>
    private static int Listening(CommandContext context, Func<CommandContext, int> body)
    {
        KernelPlaces.Default.Distrusted += context.Warn;
        try
        {
            return body(context);
        }
        finally
        {
            KernelPlaces.Default.Distrusted -= context.Warn;
        }
    }
}
