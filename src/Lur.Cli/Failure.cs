using Lur.Runs;

namespace Lur.Cli;

/// <summary>Turns an exception into the one line a user reads.</summary>
internal static class Failure
{
    /// <summary>Set to 1 it adds the stack trace to the sentence of a failure.</summary>
    public const string DebugVariable = "LUR_DEBUG";

    /// <summary>Writes the sentence of an exception and returns the exit code it stands for.</summary>
    public static int Report(Exception exception, TextWriter error)
    {
        var e = exception is AggregateException { InnerExceptions.Count: 1 } one ? one.InnerExceptions[0] : exception;
        var debug = Environment.GetEnvironmentVariable(DebugVariable) == "1";
        var code = ExitCode.Failed;
        switch (e)
        {
            case OperationCanceledException:
                error.WriteLine("lur: interrupted.");
                code = ExitCode.Interrupted;
                break;
            case UsageException or UserErrorException { IsUsage: true }:
                error.WriteLine($"lur: {Printable.Of(e.Message)}");
                code = ExitCode.BadUsage;
                break;
            case OptionException option:
                error.WriteLine($"lur: {Printable.Of(option.Spell())}");
                break;
            case { } expected when ErrorSentence.Of(expected) is { } text:
                error.WriteLine($"lur: {Printable.Of(text)}");
                break;
            default:
                var sentence = $"lur: {e.GetType().Name}: {Printable.Of(FirstLine(e.Message))}";
                error.WriteLine(debug ? sentence : $"{sentence} (this is a defect of Lur; {DebugVariable}=1 shows where)");
                break;
        }
        if (debug)
            error.WriteLine(e);
        return code;
    }

    private static string FirstLine(string message)
    {
        var end = message.AsSpan().IndexOfAny('\r', '\n');
        return end < 0 ? message : message[..end];
    }
}

/// <summary>An option or argument that parses but makes no sense; exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message);
