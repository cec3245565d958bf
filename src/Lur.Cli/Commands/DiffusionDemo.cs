using System.Globalization;
using Lur.Cli.Printing;
using Lur.Runs;
using Lur.Tasks.Diffusion;
using Lur.Training;
using Lur.Verification.Generation;

namespace Lur.Cli.Commands;

/// <summary>lur demo diffusion: a UNet learns to draw shapes and forgets one.</summary>
internal static class DiffusionDemo
{
    private const string Data = "shapes:train=2100,test=210",
        Forgotten = "star";

    /// <summary>Runs it.</summary>
    public static void Run(CommandContext context, string output, ulong seed, bool overwrite, CancellationToken cancel)
    {
        context.Note("1. Train a small UNet to draw seven shapes of 16 x 16 pixels.");
        var train = new TrainRun(
            new TrainSettings
            {
                Data = Data,
                Model = "unet:c32:m1,2:attn8:r1",
                Overwrite = overwrite,
                Output = Path.Combine(output, "original"),
                Diffusion = new DiffusionTrainingOptions
                {
                    Epochs = 12,
                    BatchSize = 32,
                    LearningRate = 1e-3,
                    Schedule = "warmup:0.05+cosine",
                    AverageDecay = 0.99,
                    Seed = seed,
                },
            },
            RunPrinter.Host(context)
        );
        train.Run(cancel);
        context.Note("2. Draw twelve of each.");
        Draw(context, train.ModelPath, Path.Combine(output, "before"), overwrite, cancel);
        context.Note($"3. Forget '{Forgotten}' with exact LUR.");
        var options = new Dictionary<string, string> { ["batch"] = "32", ["steps"] = "200" };
        var forget = new ForgetRun(
            new ForgetSettings
            {
                Model = train.ModelPath,
                Data = Data,
                Output = Path.Combine(output, "unlearned"),
                Forget = ["class:" + Forgotten],
                Method = MethodChoice.Read("lur", train.ModelPath, options),
                Seed = seed,
                Overwrite = overwrite,
            },
            RunPrinter.Host(context)
        );
        forget.Run(cancel);
        context.Note("4. Draw twelve of each again, from the same starts.");
        Draw(context, forget.ModelPath, Path.Combine(output, "after"), overwrite, cancel);
        context.Note("5. Train a judge on the same images, and have it look at what both models draw.");
        Judge(context, output, seed, cancel);
        string Sheet(string folder) => Path.Combine(output, folder, "sheet.png");
        context.Note($"before: {Sheet("before")}");
        context.Note($"after:  {Sheet("after")}; rows: disc, square, triangle, star, cross, ring, crescent. Compare the fourth.");
    }

    private static void Judge(CommandContext context, string output, ulong seed, CancellationToken cancel)
    {
        var run = Path.Combine(output, "unlearned");
        var result = new GenerationVerifyRun(
            new VerifySettings
            {
                Runs = [run],
                Seed = seed,
                CacheFolder = Path.Combine(output, "judge"),
                Generation = new GenerationSettings
                {
                    Sampling = new SamplingPlan
                    {
                        Samples = 12,
                        Steps = 25,
                        Seed = seed,
                    },
                    Attacks = GenerationAttacks.None,
                },
            },
            RunPrinter.Host(context, results: false)
        ).Run(cancel);
        RunPage.Write(context, run);
        var (before, after) = (result.Original, result.Unlearned[0].Assessment);
        string Seen(GenerativeAssessment a) =>
            string.Create(
                CultureInfo.InvariantCulture,
                $"{100 - a.UnlearningAccuracy:0} % of the images that are to be a {Forgotten}, {a.KeptAgreement:0} % of the others"
            );
        context.Note($"as asked, before: {Seen(before)}");
        context.Note(string.Create(CultureInfo.InvariantCulture, $"as asked, after:  {Seen(after)} (UA {after.UnlearningAccuracy:0} %)"));
        context.Note($"next: lur verify {run} --retrain 1 compares with a model that never saw a {Forgotten}");
    }

    private static void Draw(CommandContext context, string model, string folder, bool overwrite, CancellationToken cancel) =>
        SheetDrawing.Draw(
            context,
            new SampleSettings
            {
                Model = model,
                Output = folder,
                Count = 12,
                Sampling = new SamplingOptions { Steps = 25 },
                Overwrite = overwrite,
            },
            cancel
        );
}
