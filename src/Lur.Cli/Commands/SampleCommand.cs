using System.CommandLine;
using Lur.Cli.Printing;
using Lur.Runs;
using Lur.Tasks.Diffusion;

namespace Lur.Cli.Commands;

/// <summary>lur sample: draws images from a diffusion model.</summary>
internal static class SampleCommand
{
    public static Command Create()
    {
        var model = new Argument<string>("MODEL") { Description = "UNet that Lur made or imported, or a pipeline folder." };
        var output = SharedOptions.Output();
        output.Description = "Folder for the images: CLASS/00000.png and so on, sheet.png, sample.json.";
        var classes = SharedOptions.List("--class", "Class by name or number; repeatable; all of them by default.", "-c");
        var (prompts, file, negative) = Prompts();
        var (count, guidance, steps, eta) = (Count(), Guidance(), Steps(), Eta());
        var sampler = OptionText.Choice("--sampler", "Sampler.", SamplerKind.Ddim);
        var seed = SharedOptions.Seed();
        var overwrite = new Option<bool>("--overwrite") { Description = "Replace images of an earlier run in the folder." };
        var command = new Command("sample", "Draw images of some classes from a diffusion model.") { model, output, classes };
        foreach (var option in new Option[] { prompts, file, negative, count, steps, sampler, eta, guidance, seed, overwrite })
            command.Options.Add(option);
        return command
            .WithExamples(
                "lur sample out/base/model.safetensors -o out/images",
                "lur sample out/forget/model.safetensors --class cat --count 1000 -o out/cats",
                "lur sample out/text/model.safetensors --prompt \"a red star\" --guidance 4 -o out/stars"
            )
            .Runs(
                (context, parsed, cancel) =>
                    Run(
                        context,
                        new SampleSettings
                        {
                            Model = parsed.GetValue(model)!,
                            Output = parsed.GetValue(output)!,
                            Classes = parsed.GetValue(classes) ?? [],
                            Prompts = [.. parsed.GetValue(prompts) ?? [], .. ReadPrompts(parsed.GetValue(file))],
                            Negative = parsed.GetValue(negative) ?? "",
                            Count = parsed.GetValue(count),
                            Sampling = new SamplingOptions
                            {
                                Sampler = OptionText.Parse<SamplerKind>(parsed.GetValue(sampler)),
                                Steps = parsed.GetValue(steps),
                                Eta = parsed.GetValue(eta),
                                Guidance = parsed.GetValue(guidance),
                                Seed = parsed.GetValue(seed),
                            },
                            Overwrite = parsed.GetValue(overwrite),
                        },
                        cancel
                    )
            );
    }

    private static int Run(CommandContext context, SampleSettings settings, CancellationToken cancel)
    {
        SheetDrawing.Draw(context, settings with { Model = ImportedModels.Get(settings.Model, RunPrinter.Host(context)) }, cancel);
        return ExitCode.Done;
    }

    private static (Option<string[]> Prompts, Option<string?> File, Option<string?> Negative) Prompts() =>
        (
            new Option<string[]>("--prompt", "-p")
            {
                Description = "What to draw, of a model that is told prompts; repeatable.",
                HelpName = "TEXT",
            },
            new Option<string?>("--prompts") { Description = "A text file with a prompt a line.", HelpName = "FILE" },
            new Option<string?>("--negative") { Description = "What guidance leads away from, in place of no prompt.", HelpName = "TEXT" }
        );

    /// <summary>Prompts of a file, one a line; none without a file.</summary>
    /// <exception cref="UserErrorException">It cannot be read, or holds none.</exception>
    public static string[] ReadPrompts(string? path)
    {
        if (path is null)
            return [];
        try
        {
            string[] lines = [.. File.ReadLines(path).Select(l => l.Trim()).Where(l => l.Length > 0)];
            return lines.Length > 0 ? lines : throw new UserErrorException($"'{path}' holds no prompt; write one a line.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"'{path}' cannot be read ({e.Message.TrimEnd('.')}).", e);
        }
    }

    private static Option<int> Count() =>
        SharedOptions.Number(
            "--count",
            "Images of each class.",
            64,
            $"a whole number from 1 to {SampleRun.MostImages}",
            n => n is >= 1 and <= SampleRun.MostImages
        );

    private static Option<int> Steps() =>
        SharedOptions.Number("--steps", "Steps of the sampler.", 50, "a whole number of at least 1", n => n >= 1);

    private static Option<double> Eta() =>
        SharedOptions.Number("--eta", "Noise that ddim adds, as a share of ddpm's.", 0.0, "a number from 0 to 1", n => n is >= 0 and <= 1);

    private static Option<double?> Guidance() =>
        SharedOptions
            .Optional<double>(
                "--guidance",
                "Weight of the class: 1 is the network as it is, 0 the one without a class; 2 by default for a model that knows a row for "
                    + "no class, 1 for another.",
                "a number",
                double.IsFinite
            )
            .WithShort("Weight of the class: 2 by default, 1 for none.");
}
