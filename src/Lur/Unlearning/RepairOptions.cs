using Lur.Layers;
using Lur.Optimizers;
using Lur.Steps;

namespace Lur.Unlearning;

/// <summary>Options of the SGD loop that most methods share.</summary>
[Options]
public partial record RepairOptions : OptionRecord
{
    /// <summary>Learning rate.</summary>
    [Option("lr", Above = 0)]
    public partial double LearningRate { get; init; }

    /// <summary>Epochs.</summary>
    [Option("epochs", Least = 0)]
    public partial int Epochs { get; init; }

    /// <summary>Batch size.</summary>
    [Option("batch", 256, Source = "public code of ScissorHands and SalUn", Least = 1, Most = 65536)]
    public partial int BatchSize { get; init; }

    /// <summary>Learning-rate schedule: constant, cosine, onecycle, or multistep:91,136/182.</summary>
    [Option("schedule", "constant", Source = "the public code's drops lie beyond the epochs it runs")]
    public partial string Schedule { get; init; }

    /// <summary>Momentum of SGD.</summary>
    [Option("momentum", 0.9, Source = "public code of ScissorHands and SalUn", Least = 0, Below = 1)]
    public partial double Momentum { get; init; }

    /// <summary>Nesterov momentum.</summary>
    [Option("nesterov", false, Source = "ours")]
    public partial bool Nesterov { get; init; }

    /// <summary>Weight decay, on every parameter.</summary>
    [Option("weight-decay", 5e-4, Source = "public code of ScissorHands and SalUn", Least = 0)]
    public partial double WeightDecay { get; init; }

    /// <summary>Which batches move BatchNorm's running statistics: retain, both, or none with running statistics used throughout
    /// (frozen).</summary>
    [Option("bn", BatchNormPolicy.RetainOnly, Source = "ours; the public code lets both move them")]
    public partial BatchNormPolicy BatchNorm { get; init; }

    /// <summary>Random changes of the images, those the model was trained with.</summary>
    [Option("no-augment", true, Source = "ours", Description = OptionHelp.NoAugment)]
    public partial bool Augment { get; init; }

    /// <summary>Seed of every draw.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Normalisation of a pass over a retain batch.</summary>
    public NormalizationMode RetainMode => BatchNorm.RetainMode();

    /// <summary>Normalisation of a pass over a forget batch.</summary>
    public NormalizationMode ForgetMode => BatchNorm.ForgetMode();

    /// <summary>How a step with these options is made.</summary>
    /// <param name="name">Prefix of buffer names.</param>
    internal StepOptions ToStep(string name) => new() { Name = name, Schedule = Schedule };

    /// <summary>The numbers of the optimiser.</summary>
    internal SgdOptions ToSgd() => new(LearningRate, Momentum, WeightDecay, Nesterov);

    partial void Check() => _ = LearningRateSchedule.Parse(Schedule);
}

/// <summary>Texts that several records of options share.</summary>
internal static class OptionHelp
{
    public const string NoAugment =
        "No random changes of the images; without it, those the model was trained with (crop and flip, unless lur train says otherwise).";

    public const string EpochMode =
        "An epoch is as long as the shorter loader (min), or one pass over the retain set with plain retain steps once the forget set "
        + "is exhausted (retain-tail) or with the forget set starting over (retain-cycle).";

    public const string ForgetBatchRange = "from 1 to 65536, or 0 for the retain batch size";
}
