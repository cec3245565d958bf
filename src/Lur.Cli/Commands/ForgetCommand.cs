using System.CommandLine;
using Lur.Cli.Printing;
using Lur.Runs;

namespace Lur.Cli.Commands;

/// <summary>lur forget: removes a class or a set of samples from a model.</summary>
internal static class ForgetCommand
{
    public static Command Create()
    {
        var model = new Argument<string>("MODEL") { Description = "Trained model (safetensors)." };
        var data = SharedOptions.Data();
        var output = SharedOptions.Output();
        var forget = SharedOptions.Forget();
        var split = Split();
        var copies = AlsoCopies();
        var seed = SharedOptions.Seed();
        var plan = SharedOptions.Plan();
        var size = SharedOptions.ImageSize();
        var method = new MethodCommandOptions();
        var command = new Command("forget", "Make a model forget a class or a set of samples, and measure what it forgot and kept.")
        {
            model,
            data,
            output,
            forget,
            copies,
            split,
            seed,
            plan,
            size,
        };
        method.AddTo(command);
        return command
            .WithExamples(
                "lur forget out/base/model.safetensors --data cifar-10-batches-bin --forget class:3 -o out/forget",
                "lur forget out/base/model.safetensors --data cifar-10-batches-bin --forget random:10% --forget-loss bounded -o out/forget",
                "lur forget out/base/model.safetensors --data cifar-10-batches-bin --forget class:3 --method ft --lr 0.05 -o out/ft"
            )
            .Runs(
                (context, parsed, cancel) =>
                    Run(
                        context,
                        new ForgetSettings
                        {
                            Model = parsed.GetValue(model)!,
                            Data = parsed.GetValue(data)!,
                            Output = parsed.GetValue(output)!,
                            Forget = parsed.GetValue(forget) ?? [],
                            AlsoCopies = parsed.GetValue(copies),
                            Split = parsed.GetValue(split),
                            Method = Bind(method, parsed),
                            Seed = parsed.GetValue(seed),
                            DataOptions = SharedOptions.DataOptions(parsed.GetValue(size)),
                        },
                        parsed.GetValue(plan),
                        cancel
                    )
            );
    }

    private static Option<string?> Split() =>
        new("--split") { Description = "split.json the model was trained with; default: the one beside the model." };

    private static Option<bool> AlsoCopies() =>
        new("--also-copies") { Description = "Forget retained pictures, too, that equal one to forget pixel by pixel." };

    private static BoundMethod Bind(MethodCommandOptions options, ParseResult parsed)
    {
        var (definition, given) = options.Read(parsed);
        try
        {
            return BoundMethod.Read(definition, given);
        }
        catch (UserErrorException e)
        {
            throw new UsageException(e.Message);
        }
    }

    private static int Run(CommandContext context, ForgetSettings settings, bool planOnly, CancellationToken cancel)
    {
        var run = new ForgetRun(settings, RunPrinter.Host(context));
        if (planOnly)
            PlanPrinter.Print(context, run.Plan());
        else
            run.Run(cancel);
        return ExitCode.Done;
    }
}
