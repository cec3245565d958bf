using System.CommandLine;
using Lur.Reports;
using Lur.Runs;

namespace Lur.Cli.Commands;

/// <summary>lur compare: several runs side by side.</summary>
internal static class CompareCommand
{
    private static readonly string[] s_read = ["result.json", "config.json", "verify.json", "log.csv", "model.safetensors"];

    public static Command Create()
    {
        var folders = new Argument<string[]>("FOLDER")
        {
            Description =
                "Folders of runs of 'lur forget' on the same data, forget set and model; runs that differ in the seed only become one row.",
            Arity = ArgumentArity.OneOrMore,
        };
        var reference = new Option<string?>("--reference", "-r")
        {
            Description = "Folder of the run to measure gaps against; default: the runs of the method retrain.",
        };
        var csv = new Option<string?>("--csv") { Description = "Write the numbers into this file as comma-separated values." };
        var html = new Option<string?>("--html") { Description = "Write a page with the table and the trade-off into this file." };
        return new Command(
            "compare",
            "Set forgetting runs side by side: the table of methods, the gap to a retrained model, the trade-off."
        )
        {
            folders,
            reference,
            csv,
            html,
        }
            .WithShort("Set runs side by side: table, gaps to a retrained model, trade-off.")
            .WithExamples(
                "lur compare out/lur out/ft out/ga out/retrain",
                "lur compare out/lur-1 out/lur-2 --reference out/retrain --html methods.html"
            )
            .Runs(
                (context, parsed, _) =>
                {
                    string[] runs = [.. parsed.GetValue(folders)!, .. parsed.GetValue(reference) is { } r ? [r] : Array.Empty<string>()];
                    foreach (var target in new[] { parsed.GetValue(csv), parsed.GetValue(html) }.OfType<string>())
                        RealPath.RequireOther(target, runs.SelectMany(run => s_read.Select(name => Path.Combine(run, name))));
                    var comparison = Comparison.Read(parsed.GetValue(folders)!, parsed.GetValue(reference));
                    if (parsed.GetValue(csv) is { } table)
                        AtomicFile.WriteText(table, ComparisonTable.Csv(ComparisonTable.Data(comparison)));
                    if (parsed.GetValue(html) is { } page)
                        AtomicFile.WriteText(page, ComparePage.Render(comparison));
                    TablePrinter.Print(context, context.Json ? ComparisonTable.Data(comparison) : ComparisonTable.Shown(comparison));
                    if (comparison.Reference is null)
                        context.Note(
                            "no run of the method retrain among them: gaps, tug of war and verdicts need one ('lur forget "
                                + "--method retrain', or --reference)"
                        );
                    return ExitCode.Done;
                }
            );
    }
}
