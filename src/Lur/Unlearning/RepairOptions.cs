using Lur.Layers;
using Lur.Optimizers;

namespace Lur.Unlearning;

/// <summary>Options of the SGD loop that most methods share.</summary>
public sealed record RepairOptions
{
    /// <summary>Base learning rate.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Schedule of the rate over the run, see <see cref="LearningRateSchedule.Parse"/>.</summary>
    public string Schedule { get; init; } = "constant";

    /// <summary>Momentum.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Nesterov momentum.</summary>
    public bool Nesterov { get; init; }

    /// <summary>Weight decay, on every parameter.</summary>
    public double WeightDecay { get; init; } = 5e-4;

    /// <summary>Epochs.</summary>
    public required int Epochs { get; init; }

    /// <summary>Batch size.</summary>
    public int BatchSize { get; init; } = 256;

    /// <summary>Which batches move BatchNorm's running statistics.</summary>
    public BatchNormPolicy BatchNorm { get; init; } = BatchNormPolicy.RetainOnly;

    /// <summary>Random changes of the images, those the model was trained with.</summary>
    public bool Augment { get; init; } = true;

    /// <summary>Seed of every draw.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Normalisation of a pass over a retain batch.</summary>
    public NormalizationMode RetainMode => BatchNorm.RetainMode();

    /// <summary>Normalisation of a pass over a forget batch.</summary>
    public NormalizationMode ForgetMode => BatchNorm.ForgetMode();

    /// <summary>The options on the command line, with a method's defaults.</summary>
    /// <param name="rate">Learning rate.</param>
    /// <param name="epochs">Epochs.</param>
    /// <param name="source">Where the two come from.</param>
    /// <param name="decay">Weight decay.</param>
    /// <param name="batch">Batch size.</param>
    /// <param name="schedule">Schedule.</param>
    public static IReadOnlyList<MethodOption> Options(
        double rate,
        int epochs,
        string source,
        double decay = 5e-4,
        int batch = 256,
        string schedule = "constant"
    ) =>
        [
            MethodOption.Number("lr", rate, "Learning rate.", source),
            MethodOption.Integer("epochs", epochs, "Epochs.", source),
            MethodOption.Integer("batch", batch, "Batch size.", "public code of ScissorHands and SalUn"),
            MethodOption.Text(
                "schedule",
                schedule,
                "Learning-rate schedule: constant, cosine, onecycle, or multistep:91,136/182.",
                "the public code's drops lie beyond the epochs it runs"
            ),
            MethodOption.Number("momentum", 0.9, "Momentum of SGD.", "public code of ScissorHands and SalUn"),
            MethodOption.Flag("nesterov", "Nesterov momentum.", "ours"),
            MethodOption.Number("weight-decay", decay, "Weight decay, on every parameter.", "public code of ScissorHands and SalUn"),
            MethodChoices.BatchNorm,
            MethodOption.Flag(
                "no-augment",
                "No random changes of the images; without it, those the model was trained with (crop and flip, unless lur "
                    + "train says otherwise).",
                "ours"
            ),
        ];

    /// <summary>Reads the options of <see cref="Options"/>.</summary>
    /// <exception cref="UserErrorException">A value is out of range.</exception>
    public static RepairOptions Read(OptionValues values)
    {
        var options = new RepairOptions
        {
            LearningRate = values.Number("lr"),
            Epochs = values.Integer("epochs"),
            BatchSize = values.Integer("batch", 1, 65536),
            Schedule = values.Text("schedule"),
            Momentum = values.Number("momentum"),
            Nesterov = values.Flag("nesterov"),
            WeightDecay = values.Number("weight-decay", 0),
            BatchNorm = values.Choice<BatchNormPolicy>("bn"),
            Augment = !values.Flag("no-augment"),
        };
        _ = LearningRateSchedule.Parse(options.Schedule);
        if (options.LearningRate <= 0)
            throw new UserErrorException(FormattableString.Invariant($"Option --lr is {options.LearningRate}; it must be above 0."));
        if (options.Momentum is < 0 or >= 1)
            throw new UserErrorException(FormattableString.Invariant($"Option --momentum is {options.Momentum}; it must be in [0, 1)."));
        return options;
    }
}

/// <summary>Choices that several methods share.</summary>
public static class MethodChoices
{
    /// <summary>--compat: numbers as the public code's.</summary>
    /// <param name="changes">What the flag does beside changing defaults, or empty.</param>
    /// <param name="implies">Defaults that it changes: option and text.</param>
    public static MethodOption Compat(string changes, params (string Option, string Text)[] implies)
    {
        var defaults =
            implies.Length == 0
                ? ""
                : "the defaults become "
                    + string.Join(" and ", implies.Select(i => i.Text == "true" ? "--" + i.Option : $"--{i.Option} {i.Text}"));
        var all = string.Join("; ", new[] { changes, defaults }.Where(t => t.Length > 0));
        return MethodOption.Flag("compat", $"Do as the public code where numbers depend on it: {all}.", "ours") with { Implies = implies };
    }

    /// <summary>--bn.</summary>
    public static MethodOption BatchNorm { get; } =
        MethodOption.Choice(
            "bn",
            BatchNormPolicy.RetainOnly,
            "Which batches move BatchNorm's running statistics: retain, both, or none with running statistics used throughout (frozen).",
            "ours; the public code lets both move them",
            ("retain", BatchNormPolicy.RetainOnly),
            ("both", BatchNormPolicy.Both),
            ("frozen", BatchNormPolicy.Frozen)
        );

    /// <summary>--epoch-mode.</summary>
    /// <param name="mode">Default.</param>
    /// <param name="source">Where it comes from.</param>
    public static MethodOption EpochMode(EpochMode mode, string source) =>
        MethodOption.Choice(
            "epoch-mode",
            mode,
            "An epoch is as long as the shorter loader (min), or one pass over the retain set with plain retain steps once the "
                + "forget set is exhausted (retain-tail) or with the forget set starting over (retain-cycle).",
            source,
            ("min", Unlearning.EpochMode.MinSize),
            ("retain-tail", Unlearning.EpochMode.RetainLengthPlainTail),
            ("retain-cycle", Unlearning.EpochMode.RetainLengthCycleForget)
        );
}
