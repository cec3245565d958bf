using Lur.Steps;
using Lur.Tasks;
using Lur.Tasks.Classification;

namespace Lur.Unlearning;

/// <summary>Length of an epoch of the repair stage.</summary>
public enum EpochMode
{
    /// <summary>As many steps as the shorter of the two loaders has batches.</summary>
    [Choice("min")]
    MinSize,

    /// <summary>One pass over the retain set; after the forget set is exhausted, plain retain steps.</summary>
    [Choice("retain-tail")]
    RetainLengthPlainTail,

    /// <summary>One pass over the retain set; the forget set starts over when exhausted.</summary>
    [Choice("retain-cycle")]
    RetainLengthCycleForget,
}

/// <summary>Which batches move BatchNorm's running statistics.</summary>
public enum BatchNormPolicy
{
    /// <summary>Batch statistics everywhere; only retain batches update the running statistics.</summary>
    [Choice("retain")]
    RetainOnly,

    /// <summary>Batch statistics everywhere; retain and forget batches both update (the published re-implementation).</summary>
    [Choice("both")]
    Both,

    /// <summary>Running statistics everywhere; never updated.</summary>
    [Choice("frozen")]
    Frozen,
}

/// <summary>Options of LUR, with defaults from the sources named beside them.</summary>
[Options]
public sealed partial record LurOptions : OptionRecord
{
    private const string Reimplementation = "re-implementation (ReGUn)",
        Scripts = "ScissorHands' scripts for the same trimming";

    /// <summary>Step of the simulated retain update theta' = theta - alpha grad L_r.</summary>
    [Option("alpha", 0.01, Source = Reimplementation, Least = 0)]
    public partial double Alpha { get; init; }

    /// <summary>Weight of the forget loss.</summary>
    [Option("lambda", 0.05, Source = Scripts, Least = 0)]
    public partial double Lambda { get; init; }

    /// <summary>Weight of the retain loss.</summary>
    [Option("retain-weight", 1, Source = "paper's objective", Least = 0)]
    public partial double RetainWeight { get; init; }

    /// <summary>Learning rate; constant.</summary>
    [Option("lr", 5e-3, Source = Scripts, Above = 0)]
    public partial double LearningRate { get; init; }

    /// <summary>Momentum of SGD.</summary>
    [Option("momentum", 0.9, Source = Reimplementation, Least = 0, Below = 1)]
    public partial double Momentum { get; init; }

    /// <summary>Nesterov momentum.</summary>
    [Option("nesterov", false, Source = "ours")]
    public partial bool Nesterov { get; init; }

    /// <summary>Weight decay, on every parameter.</summary>
    [Option("weight-decay", 0, Source = Reimplementation, Least = 0)]
    public partial double WeightDecay { get; init; }

    /// <summary>Epochs of the repair stage.</summary>
    [Option("epochs", 3, Source = "ours: three passes over the retain set", Least = 0)]
    public partial int Epochs { get; init; }

    /// <summary>Length of an epoch.</summary>
    [Option("epoch-mode", EpochMode.RetainLengthCycleForget, Source = "ours", Description = OptionHelp.EpochMode)]
    public partial EpochMode EpochMode { get; init; }

    /// <summary>Batch size of retain batches.</summary>
    [Option("batch", 128, Source = Reimplementation, Least = 1, Most = 65536)]
    public partial int BatchSize { get; init; }

    /// <summary>Batch size of forget batches; 0 takes <see cref="BatchSize"/>.</summary>
    [Option("forget-batch", 0, Source = "ours", Least = 0, Most = 65536, Range = OptionHelp.ForgetBatchRange)]
    public partial int ForgetBatchSize { get; init; }

    /// <summary>Second-order term: exact (tangent passes), fd (central finite difference) or none (first order).</summary>
    [Option("hvp", HessianVectorProduct.Exact, Source = "exact: the re-implementation differentiates through the inner step")]
    public partial HessianVectorProduct Hvp { get; init; }

    /// <summary>Radius r of the finite difference, eps = r / |v|.</summary>
    [Option("fd-radius", 1e-2, Source = "DARTS (Liu et al. 2019)", Above = 0)]
    public partial double FiniteDifferenceRadius { get; init; }

    /// <summary>Which batches move BatchNorm's running statistics: retain, both, or none with running statistics used throughout
    /// (frozen).</summary>
    [Option("bn", BatchNormPolicy.RetainOnly, Source = "ours; the public code lets both move them")]
    public partial BatchNormPolicy BatchNorm { get; init; }

    /// <summary>Loss on forget batches: -CE, -CE without gradient beyond chance level (bounded), CE with labels redrawn among the
    /// other classes, or KL to the uniform distribution.</summary>
    [Option("forget-loss", ForgetLoss.NegativeCrossEntropy, Source = Reimplementation)]
    public partial ForgetLoss ForgetLoss { get; init; }

    /// <summary>Margin of the bounded loss above log(classes), nats.</summary>
    [Option("bound-margin", 0, Source = "ours")]
    public partial double BoundMargin { get; init; }

    /// <summary>Cap |alpha g| at this share of |theta|; 0 is no cap.</summary>
    [Option("look-ahead-cap", 0, Source = "ours", Least = 0)]
    public partial double LookAheadCap { get; init; }

    /// <summary>Random changes of the images during repair, those the model was trained with.</summary>
    [Option("no-augment", true, Source = "ours", Description = OptionHelp.NoAugment)]
    public partial bool Augment { get; init; }

    /// <summary>Measure the forget loss at theta, before the look-ahead, every N steps (one more forward pass); 0 never.</summary>
    [Option("probe-every", 0, Source = "ours", Least = 0)]
    public partial int ProbeEvery { get; init; }

    /// <summary>Stop after an epoch whose forget batches were right in at most this percentage: chance level for a class, held-out
    /// accuracy for random samples; below 0 never.</summary>
    [Option("stop-accuracy", -1, Source = "ours")]
    public partial double StopAccuracy { get; init; }

    /// <summary>Rows evaluated at a time, with the same result and less memory; 0 is the whole batch. Needs <see cref="BatchNorm"/>
    /// frozen.</summary>
    [Option("micro-batch", 0, Source = "ours", Least = 0, Range = "at least 1, or 0 for whole batches")]
    public partial int MicroBatch { get; init; }

    /// <summary>Evaluate the retain batch again for the Hessian-vector product instead of keeping its activations: less memory, one
    /// more gradient a step.</summary>
    [Option("recompute", false, Source = "ours")]
    public partial bool Recompute { get; init; }

    /// <summary>Largest memory of a step on the device, model included (e.g. 500MB, 2GiB); met by recomputing and, with
    /// <see cref="BatchNorm"/> frozen, by splitting batches.</summary>
    [Option("max-memory", "", Source = "ours")]
    public partial ByteSize MaxMemory { get; init; }

    /// <summary>The trim stage.</summary>
    [OptionGroup]
    public TrimOptions Trim { get; init; } = new();

    /// <summary>Do as the public code where numbers depend on it: trimming excludes normalisation by the name 'bn', which misses the
    /// shortcuts', and its forget batches move running statistics.</summary>
    [Option("compat", false, Source = "ours")]
    [Implies(nameof(BatchNorm), BatchNormPolicy.Both)]
    [Implies(nameof(EpochMode), EpochMode.MinSize)]
    public partial bool Compat { get; init; }

    /// <summary>Seed of every draw; a method takes its task's.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Rows of a forget batch.</summary>
    public int ForgetRows => ForgetBatchSize == 0 ? BatchSize : ForgetBatchSize;

    /// <summary>How batches are evaluated.</summary>
    public BatchSplit Split => new(MicroBatch, Recompute);

    /// <summary>Options of the trim stage with what it takes from the rest.</summary>
    internal TrimOptions TrimStage => Trim with { BatchSize = ForgetRows, Augment = Augment, Compat = Compat, Seed = Seed };

    /// <summary>The loss on a forget batch.</summary>
    internal LossFactory ForgetLossOf(LearningTask task) =>
        task is ClassificationTask classification ? classification.Forget(ForgetLoss, BoundMargin) : task.Ascent;

    partial void Check()
    {
        if (RetainWeight == 0 && Lambda == 0)
            throw Refusal($"[RetainWeight] is 0; it must be above 0 when [Lambda] is 0.");
        if (MaxMemory.Bytes < 0)
            throw Refusal($"[MaxMemory] is {MaxMemory.Bytes}; it must be at least 0.");
        if (Split.Splits(Math.Max(BatchSize, ForgetBatchSize)) && BatchNorm != BatchNormPolicy.Frozen)
        {
            throw Refusal(
                $"[MicroBatch] {MicroBatch} splits a batch whose own statistics normalise it, which would change the loss; add "
                    + $"[BatchNorm] frozen, or save memory with [Recompute]."
            );
        }
    }
}
