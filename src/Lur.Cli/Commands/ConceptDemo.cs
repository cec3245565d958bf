using System.Globalization;
using Lur.Cli.Printing;
using Lur.Runs;
using Lur.Tasks.Diffusion;
using Lur.Verification.Concepts;
using Lur.Verification.Generation;

namespace Lur.Cli.Commands;

/// <summary>lur demo concept: a small text-to-image model, which comes with the program, forgets what a star is.</summary>
internal static class ConceptDemo
{
    private const string Data = "captions:train=3060,test=306",
        Concept = "star";

    // Named; meant and not named; neighbours; unrelated. The compositions are no captions of the training set.
    private static readonly string[] s_prompts =
    [
        "a red star",
        "a striped blue star",
        "a yellow sparkle",
        "a green five pointed shape",
        "a white star above a blue ring",
        "a purple ring",
        "a red cross",
        "a dotted green square",
        "a blue hoop left of a yellow box",
    ];

    /// <summary>The model that comes with the program.</summary>
    public static string Model { get; } = Path.Combine(AppContext.BaseDirectory, "demo", "captions", "model.safetensors");

    /// <summary>Runs it.</summary>
    public static void Run(CommandContext context, string output, ulong seed, bool overwrite, CancellationToken cancel)
    {
        if (!File.Exists(Model))
            throw new UserErrorException($"'{Model}', the model of the demo, is missing; build Lur again.");
        context.Note("1. Draw eight pictures of each of nine prompts with the model that comes with Lur.");
        Draw(context, Model, Path.Combine(output, "before"), overwrite, cancel);
        context.Note($"2. Forget the word '{Concept}' with exact LUR; what shows one under other words is left out of what is retained.");
        var options = new Dictionary<string, string>
        {
            ["batch"] = "32",
            ["steps"] = "100",
            ["lr"] = "5e-4",
            ["anchor"] = "cross",
        };
        var run = Path.Combine(output, "unlearned");
        var forget = new ForgetRun(
            new ForgetSettings
            {
                Model = Model,
                Data = Data,
                Output = run,
                Forget = ["caption:" + Concept],
                LeaveOut = ["caption:sparkle,five pointed shape"],
                Method = MethodChoice.Read("lur", Model, options),
                Seed = seed,
                Overwrite = overwrite,
            },
            RunPrinter.Host(context)
        );
        forget.Run(cancel);
        context.Note("3. Draw the same prompts again, from the same starts.");
        Draw(context, forget.ModelPath, Path.Combine(output, "after"), overwrite, cancel);
        context.Note("4. Train a judge that names the shapes in a picture, and have it look at what both models draw.");
        Judge(context, run, Path.Combine(output, "judge"), seed, cancel);
        string Sheet(string folder) => Path.Combine(output, folder, "sheet.png");
        context.Note($"before: {Sheet("before")}");
        context.Note($"after:  {Sheet("after")}; rows: {string.Join(", ", s_prompts)}. Compare the first five.");
    }

    private static void Judge(CommandContext context, string run, string cache, ulong seed, CancellationToken cancel)
    {
        var result = new ConceptVerifyRun(
            new VerifySettings
            {
                Runs = [run],
                Seed = seed,
                CacheFolder = cache,
                Concept = new ConceptSettings
                {
                    Sampling = new SamplingPlan
                    {
                        Samples = 2,
                        Steps = 20,
                        Guidance = 3,
                        Seed = seed,
                    },
                    Attacks = ConceptAttacks.None,
                },
            },
            RunPrinter.Host(context, results: false)
        ).Run(cancel);
        RunPage.Write(context, run);
        ConceptReport.Print(context, result);
        string Seen(ConceptAssessment a) =>
            string.Create(
                CultureInfo.InvariantCulture,
                $"a {Concept} in {a.ConceptRate:0} % of the pictures that are to show one, what was asked for in {a.KeptAlignment:0} % of "
                    + $"the others"
            );
        context.Note($"before: {Seen(result.Original)}");
        context.Note($"after:  {Seen(result.Unlearned[0].Assessment)}");
        context.Note($"next: lur verify {run} --attacks all tries to bring it back");
    }

    private static void Draw(CommandContext context, string model, string folder, bool overwrite, CancellationToken cancel) =>
        SheetDrawing.Draw(
            context,
            new SampleSettings
            {
                Model = model,
                Output = folder,
                Prompts = s_prompts,
                Count = 8,
                Sampling = new SamplingOptions { Steps = 20, Guidance = 3 },
                Overwrite = overwrite,
            },
            cancel
        );
}
