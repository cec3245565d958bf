using System.CommandLine;
using Lur.Cli.Printing;
using Lur.Device;
using Lur.Models;
using Lur.Reports;
using Lur.Runs;
using Lur.Training;

namespace Lur.Cli.Commands;

/// <summary>lur train: trains a ResNet on a data set.</summary>
internal static class TrainCommand
{
    private static readonly string[] s_frequent =
    [
        "--data",
        "--output",
        "--model",
        "--epochs",
        "--batch",
        "--lr",
        "--augment",
        "--validation",
        "--forget",
        "--seed",
        "--sheet-every",
        "--resume",
        "--plan",
    ];

    public static Command Create()
    {
        var data = SharedOptions.Data();
        var output = SharedOptions.Output();
        var model = Model();
        var training = Recipe();
        training.All.First(o => o.Name == "--augment").WithShort("Random crops and flips, or none.");
        var (noAugment, seed) = (SharedOptions.NoAugment(), SharedOptions.Seed());
        var (validation, exclude) = (Validation(), Exclude());
        var (every, sheets, precision) = (SharedOptions.CheckpointEvery(), SheetEvery(), SharedOptions.Precision());
        var (resume, overwrite, plan) = (SharedOptions.Resume(), SharedOptions.Overwrite(), SharedOptions.Plan());
        var (size, gpu) = (SharedOptions.ImageSize(), SharedOptions.DeviceModelOption(plan));
        var command = new Command("train", "Train a ResNet, or a UNet that draws images, on a data set.") { data, output, model };
        Option[] more = [noAugment, seed, precision, validation, exclude, every, sheets, resume, overwrite, plan, gpu, size];
        foreach (var option in training.All.Concat(more))
            command.Options.Add(option);
        return command
            .WithFrequent(s_frequent)
            .WithExamples(
                "lur train --data synthetic -o out/base",
                "lur train --data cifar-10-batches-bin --epochs 20 -o out/base",
                "lur train --data cifar-10-batches-bin --forget class:3 -o out/retrain",
                "lur train --data digits --model unet:c16:m1,2,2 -o out/unet"
            )
            .Runs(
                (context, parsed, cancel) =>
                    Run(
                        context,
                        WithRecipe(
                            new TrainSettings
                            {
                                Data = parsed.GetValue(data)!,
                                Output = parsed.GetValue(output)!,
                                Model = parsed.GetValue(model)!,
                                DataOptions = SharedOptions.DataOptions(parsed.GetValue(size)),
                                ValidationShare = parsed.GetValue(validation),
                                Exclude = parsed.GetValue(exclude) ?? [],
                                Precision = ProductPrecisions.Parse(parsed.GetValue(precision)!),
                                CheckpointEvery = parsed.GetValue(every),
                                SheetEvery = parsed.GetValue(sheets),
                                Sheet = (stream, rows, size) => SampleSheet.Write(stream, rows, size.Channels, size.Height, size.Width),
                                Resume = parsed.GetValue(resume),
                                Overwrite = parsed.GetValue(overwrite),
                            },
                            training.Given(parsed),
                            parsed.GetValue(noAugment),
                            parsed.GetValue(seed)
                        ),
                        (parsed.GetValue(plan), parsed.GetValue(gpu)),
                        cancel
                    )
            );
    }

    /// <summary>Options of both kinds of model; one that both have is read by that which the model is of, whose default holds.</summary>
    private static RecordOptions Recipe() =>
        new([
            .. TrainingOptions.List.Select(t =>
                DiffusionTrainingOptions.List.FirstOrDefault(d => d.Name == t.Name) is { } own && own.Default != t.Default
                    ? t with
                    {
                        Description = $"{t.Description} Of a UNet {own.Default} by default.",
                    }
                    : t
            ),
            .. DiffusionTrainingOptions.List.Where(d => TrainingOptions.List.All(t => t.Name != d.Name)),
        ]);

    private static Option<long> SheetEvery() =>
        SharedOptions
            .Number<long>(
                "--sheet-every",
                "Of a UNet: every N steps, and at the end, draw some images of each class, sheet-STEP.png in the output folder, from "
                    + "the same starts every time; 0 draws none. The model is the same to the byte.",
                0,
                "a whole number of steps of at least 0",
                n => n >= 0
            )
            .WithShort("Of a UNet: draw a sheet of images every N steps.");

    private static Option<double> Validation() =>
        SharedOptions
            .Number(
                "--validation",
                "Share of each class held out of training to validate with.",
                0.0,
                "a share from 0 to below 1",
                v => v is >= 0 and < 1
            )
            .WithShort("Share of each class to validate with.");

    private static Option<string> Model() =>
        new Option<string>("--model", "-m")
        {
            Description =
                "Architecture, with :wN for the width and :stem3 or :stem7 for the first layers: resnet18:w16, resnet50, resnet20, "
                + "resnet[1,2,1]:w8, resnet[2,2]:bottleneck. resnet50, 101 and 152 have bottleneck blocks; the 6n+2 networks of "
                + "these depths are resnet[8,8,8]:w16 and resnet[25,25,25]:w16. A UNet that draws images: "
                + "unet:c32:m1,2:attn8:r1, its first width, the multiple of each "
                + "level (each has half the side of the one above), the sides with attention, and the blocks of a level.",
            DefaultValueFactory = _ => "resnet18:w16",
        }.WithShort("Architecture, e.g. resnet20, unet:c32:m1,2:attn8:r1.");

    private static Option<string[]> Exclude() =>
        new Option<string[]>("--forget", "-f")
        {
            Description = $"Leave these samples out of training (the Retrain reference): {SharedOptions.Forms}; repeatable.",
        }.WithShort("Leave out of training: class:3, ids.txt, ...");

    /// <summary>The recipe of what was given.</summary>
    /// <exception cref="UsageException">An option makes no sense, or two contradict each other.</exception>
    private static TrainSettings WithRecipe(TrainSettings settings, Dictionary<string, string> given, bool noAugment, ulong seed)
    {
        const string Augment = "augment";
        var none = Augmentation.None.Name;
        if (noAugment && given.TryGetValue(Augment, out var name) && name != none && name != Augmentation.Auto.Name)
            throw new UsageException($"--augment {name} and --no-augment contradict each other; give one of them.");
        if (noAugment)
            given[Augment] = none;
        try
        {
            return UNetFamily.Instance.Claims(settings.Model)
                ? settings with
                {
                    Diffusion = DiffusionTrainingOptions.Read($"the training of a UNet", given) with { Seed = seed },
                }
                : settings with
                {
                    Training = TrainingOptions.Read("the training of a ResNet", given) with { Seed = seed },
                };
        }
        catch (UserErrorException e)
        {
            throw new UsageException(e.Message);
        }
    }

    private static int Run(CommandContext context, TrainSettings settings, (bool Only, string? Gpu) plan, CancellationToken cancel)
    {
        var run = new TrainRun(settings, SharedOptions.Planner(RunPrinter.Host(context), plan.Gpu));
        if (plan.Only)
            PlanPrinter.Print(context, run.Plan());
        else
            run.Run(cancel);
        return ExitCode.Done;
    }
}
