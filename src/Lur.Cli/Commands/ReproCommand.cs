using System.CommandLine;
using Lur.Cli.Printing;
using Lur.Reports;
using Lur.Runs;

namespace Lur.Cli.Commands;

/// <summary>lur repro: a whole experiment from a file.</summary>
internal static class ReproCommand
{
    public static Command Create()
    {
        var recipe = new Argument<string>("RECIPE")
        {
            Description = $"A recipe file, or one that comes with lur: {string.Join(", ", Recipe.Names)}.",
        };
        var output = SharedOptions.Output();
        var data = new Option<string?>("--data", "-d") { Description = "Where the data are; default: where the recipe says." };
        var seeds = SharedOptions.List("--seeds", "Seeds in place of the recipe's, for example 1,2,3.");
        var only = new Option<string[]>("--only") { Description = "Make only the run of this label; repeatable." };
        var expected = new Option<string?>("--expected")
        {
            Description = "measured.json of an earlier run to compare with; default: the one that comes with the recipe.",
        };
        return new Command(
            "repro",
            "Run a recipe (methods x seeds on one task), tabulate means and deviations, and compare with what was measured "
                + "before. Goes on where it was interrupted."
        )
        {
            recipe,
            output,
            data,
            seeds,
            only,
            expected,
        }
            .WithShort("Run a recipe (methods x seeds on one task) and tabulate it.")
            .WithExamples(
                "lur repro cifar10-class --data cifar-10-batches-bin -o out/repro",
                "lur repro my-recipe.json -o out/repro --seeds 1"
            )
            .Runs(
                (context, parsed, cancel) =>
                    Run(
                        context,
                        new ReproSettings
                        {
                            Recipe = Read(parsed.GetValue(recipe)!, parsed.GetValue(only) ?? []),
                            Output = parsed.GetValue(output)!,
                            Data = parsed.GetValue(data),
                            Seeds = VerifyCommand.Seeds("--seeds", parsed.GetValue(seeds)),
                            Only = parsed.GetValue(only) ?? [],
                        },
                        parsed.GetValue(expected),
                        cancel
                    )
            );
    }

    private static Recipe Read(string name, string[] only)
    {
        var recipe = Recipe.Read(name);
        try
        {
            recipe.Require(only);
            return recipe;
        }
        catch (UserErrorException e)
        {
            throw new UsageException(e.Message);
        }
    }

    /// <summary>Runs, prints, and compares with what was measured before.</summary>
    /// <returns><see cref="ExitCode.VerdictFailed"/> when a number is outside the band of the expected ones.</returns>
    internal static int Run(CommandContext context, ReproSettings settings, string? expected, CancellationToken cancel)
    {
        if (expected is not null)
            RealPath.RequireOther(Path.Combine(settings.Output, settings.Recipe.Name, "measured.json"), expected);
        var result = new ReproRun(settings, RunPrinter.Host(context, results: false)).Run(cancel);
        ReproReport.Write(result);
        TablePrinter.Print(context, ReproReport.Table(result));
        foreach (var sentence in result.BestOfSweeps())
            context.Note(sentence);
        if (result.BalanceSentence is { Length: > 0 } balance)
            context.Note(balance);
        context.Note($"wrote {result.Folder}/report.html, table.csv, table.md, measured.json");
        return result.Compare(expected) is { } comparison ? Print(context, comparison) : ExitCode.Done;
    }

    private static int Print(CommandContext context, ReproComparison comparison)
    {
        if (!comparison.SameData)
        {
            context.Note($"{comparison.Path} was measured on other data, so nothing is compared with it");
            return ExitCode.Done;
        }

        if (!context.Json)
            TablePrinter.Print(context, ReproReport.Table(comparison));
        var outside = comparison.Outside;
        context.Note(outside == 0 ? "every number is inside the band" : $"{outside} numbers are outside the band");
        return outside == 0 ? ExitCode.Done : ExitCode.VerdictFailed;
    }
}
