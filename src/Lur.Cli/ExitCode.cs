namespace Lur.Cli;

/// <summary>What the process returns to the shell; scripts rely on these numbers.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int BadUsage = 2;

    /// <summary>Everything ran, and what was measured is not what was asked for.</summary>
    public const int VerdictFailed = 3;

    /// <summary>128 + SIGINT, as shells report it.</summary>
    public const int Interrupted = 130;
}
