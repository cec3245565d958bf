using Lur.Models;
using Lur.Optimizers;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>What turns a gradient into a change of the weights.</summary>
public enum OuterOptimizer
{
    /// <summary>Adam (Kingma, Ba 2015).</summary>
    [Choice("adam")]
    Adam,

    /// <summary>Gradient descent with momentum.</summary>
    [Choice("sgd")]
    Sgd,
}

/// <summary>Options of the loop that the methods for diffusion models share. A run is counted in steps, as in the public code.</summary>
[Options]
public partial record DiffusionOptions : OptionRecord
{
    internal const string SalUnCode = "public code of SalUn for DDPM";

    /// <summary>Learning rate.</summary>
    [Option("lr", Above = 0)]
    public partial double LearningRate { get; init; }

    /// <summary>Steps.</summary>
    [Option("steps", 500, Source = "ours: half of SalUn's for DDPM", Least = 0)]
    public partial int Steps { get; init; }

    /// <summary>Batch size, of retain and of forget batches.</summary>
    [Option("batch", 64, Source = "ours: as lur train", Least = 1, Most = 65536)]
    public partial int BatchSize { get; init; }

    /// <summary>Outer optimiser: adam or sgd.</summary>
    [Option("optimizer", OuterOptimizer.Adam, Source = SalUnCode)]
    public partial OuterOptimizer Optimizer { get; init; }

    /// <summary>Learning-rate schedule: constant, cosine, onecycle, or multistep:91,136/182.</summary>
    [Option("schedule", "constant", Source = SalUnCode)]
    public partial string Schedule { get; init; }

    /// <summary>Momentum of SGD, decay of Adam's first moment.</summary>
    [Option("momentum", 0.9, Source = SalUnCode, Least = 0, Below = 1)]
    public partial double Momentum { get; init; }

    /// <summary>Decay of Adam's second moment.</summary>
    [Option("beta2", 0.999, Source = SalUnCode, Least = 0, Below = 1)]
    public partial double Beta2 { get; init; }

    /// <summary>Weight decay, added to the gradient.</summary>
    [Option("weight-decay", 0, Source = SalUnCode, Least = 0)]
    public partial double WeightDecay { get; init; }

    /// <summary>Largest norm of the whole gradient of a step, before a mask; 0 for any.</summary>
    [Option("clip", 1, Source = SalUnCode, Least = 0)]
    public partial double LargestNorm { get; init; }

    /// <summary>Weights that are trained, the others keep their bits: all, attention, up, of models with prompts also xattn, xattn-strict,
    /// selfattn, attn, noxattn, esd-u, or parts of tensors' names.</summary>
    [Option("train", UNetPart.All, Source = SalUnCode)]
    public partial IReadOnlyList<string> Part { get; init; }

    /// <summary>What takes the place of the forgotten words in a prompt, where a loss compares with another one; empty: the next prompt
    /// that is kept.</summary>
    [Option("anchor", "", Source = "ours; the anchor concept of Kumari et al. 2023")]
    public partial string Anchor { get; init; }

    /// <summary>Which tensors the network of a run is to train, so that its vectors are as long as they; null: all. Methods that rank
    /// all weights, or measure their length, need vectors of all, and mask them.</summary>
    internal virtual Func<string, bool>? Trained => UNetPart.IsAll(Part) ? null : name => UNetPart.Holds(Part, name);

    /// <summary>Seed of every draw; a method takes its task's.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Makes the optimiser.</summary>
    internal Optimizer ToOptimizer(FlatVector parameters) =>
        Optimizer == OuterOptimizer.Adam
            ? new Adam(parameters, new AdamOptions(LearningRate, Momentum, Beta2, WeightDecay: WeightDecay))
            : new Sgd(parameters, new SgdOptions(LearningRate, Momentum, WeightDecay));

    partial void Check() => _ = LearningRateSchedule.Parse(Schedule);
}

/// <summary>Options of the trim stage of a diffusion model.</summary>
[Options]
public sealed partial record DiffusionTrimOptions : OptionRecord
{
    /// <summary>Sparsity of the trim stage: the share of weights whose saliency stays below the threshold; 0 skips it.</summary>
    [Option("trim", 0, Source = "ours: none", Least = 0, Below = 1, Range = "in [0, 1); 0 skips trimming")]
    public partial double Sparsity { get; init; }

    /// <summary>Forget batches behind the saliency.</summary>
    [Option("trim-batches", 10, Source = "ScissorHands' scripts for Stable Diffusion", Least = 1)]
    public partial int Batches { get; init; }

    /// <summary>Rank all parameters (global) or the eligible ones only.</summary>
    [Option("trim-scope", ThresholdScope.Global, Source = "ScissorHands' code")]
    public partial ThresholdScope Scope { get; init; }

    /// <summary>Comma-separated parts of names of tensors that trimming may reset; empty: the attentions on the way up.</summary>
    [Option("trim-layers", "", Source = "ours: what ScissorHands' code resets of Stable Diffusion, carried over")]
    public partial IReadOnlyList<string> Layers { get; init; }

    /// <summary>The stage: images as they are, nothing dropped.</summary>
    /// <param name="options">Give batch size and seed.</param>
    internal TrimOptions Stage(DiffusionOptions options) =>
        new()
        {
            Sparsity = Sparsity,
            Batches = Batches,
            Scope = Scope,
            Layers = Layers,
            BatchSize = options.BatchSize,
            Augment = false,
            Seed = options.Seed,
        };
}
