using System.CommandLine;
using Lur.Reports;

namespace Lur.Cli.Commands;

/// <summary>lur report: writes the page of a finished run again.</summary>
internal static class ReportCommand
{
    public static Command Create()
    {
        var folder = new Argument<string>("FOLDER") { Description = "Folder of a run of 'lur forget'." };
        return new Command("report", "Write report.html again from the result.json, config.json and log.csv of a run's folder.") { folder }
            .WithShort("Write report.html of a run again.")
            .WithExamples("lur report out/forget")
            .Runs(
                (context, parsed, _) =>
                {
                    context.Output.WriteLine(ForgetPage.Write(parsed.GetValue(folder)!));
                    return ExitCode.Done;
                }
            );
    }
}
