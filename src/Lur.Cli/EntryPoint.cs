namespace Lur.Cli;

internal static class EntryPoint
{
    public static Task<int> Main(string[] args)
    {
        // Of the console's own: what is asked of Console.Out elsewhere, whether it is a terminal, stays true.
        Console.SetOut(new ConsoleWriter(Console.Out, mustArrive: true));
        Console.SetError(new ConsoleWriter(Console.Error, mustArrive: false));
        return CommandLine.RunAsync(args, Console.Out, Console.Error);
    }
}
