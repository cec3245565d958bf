using System.CommandLine;
using Lur.Cli.Printing;
using Lur.Runs;

namespace Lur.Cli.Commands;

/// <summary>lur forget: removes a class or a set of samples from a model.</summary>
internal static class ForgetCommand
{
    private static readonly string[] s_frequent =
    [
        "--data",
        "--output",
        "--forget",
        "--method",
        "--epochs",
        "--lr",
        "--lambda",
        "--batch",
        "--forget-loss",
        "--trim",
        "--seed",
        "--plan",
    ];

    public static Command Create()
    {
        var model = new Argument<string>("MODEL") { Description = "Trained model (safetensors)." };
        var data = SharedOptions.Data();
        var output = SharedOptions.Output();
        var forget = SharedOptions.Forget();
        var split = Split();
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
            split,
            seed,
            plan,
            size,
        };
        method.AddTo(command);
        Shorten(command);
        return command
            .WithShort("Make a model forget a class or samples, and measure it.")
            .WithFrequent(s_frequent)
            .WithExamples(
                "lur forget base/model.safetensors -d cifar-10-batches-bin -f class:3 -o out",
                "lur forget base/model.safetensors -d photos -f class:cat,dog --method salun -o out",
                "lur forget base/model.safetensors -d photos -f random:10% --forget-loss bounded -o out"
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

    private static void Shorten(Command command)
    {
        command.Options.First(o => o.Name == "--forget-loss").WithShort("Loss on what is forgotten. [lur: neg-ce]");
        command.Options.First(o => o.Name == "--trim").WithShort("Sparsity of the first trim; 0 skips it. [lur: 0.97]");
    }

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
