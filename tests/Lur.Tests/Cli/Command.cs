using Lur.Cli;

namespace Lur.Tests.Cli;

/// <summary>How a command ended.</summary>
internal readonly record struct Ended(int Code, string Output, string Error)
{
    /// <summary>Everything it wrote.</summary>
    public string Text => Output + Error;
}

/// <summary>The command, run in the process of the tests.</summary>
internal static class Command
{
    /// <summary>Runs a command line.</summary>
    public static Ended Run(params string[] args) => Run(args, CancellationToken.None);

    /// <summary>Runs a command line that may be interrupted.</summary>
    public static Ended Run(string[] args, CancellationToken cancellation) =>
        Run((output, error) => CommandLine.RunAsync(args, output, error, cancellation).GetAwaiter().GetResult());

    /// <summary>Runs a command whose settings have no option of their own, such as the folder of the reference cache.</summary>
    public static Ended Run(Func<CommandContext, int> body) =>
        Run((output, error) => body(new CommandContext { Output = output, Error = error }));

    /// <summary>Runs a command line that must succeed.</summary>
    public static Ended Done(params string[] args) => Require(Run(args), ExitCode.Done);

    /// <summary>Runs a command line that must reach its verdict, be it a good one or a bad one.</summary>
    public static Ended Judged(params string[] args) => Require(Run(args), ExitCode.Done, ExitCode.VerdictFailed);

    /// <summary>Runs a command line that must be refused with a sentence, and not as a defect.</summary>
    public static void Refused(string sentence, params string[] args)
    {
        var ended = Run(args);
        Assert.That(ended.Code, Is.EqualTo(ExitCode.Failed), ended.Error);
        Assert.That(ended.Error.Trim().Split('\n')[^1], Does.StartWith("lur: ").And.Contain(sentence).And.Not.Contain("defect"));
    }

    private static Ended Require(Ended ended, params int[] codes)
    {
        Assert.That(codes, Does.Contain(ended.Code), ended.Text);
        return ended;
    }

    private static Ended Run(Func<TextWriter, TextWriter, int> body)
    {
        using StringWriter output = new(),
            error = new();
        var code = body(output, error);
        return new Ended(code, output.ToString(), error.ToString());
    }
}
