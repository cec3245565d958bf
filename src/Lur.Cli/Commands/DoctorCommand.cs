using System.CommandLine;
using Lur.Device;

namespace Lur.Cli.Commands;

/// <summary>lur doctor: what this machine computes with, and the remedy for what is missing.</summary>
internal static class DoctorCommand
{
    public static Command Create() =>
        new Command("doctor", "Say what was loaded from where, which devices there are, and the remedy for what is missing.")
            .WithShort("Say whether this machine is ready, or what is missing.")
            .WithExamples("lur doctor", "lur doctor --json")
            .Runs((context, _) => Run(context));

    private static int Run(CommandContext context)
    {
        var report = Diagnostics.Inspect();
        if (context.Json)
            context.Output.WriteLine(report.ToJson());
        else
        {
            context.Output.WriteLine($"lur         {CommandLine.ThisVersion}");
            context.Output.Write(report.ToText());
        }
        return report.Ready ? ExitCode.Done : ExitCode.Failed;
    }
}
