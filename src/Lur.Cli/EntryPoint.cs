using System.Runtime.InteropServices;

namespace Lur.Cli;

internal static class EntryPoint
{
    public static async Task<int> Main(string[] args)
    {
        // Of the console's own: what is asked of Console.Out elsewhere, whether it is a terminal, stays true.
        Console.SetOut(new ConsoleWriter(Console.Out, mustArrive: true));
        Console.SetError(new ConsoleWriter(Console.Error, mustArrive: false));
        using var cancel = new CancellationTokenSource();
        using var hangUp = OnHangUp(cancel);
        return await CommandLine.RunAsync(args, Console.Out, Console.Error, cancel.Token).ConfigureAwait(false);
    }

    /// <summary>A terminal that is closed ends a run as Ctrl-C does, with a checkpoint; the command's parser knows only the other two
    /// signals.</summary>
    private static PosixSignalRegistration? OnHangUp(CancellationTokenSource cancel)
    {
        if (OperatingSystem.IsWindows() || IgnoresHangUp())
            return null;
        return PosixSignalRegistration.Create(
            PosixSignal.SIGHUP,
            signal =>
            {
                signal.Cancel = true;
                cancel.Cancel();
            }
        );
    }

    /// <summary>True under nohup: whoever asked for that wants the run to go on.</summary>
    private static bool IgnoresHangUp()
    {
        const string Field = "SigIgn:";
        try
        {
            var line = File.ReadLines("/proc/self/status").FirstOrDefault(l => l.StartsWith(Field, StringComparison.Ordinal));
            // Bit 0 is signal 1, SIGHUP.
            return line is not null && (Convert.ToUInt64(line[Field.Length..].Trim(), 16) & 1) != 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return false;
        }
    }
}
