using System.CommandLine;
using Lur.Cli.Printing;
using Lur.Metrics;
using Lur.Reports;
using Lur.Runs;
using Lur.Verification;

namespace Lur.Cli.Commands;

/// <summary>lur verify: was it forgotten?</summary>
/// <remarks>Over budget: a command declares its options and reads them in one method.</remarks>
internal static class VerifyCommand
{
    public static Command Create()
    {
        var d = new RelearningOptions();
        var runs = new Argument<string[]>("RUN")
        {
            Description = "Folder of a run of 'lur forget'; several are seeds of one method.",
            Arity = ArgumentArity.OneOrMore,
        };
        var reference = new Option<string[]>("--reference", "-r")
        {
            Description = "A model trained without the forget set ('lur train --forget'), or its folder; repeatable.",
        }.WithShort("A model trained without the forget set; repeatable.");
        var retrain = SharedOptions
            .List(
                "--retrain",
                "Train reference models of these seeds by the recipe of the original model, for example 1,2,3; they are kept "
                    + "and found again."
            )
            .WithShort("Train references of these seeds, for example 1,2,3.");
        var model = new Option<string?>("--model") { Description = "The original model, where it is not where it was." };
        var data = new Option<string?>("--data", "-d") { Description = "The data set, where it is not where it was." };
        var attacks = GenerationOptions.Attacks();
        var (drawing, told) = (new GenerationOptions(), new ConceptOptions());
        var relearn = new Option<bool>("--relearn")
        {
            Description = "Relearning attack: go on training every model and watch the forgotten come back, beside Retrain.",
        }.WithShort("Train on: does the forgotten come back?");
        var shots = SharedOptions
            .List(
                "--shots",
                "Forget samples shown in every batch of the attack; 0 trains on the retain set only; several make an attack each."
            )
            .WithShort("Forget samples in every batch of it.");
        shots.DefaultValueFactory = _ => ["0,10"];
        var steps = SharedOptions.Number(
            "--relearn-steps",
            "Steps of the attack.",
            d.Steps[^1],
            "a whole number of at least 1",
            n => n >= 1
        );
        var rate = SharedOptions.Number("--relearn-lr", "Learning rate of the attack.", d.LearningRate, "a number above 0", n => n > 0);
        var seed = SharedOptions.Seed();
        var command = new Command(
            "verify",
            "Compare an unlearned model with a retrained one, and say in one sentence how it came out (exit code 3 when it is not a match)."
        )
        {
            runs,
            reference,
            retrain,
            model,
            data,
            attacks,
            relearn,
            shots,
            steps,
            rate,
            seed,
        };
        foreach (var option in drawing.All.Concat(told.All))
            command.Add(option);
        return command
            .WithShort("Compare an unlearned model with a retrained one: was it forgotten?")
            .WithFrequent(
                "--retrain",
                "--reference",
                "--relearn",
                "--shots",
                "--attacks",
                "--samples",
                "--prompts",
                "--detector",
                "--model",
                "--data"
            )
            .WithExamples(
                "lur verify out/forget --retrain 1,2,3 --relearn",
                "lur verify out/forget --reference out/retrain",
                "lur verify out/forget --reference out/retrain --samples 64 --attacks embedding",
                "lur verify out/forget --prompts prompts.json --detector './look.sh {dir}'"
            )
            .Runs(
                (context, parsed, cancel) =>
                {
                    var last = parsed.GetValue(steps);
                    int[] chosen =
                    [
                        .. SharedOptions
                            .Numbers<int>("--shots", parsed.GetValue(shots), "numbers of samples, for example 0,10", _ => true)
                            .Distinct(),
                    ];
                    RelearningOptions[] relearning = parsed.GetValue(relearn)
                        ?
                        [
                            .. chosen.Select(k =>
                                d with
                                {
                                    Shots = k,
                                    LearningRate = parsed.GetValue(rate),
                                    Seed = parsed.GetValue(seed),
                                    Steps = [.. d.Steps.Where(s => s < last), last],
                                }
                            ),
                        ]
                        : [];
                    foreach (var options in relearning)
                        options.Validate();
                    string[] folders = [.. parsed.GetValue(runs) ?? []];
                    var (draws, concept) = (VerifyRun.Draws(folders[0]), ConceptVerifyRun.Fits(folders[0]));
                    int? given = parsed.GetResult(steps) is { Implicit: false } ? last : null;
                    if (!concept)
                        told.Refuse(parsed, folders[0]);
                    return Run(
                        context,
                        new VerifySettings
                        {
                            Runs = folders,
                            References = parsed.GetValue(reference) ?? [],
                            RetrainSeeds = Seeds("--retrain", parsed.GetValue(retrain)),
                            Model = parsed.GetValue(model),
                            Data = parsed.GetValue(data),
                            Relearning = relearning,
                            // Of a folder that is none nobody knows; the run says so.
                            Attacks =
                                draws || !Directory.Exists(folders[0])
                                    ? AttackChoice.None
                                    : GenerationOptions.OfClassifier(parsed.GetValue(attacks)),
                            Generation = draws
                                ? drawing.Read(parsed, concept ? "none" : parsed.GetValue(attacks), chosen, given, parsed.GetValue(seed))
                                : new GenerationSettings(),
                            Concept = concept
                                ? told.Read(parsed, drawing, parsed.GetValue(attacks), chosen, given, parsed.GetValue(seed))
                                : new ConceptSettings(),
                            Seed = parsed.GetValue(seed),
                        },
                        cancel
                    );
                }
            );
    }

    /// <summary>Verifies, prints, and writes the page of the first run again.</summary>
    /// <returns><see cref="ExitCode.VerdictFailed"/> unless the model matches Retrain or the verdict is withheld.</returns>
    internal static int Run(CommandContext context, VerifySettings settings, CancellationToken cancel)
    {
        var (host, folder) = (RunPrinter.Host(context, results: false), settings.Runs[0]);
        Verdict verdict;
        if (ConceptVerifyRun.Fits(folder))
        {
            var told = new ConceptVerifyRun(settings, host).Run(cancel);
            ConceptReport.Print(context, told);
            verdict = told.Verdict.Verdict;
        }
        else if (VerifyRun.Draws(folder))
        {
            var drawn = new GenerationVerifyRun(settings, host).Run(cancel);
            GenerationReport.Print(context, drawn);
            verdict = drawn.Verdict.Verdict;
        }
        else
        {
            var result = new VerifyRun(settings, host).Run(cancel);
            VerifyReport.Print(context, result);
            verdict = result.Verdict.Verdict;
        }

        if (RunPage.Write(context, folder))
            context.Note($"wrote {Path.Combine(folder, VerifyFiles.FileName)}, {ForgetPage.FileName}");
        return verdict is Verdict.MatchesRetrain or Verdict.Withheld ? ExitCode.Done : ExitCode.VerdictFailed;
    }

    /// <summary>Reads a list of seeds.</summary>
    /// <exception cref="UsageException">It is none.</exception>
    public static IReadOnlyList<ulong> Seeds(string option, IReadOnlyList<string>? texts) =>
        [.. SharedOptions.Numbers<ulong>(option, texts, "seeds, for example 1,2,3", _ => true).Distinct()];
}
