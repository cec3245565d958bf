using System.CommandLine;
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
        var seeds = new Option<string?>("--seeds") { Description = "Seeds in place of the recipe's, for example 1,2,3." };
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
            .WithExamples(
                "lur repro cifar10-class --data cifar-10-batches-bin -o out/repro",
                "lur repro my-recipe.json -o out/repro --seeds 1"
            )
            .Runs(
                (context, parsed, cancel) =>
                    new ReproRun(
                        context,
                        new ReproSettings
                        {
                            Recipe = parsed.GetValue(recipe)!,
                            Output = parsed.GetValue(output)!,
                            Data = parsed.GetValue(data),
                            Seeds = VerifyCommand.Seeds(parsed.GetValue(seeds)),
                            Only = parsed.GetValue(only) ?? [],
                            Expected = parsed.GetValue(expected),
                        }
                    ).Run(cancel)
            );
    }
}
