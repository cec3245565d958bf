namespace Lur.Cli;

internal static class EntryPoint
{
    public static Task<int> Main(string[] args) => CommandLine.RunAsync(args, Console.Out, Console.Error);
}
