using System.CommandLine;
using System.Globalization;
using Lur.Cli.Runs;
using Lur.Verification;

namespace Lur.Cli.Commands;

/// <summary>lur verify: was it forgotten?</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        var d = new RelearningOptions();
        var runs = new Argument<string[]>("RUN") { Description = "Folder of a run of 'lur forget'; several are seeds of one method.", Arity = ArgumentArity.OneOrMore };
        var reference = new Option<string[]>("--reference", "-r") { Description = "A model trained without the forget set ('lur train --forget'), or its folder; repeatable." };
        var retrain = new Option<string?>("--retrain") { Description = "Train reference models of these seeds by the recipe of the original model, for example 1,2,3; they are kept and found again." };
        var model = new Option<string?>("--model") { Description = "The original model, where it is not where it was." };
        var data = new Option<string?>("--data", "-d") { Description = "The data set, where it is not where it was." };
        var relearn = new Option<bool>("--relearn") { Description = "Relearning attack: go on training and watch the forgotten come back, beside Retrain." };
        var shots = SharedOptions.Number("--shots", "Forget samples shown in every batch of the attack; 0 trains on the retain set only.", d.Shots);
        var steps = SharedOptions.Number("--relearn-steps", "Steps of the attack.", d.Steps[^1]);
        var rate = SharedOptions.Number("--relearn-lr", "Learning rate of the attack.", d.LearningRate);
        var seed = SharedOptions.Seed();
        return new Command("verify", "Compare an unlearned model with a retrained one, and say in one sentence how it came out (exit code 3 when it is not a match).")
        {
            runs, reference, retrain, model, data, relearn, shots, steps, rate, seed,
        }
            .WithExamples(
                "lur verify out/forget --retrain 1,2,3",
                "lur verify out/forget --reference out/retrain --relearn --shots 10")
            .Runs((context, parsed, cancel) =>
            {
                var last = parsed.GetValue(steps);
                var options = d with
                {
                    Shots = parsed.GetValue(shots),
                    LearningRate = parsed.GetValue(rate),
                    Seed = parsed.GetValue(seed),
                    Steps = [.. d.Steps.Where(s => s < last), last],
                };
                if (parsed.GetValue(relearn)) options.Validate();
                return new VerifyRun(context, new VerifySettings
                {
                    Runs = parsed.GetValue(runs) ?? [],
                    References = parsed.GetValue(reference) ?? [],
                    RetrainSeeds = Seeds(parsed.GetValue(retrain)),
                    Model = parsed.GetValue(model),
                    Data = parsed.GetValue(data),
                    Relearning = parsed.GetValue(relearn) ? options : null,
                }).Run(cancel);
            });
    }

    /// <summary>Reads a list of seeds.</summary>
    /// <exception cref="UsageException">It is none.</exception>
    public static IReadOnlyList<ulong> Seeds(string? text) => text is null ? [] :
        [.. text.Split(',').Select(s => ulong.TryParse(s, NumberStyles.None, CultureInfo.InvariantCulture, out var seed) ? seed
            : throw new UsageException($"Option --retrain is '{text}'; it takes seeds, for example 1,2,3."))];
}
