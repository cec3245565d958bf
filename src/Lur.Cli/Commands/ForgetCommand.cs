using System.CommandLine;
using Lur.Checkpoints;
using Lur.Cli.Printing;
using Lur.Device;
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
        var options = new ForgetOptions();
        var plan = SharedOptions.Plan();
        var gpu = SharedOptions.DeviceModelOption(plan);
        var command = new Command("forget", "Make a model forget a class or a set of samples, and measure what it forgot and kept.");
        options.AddTo(command, plan, gpu);
        Shorten(command);
        return command
            .WithShort("Make a model forget a class or samples, and measure it.")
            .WithFrequent(s_frequent)
            .WithExamples(
                "lur forget base/model.safetensors -d cifar-10-batches-bin -f class:3 -o out",
                "lur forget base/model.safetensors -d photos -f class:cat,dog --method salun -o out",
                "lur forget base/model.safetensors -d photos -f random:10% -o out",
                "lur forget text/model.safetensors -d captions --concept star --anchor ring -o out",
                "lur forget sd --concept star --anchor ring --keep kept.txt -o out"
            )
            .Runs((context, parsed, cancel) => Run(context, options.Read(parsed), parsed.GetValue(plan), parsed.GetValue(gpu), cancel));
    }

    private static void Shorten(Command command)
    {
        command.Options.First(o => o.Name == "--forget-loss").WithShort("Loss on what is forgotten. [lur: neg-ce]");
        command.Options.First(o => o.Name == "--trim").WithShort("Sparsity of the first trim; 0 skips it. [lur: 0.97]");
    }

    private static int Run(CommandContext context, ForgetSettings settings, bool planOnly, string? gpu, CancellationToken cancel)
    {
        var host = SharedOptions.Planner(RunPrinter.Host(context), gpu);
        if (planOnly)
            PlanPrinter.Print(context, new ForgetRun(settings, host).Plan());
        else
            new ForgetRun(settings with { Model = ImportedModels.Get(settings.Model, host) }, host).Run(cancel);
        return ExitCode.Done;
    }
}

/// <summary>What 'lur forget' takes.</summary>
internal sealed class ForgetOptions
{
    private readonly Argument<string> _model = new("MODEL") { Description = "Trained model (safetensors), or a pipeline folder." };
    private readonly Option<string> _data = SharedOptions.Data(),
        _output = SharedOptions.Output();
    private readonly Option<string[]> _forget = SharedOptions.Forget(required: false);
    private readonly Option<string[]> _concept = new("--concept")
    {
        Description = "Words whose captions are forgotten, as --forget caption:WORDS; repeatable; of models that draw from prompts.",
        HelpName = "WORDS",
    };
    private readonly Option<string[]> _leaveOut = new("--leave-out")
    {
        Description =
            "What is neither forgotten nor retained, in the forms of --forget: samples that show the concept under other words, and would "
            + "bring it back; repeatable.",
        HelpName = "SPEC",
    };
    private readonly Option<string?> _split = new("--split")
    {
        Description = "split.json the model was trained with; default: the one beside the model.",
    };
    private readonly Option<string[]> _forgotten = new("--forgotten")
    {
        Description =
            "List of what the model has forgotten on earlier requests, which is not retained; repeatable; default: the forget.txt "
            + "beside the model.",
    };
    private readonly Option<bool> _copies = new("--also-copies")
    {
        Description = "Forget retained pictures, too, that equal one to forget pixel by pixel.",
    };
    private readonly Option<ulong> _seed = SharedOptions.Seed();
    private readonly Option<string> _precision = SharedOptions.Precision();
    private readonly Option<long> _every = SharedOptions.CheckpointEvery();
    private readonly Option<bool> _resume = SharedOptions.Resume(),
        _overwrite = SharedOptions.Overwrite();
    private readonly Option<int?> _size = SharedOptions.ImageSize();
    private readonly LatentOptions _latents = new();
    private readonly MethodCommandOptions _method = new();

    /// <summary>Adds them to a command, in the order of its help.</summary>
    public void AddTo(Command command, Option<bool> plan, Option<string?> gpu)
    {
        command.Arguments.Add(_model);
        foreach (
            var option in new Option[]
            {
                _data,
                _output,
                _forget,
                _concept,
                _leaveOut,
                _copies,
                _split,
                _forgotten,
                _seed,
                _precision,
                _every,
                _resume,
                _overwrite,
                plan,
                gpu,
                _size,
            }.Concat(_latents.All)
        )
            command.Options.Add(option);
        _forget.NeededUnless(_concept);
        // Who is told prompts can draw the data for them.
        _data.Required = false;
        _data.NeededUnless(_concept);
        _data.Description += " Without it a model that is told prompts draws data for the concept, the anchor and what is kept.";
        _method.AddTo(command);
    }

    /// <summary>What was given.</summary>
    public ForgetSettings Read(ParseResult parsed)
    {
        var concepts = (parsed.GetValue(_concept) ?? []).Select(words => "caption:" + words);
        string[] forget = [.. parsed.GetValue(_forget) ?? [], .. concepts];
        return new()
        {
            Model = parsed.GetValue(_model)!,
            Data = parsed.GetValue(_data) ?? LatentSettings.Drawn,
            Output = parsed.GetValue(_output)!,
            Forget = forget,
            LeaveOut = parsed.GetValue(_leaveOut) ?? [],
            AlsoCopies = parsed.GetValue(_copies),
            Split = parsed.GetValue(_split),
            Forgotten = parsed.GetValue(_forgotten) ?? [],
            Method = Bind(_method, parsed, parsed.GetValue(_model)!),
            Seed = parsed.GetValue(_seed),
            Precision = ProductPrecisions.Parse(parsed.GetValue(_precision)!),
            CheckpointEvery = parsed.GetValue(_every),
            Resume = parsed.GetValue(_resume),
            Overwrite = parsed.GetValue(_overwrite),
            DataOptions = SharedOptions.DataOptions(parsed.GetValue(_size)),
            Latents = _latents.Read(parsed),
        };
    }

    private static BoundMethod Bind(MethodCommandOptions options, ParseResult parsed, string model)
    {
        var (name, given) = options.Read(parsed);
        try
        {
            return MethodChoice.Read(name, model, given);
        }
        catch (UserErrorException e)
        {
            // Of two methods with one name the model decides: its absence comes before an option that the other one takes.
            if (!File.Exists(model) && MethodChoice.AnyTakes(name, given))
                using (SafeTensorsFile.Open(model)) { }
            throw new UsageException(e.Message);
        }
    }
}
