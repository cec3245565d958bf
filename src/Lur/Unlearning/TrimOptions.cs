namespace Lur.Unlearning;

/// <summary>Which entries the saliency threshold ranks.</summary>
public enum ThresholdScope
{
    /// <summary>All parameters, as ScissorHands publishes it: whatever part of the top share lies in the eligible layers is
    /// reset.</summary>
    [Choice("global")]
    Global,

    /// <summary>Eligible entries only: exactly the top share of them is reset.</summary>
    [Choice("eligible")]
    Eligible,
}

/// <summary>Options of the trim stage of LUR and ScissorHands.</summary>
[Options]
public sealed partial record TrimOptions : OptionRecord
{
    /// <summary>Sparsity of the trim stage: the share of weights whose saliency stays below the threshold; 0 skips it.</summary>
    [Option("trim", 0.97, Source = "ScissorHands' scripts for CIFAR-10", Least = 0, Below = 1, Range = "in [0, 1); 0 skips trimming")]
    public partial double Sparsity { get; init; }

    /// <summary>Forget batches behind the saliency.</summary>
    [Option("trim-batches", 1, Source = "ScissorHands' scripts", Least = 1)]
    public partial int Batches { get; init; }

    /// <summary>Rank all parameters (global) or the eligible ones only.</summary>
    [Option("trim-scope", ThresholdScope.Global, Source = "ScissorHands' code")]
    public partial ThresholdScope Scope { get; init; }

    /// <summary>Comma-separated parts of names of tensors that trimming may reset; empty: the last two stages and fc (up to ten
    /// classes), else the last stage and fc.</summary>
    [Option("trim-layers", "", Source = "ScissorHands' code")]
    public partial IReadOnlyList<string> Layers { get; init; }

    /// <summary>Rows of a forget batch; a method sets its own.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>Random changes of the images, those the model was trained with; a method sets its own.</summary>
    public bool Augment { get; init; } = true;

    /// <summary>Trims as the public code does: it excludes normalisation by the name 'bn', which misses the shortcuts', and its forget
    /// batches move running statistics. A method sets its own.</summary>
    public bool Compat { get; init; }

    /// <summary>Seed of every draw; a method sets its task's.</summary>
    public ulong Seed { get; init; } = 1;
}
