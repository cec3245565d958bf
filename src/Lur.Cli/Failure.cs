using Lur.Device;

namespace Lur.Cli;

/// <summary>Turns an exception into the one line a user reads.</summary>
internal static class Failure
{
    /// <summary>Set to 1 it adds the stack trace to the sentence of a failure.</summary>
    public const string DebugVariable = "LUR_DEBUG";

    private const int NoSpace = 28; // ENOSPC of Linux

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
            case IOException { HResult: NoSpace }:
                error.WriteLine($"lur: {Printable.Of(e.Message.TrimEnd('.'))}; free space there, or write elsewhere.");
                break;
            case UserErrorException or DllNotFoundException or KernelCompilationException:
            // What the system refused: a folder in the place of a file, a disk that is full, rights that are missing.
            case IOException or UnauthorizedAccessException:
            case { } native when IsOfTheBindings(native):
                error.WriteLine($"lur: {Printable.Of(e.Message)}");
                break;
            case OutOfMemoryException:
                error.WriteLine("lur: there is not enough memory for this; use a smaller batch, model or data set.");
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

    /// <summary>
    /// CudaException, NVRTCException and their like. By name: which assembly they come from depends on the bindings that
    /// the library was built with, and the command line does not reference either.
    /// </summary>
    private static bool IsOfTheBindings(Exception e) => e.GetType().Namespace?.Split('.') is ["Lur", "Cuda", ..] or ["ManagedCuda", ..];

    private static string FirstLine(string message)
    {
        var end = message.AsSpan().IndexOfAny('\r', '\n');
        return end < 0 ? message : message[..end];
    }
}

/// <summary>An option or argument that parses but makes no sense; exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message);
