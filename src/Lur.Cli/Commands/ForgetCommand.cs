using System.CommandLine;
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
        var split = new Option<string?>("--split")
        {
            Description = "split.json the model was trained with; default: the one beside the model.",
        };
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
        return command
            .WithExamples(
                "lur forget out/base/model.safetensors --data cifar-10-batches-bin --forget class:3 -o out/forget",
                "lur forget out/base/model.safetensors --data cifar-10-batches-bin --forget random:10% --forget-loss bounded -o out/forget",
                "lur forget out/base/model.safetensors --data cifar-10-batches-bin --forget class:3 --method ft --lr 0.05 -o out/ft"
            )
            .Runs(
                (context, parsed, cancel) =>
                {
                    var (definition, given) = method.Read(parsed);
                    return new ForgetRun(
                        context,
                        new ForgetSettings
                        {
                            Model = parsed.GetValue(model)!,
                            Data = parsed.GetValue(data)!,
                            Output = parsed.GetValue(output)!,
                            Forget = parsed.GetValue(forget) ?? [],
                            Split = parsed.GetValue(split),
                            Method = definition,
                            Options = given,
                            Seed = parsed.GetValue(seed),
                            DataOptions = SharedOptions.DataOptions(parsed.GetValue(size)),
                            PlanOnly = parsed.GetValue(plan),
                        }
                    ).Run(cancel);
                }
            );
    }
}
