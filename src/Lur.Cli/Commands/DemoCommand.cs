using System.CommandLine;
using Lur.Cli.Printing;
using Lur.Runs;
using Lur.Training;
using Lur.Unlearning;

namespace Lur.Cli.Commands;

/// <summary>lur demo: the whole job on generated images.</summary>
internal static class DemoCommand
{
    private const string Classification = "classification",
        Diffusion = "diffusion",
        Concept = "concept";

    public static Command Create()
    {
        var what = new Argument<string>("WHAT")
        {
            Description = "classification, diffusion: a UNet that draws shapes, or concept: a text-to-image model that forgets a word.",
            DefaultValueFactory = _ => Classification,
        };
        what.AcceptOnlyFromAmong(Classification, Diffusion, Concept);
        var output = new Option<string?>("--output", "-o")
        {
            Description = "Folder for everything the demo leaves behind; out/demo by default, out/demo-diffusion, out/demo-concept.",
        };
        var seed = SharedOptions.Seed();
        var overwrite = SharedOptions.Overwrite();
        var command = new Command(
            "demo",
            "Train a small network on generated images, make it forget a class with LUR, and show what was forgotten and what was kept."
        )
        {
            what,
            output,
            seed,
            overwrite,
        };
        return command
            .WithShort("Train, forget and measure on generated images; needs no data.")
            .WithExamples("lur demo", "lur demo diffusion -o out/shapes")
            .Runs(
                (context, parsed, cancel) =>
                {
                    var folder = parsed.GetValue(output);
                    var (start, replace) = (parsed.GetValue(seed), parsed.GetValue(overwrite));
                    switch (parsed.GetValue(what))
                    {
                        case Diffusion:
                            DiffusionDemo.Run(context, folder ?? "out/demo-diffusion", start, replace, cancel);
                            return ExitCode.Done;
                        case Concept:
                            ConceptDemo.Run(context, folder ?? "out/demo-concept", start, replace, cancel);
                            return ExitCode.Done;
                        default:
                            return Run(context, folder ?? "out/demo", start, replace, cancel);
                    }
                }
            );
    }

    private static int Run(CommandContext context, string output, ulong seed, bool overwrite, CancellationToken cancel)
    {
        const string data = "synthetic:train=4000,test=1000";
        const string forgotten = "class:3";
        context.Note("1. Train a ResNet-18 of width 8 on 4,000 generated images of ten classes.");
        var train = new TrainRun(
            new TrainSettings
            {
                Data = data,
                Model = "resnet18:w8",
                Overwrite = overwrite,
                Output = Path.Combine(output, "original"),
                Training = new TrainingOptions
                {
                    Epochs = 10,
                    BatchSize = 64,
                    LearningRate = 0.1,
                    Seed = seed,
                },
            },
            RunPrinter.Host(context)
        );
        train.Run(cancel);
        context.Note("2. Forget class 3 with LUR: trim, then repair.");
        var forget = new ForgetRun(
            new ForgetSettings
            {
                Model = train.ModelPath,
                Data = data,
                Output = Path.Combine(output, "unlearned"),
                Forget = [forgotten],
                Method = BoundMethod.Read(
                    LearningToUnlearn.Definition,
                    new Dictionary<string, string> { ["batch"] = "64", ["epochs"] = "2" }
                ),
                Seed = seed,
                Overwrite = overwrite,
            },
            RunPrinter.Host(context)
        );
        forget.Run(cancel);
        context.Note($"original model:  {train.ModelPath}");
        context.Note($"unlearned model: {forget.ModelPath}");
        context.Note($"per-sample results: {Path.Combine(output, "unlearned", "result.json")}");
        context.Note($"page with plots: {Path.Combine(output, "unlearned", Reports.ForgetPage.FileName)}");
        return ExitCode.Done;
    }
}
