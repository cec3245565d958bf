using Lur.Training;

namespace Lur.Unlearning;

/// <summary>How the second-order term H_r v of LUR's gradient is obtained (methods 1.6).</summary>
public enum HessianVectorProduct
{
    /// <summary>Tangent passes (R-operator), exact to rounding.</summary>
    [Choice("exact")]
    Exact,

    /// <summary>Central finite difference of two retain gradients.</summary>
    [Choice("fd")]
    FiniteDifference,

    /// <summary>h = 0: first order.</summary>
    [Choice("none")]
    None,
}

/// <summary>Length of an epoch of the repair stage (methods 1.3).</summary>
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

/// <summary>Loss on the forget batch.</summary>
public enum ForgetLoss
{
    /// <summary>-CE with the true labels; unbounded below.</summary>
    [Choice("neg-ce")]
    NegativeCrossEntropy,

    /// <summary>-min(CE, log C + margin) per sample: no gradient once a sample is worse than chance.</summary>
    [Choice("bounded")]
    BoundedNegativeCrossEntropy,

    /// <summary>CE with labels redrawn uniformly among the other classes for every batch.</summary>
    [Choice("random-label")]
    RandomLabel,

    /// <summary>KL(uniform || p).</summary>
    [Choice("uniform-kl")]
    UniformKl,
}

/// <summary>Which entries the saliency threshold ranks (methods 1.2).</summary>
public enum ThresholdScope
{
    /// <summary>All parameters, as ScissorHands publishes it: whatever part of the top share lies in the eligible layers is reset.</summary>
    [Choice("global")]
    Global,

    /// <summary>Eligible entries only: exactly the top share of them is reset.</summary>
    [Choice("eligible")]
    Eligible,
}

/// <summary>Options of LUR, with defaults from the sources named in methods 1.4.</summary>
public sealed record LurOptions
{
    /// <summary>Step of the simulated retain update, theta' = theta - alpha grad L_r.</summary>
    public double Alpha { get; init; } = 0.01;

    /// <summary>Weight of the forget loss (w_u).</summary>
    public double Lambda { get; init; } = 0.05;

    /// <summary>Weight of the retain loss (w_r).</summary>
    public double RetainWeight { get; init; } = 1;

    /// <summary>Learning rate of the outer update; constant.</summary>
    public double LearningRate { get; init; } = 5e-3;

    /// <summary>Momentum of the outer update.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Nesterov momentum in the outer update.</summary>
    public bool Nesterov { get; init; }

    /// <summary>Weight decay of the outer update.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Epochs.</summary>
    public int Epochs { get; init; } = 3;

    /// <summary>Meaning of an epoch.</summary>
    public EpochMode EpochMode { get; init; } = EpochMode.RetainLengthCycleForget;

    /// <summary>Batch size of retain batches.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>Batch size of forget batches; 0 takes <see cref="BatchSize"/>.</summary>
    public int ForgetBatchSize { get; init; }

    /// <summary>Rows of a forget batch.</summary>
    public int ForgetRows => ForgetBatchSize == 0 ? BatchSize : ForgetBatchSize;

    /// <summary>Second-order term.</summary>
    public HessianVectorProduct Hvp { get; init; } = HessianVectorProduct.Exact;

    /// <summary>Relative radius r of the finite difference: eps = r / |v|.</summary>
    public double FiniteDifferenceRadius { get; init; } = 1e-2;

    /// <summary>Which batches move running statistics.</summary>
    public BatchNormPolicy BatchNorm { get; init; } = BatchNormPolicy.RetainOnly;

    /// <summary>Loss on forget batches.</summary>
    public ForgetLoss ForgetLoss { get; init; } = ForgetLoss.NegativeCrossEntropy;

    /// <summary>Margin m of the bounded loss, nats above log C.</summary>
    public double BoundMargin { get; init; }

    /// <summary>Sparsity s of the trim stage: entries below the s-quantile of saliency stay. 0 skips the stage.</summary>
    public double TrimSparsity { get; init; } = 0.97;

    /// <summary>Forget batches whose |gradient| is accumulated for the saliency.</summary>
    public int TrimBatches { get; init; } = 1;

    /// <summary>Which entries are ranked.</summary>
    public ThresholdScope TrimScope { get; init; } = ThresholdScope.Global;

    /// <summary>Parts of names of the tensors that trimming may reset; empty picks the last two stages and the classifier for
    /// at most ten classes, else the last stage and the classifier (methods 1.2).</summary>
    public IReadOnlyList<string> TrimLayers { get; init; } = [];

    /// <summary>Trims as the public code does, see <see cref="CompatTrim"/>; by accident of naming.</summary>
    public bool TrimCompat { get; init; }

    /// <summary>Random changes of the images during repair, those the model was trained with.</summary>
    public bool Augment { get; init; } = true;

    /// <summary>Cap on |alpha g| relative to |theta|; 0 is no cap (methods 1.7).</summary>
    public double LookAheadCap { get; init; }

    /// <summary>Steps between measurements of the forget loss at theta, one more forward pass each; 0 for none.</summary>
    public int ProbeEvery { get; init; }

    /// <summary>Stops after an epoch whose forget batches were right in at most this percentage; below 0 for never. Chance level
    /// for a class, the accuracy on held-out data for random samples (methods 1.7).</summary>
    public double StopAccuracy { get; init; } = -1;

    /// <summary>Rows evaluated at a time; 0 is the whole batch. Below the batch sizes it needs
    /// <see cref="BatchNormPolicy.Frozen"/>.</summary>
    public int MicroBatch { get; init; }

    /// <summary>Evaluate the retain batch again for the Hessian-vector product instead of keeping its activations over the
    /// forget pass.</summary>
    public bool Recompute { get; init; }

    /// <summary>Bytes a step may take on the device, model included; 0 is no limit (see <see cref="LurMemory"/>).</summary>
    public long MaxMemory { get; init; }

    /// <summary>The loss on a forget batch.</summary>
    internal LossSpec ForgetLossSpec(int classes) =>
        ForgetLoss switch
        {
            ForgetLoss.NegativeCrossEntropy => new LossSpec(-1, 0, 0),
            ForgetLoss.BoundedNegativeCrossEntropy => new LossSpec(-1, 0, Math.Max(1e-6, Math.Log(classes) + BoundMargin)),
            ForgetLoss.RandomLabel => LossSpec.CrossEntropy,
            _ => new LossSpec(1, 1, 0),
        };

    /// <summary>Both as one.</summary>
    public BatchSplit Split => new(MicroBatch, Recompute);

    /// <summary>Seed of every draw.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>What --compat does to the trim stage.</summary>
    internal const string CompatTrim =
        "trimming excludes normalisation by the name 'bn', which misses the shortcuts', and its forget batches move running statistics";

    /// <summary>Options of the trim stage beside --compat, which ScissorHands shares.</summary>
    internal static IReadOnlyList<MethodOption> TrimOptions { get; } =
    [
        MethodOption.Number(
            "trim",
            0.97,
            "Sparsity of the trim stage: the share of weights whose saliency stays below the threshold; 0 skips it.",
            "ScissorHands' scripts for CIFAR-10"
        ),
        MethodOption.Integer("trim-batches", 1, "Forget batches behind the saliency.", "ScissorHands' scripts"),
        MethodOption.Choice(
            "trim-scope",
            ThresholdScope.Global,
            "Rank all parameters (global) or the eligible ones only.",
            "ScissorHands' code",
            ("global", ThresholdScope.Global),
            ("eligible", ThresholdScope.Eligible)
        ),
        MethodOption.Text(
            "trim-layers",
            "",
            "Comma-separated parts of names of tensors that trimming may reset; empty: the last two stages and fc (up to ten "
                + "classes), else the last stage and fc.",
            "ScissorHands' code"
        ),
    ];

    /// <summary>The options by name, with defaults and their sources.</summary>
    public static IReadOnlyList<MethodOption> Options { get; } = CreateList(new LurOptions());

    /// <summary>Reads options given by name.</summary>
    public static LurOptions Read(OptionValues v) =>
        ReadTrim(v) with
        {
            Alpha = v.Number("alpha"),
            Lambda = v.Number("lambda"),
            RetainWeight = v.Number("retain-weight"),
            LearningRate = v.Number("lr"),
            Momentum = v.Number("momentum"),
            Nesterov = v.Flag("nesterov"),
            WeightDecay = v.Number("weight-decay"),
            Epochs = v.Integer("epochs"),
            EpochMode = v.Choice<EpochMode>("epoch-mode"),
            BatchSize = v.Integer("batch", 1, 65536),
            ForgetBatchSize = v.Integer("forget-batch", 0, 65536),
            Hvp = v.Choice<HessianVectorProduct>("hvp"),
            FiniteDifferenceRadius = v.Number("fd-radius"),
            BatchNorm = v.Choice<BatchNormPolicy>("bn"),
            ForgetLoss = v.Choice<ForgetLoss>("forget-loss"),
            BoundMargin = v.Number("bound-margin"),
            LookAheadCap = v.Number("look-ahead-cap"),
            ProbeEvery = v.Integer("probe-every"),
            StopAccuracy = v.Number("stop-accuracy"),
            MicroBatch = v.Integer("micro-batch"),
            Recompute = v.Flag("recompute"),
            MaxMemory = LurMemory.ParseBytes(v.Text("max-memory")),
            Augment = !v.Flag("no-augment"),
        };

    /// <summary>Reads the options of the trim stage; defaults for the rest.</summary>
    /// <exception cref="UserErrorException">One is out of range.</exception>
    internal static LurOptions ReadTrim(OptionValues v)
    {
        var options = new LurOptions
        {
            TrimSparsity = v.Number("trim"),
            TrimBatches = v.Integer("trim-batches"),
            TrimScope = v.Choice<ThresholdScope>("trim-scope"),
            TrimLayers = v.List("trim-layers"),
            TrimCompat = v.Flag("compat"),
        };
        options.Validate();
        return options;
    }

    private static MethodOption[] CreateList(LurOptions d) =>
        [
            MethodOption.Number(
                "alpha",
                d.Alpha,
                "Step of the simulated retain update theta' = theta - alpha grad L_r.",
                "re-implementation (ReGUn)"
            ),
            MethodOption.Number("lambda", d.Lambda, "Weight of the forget loss.", "ScissorHands' scripts for the same trimming"),
            MethodOption.Number("retain-weight", d.RetainWeight, "Weight of the retain loss.", "paper's objective"),
            MethodOption.Number("lr", d.LearningRate, "Learning rate; constant.", "ScissorHands' scripts for the same trimming"),
            MethodOption.Number("momentum", d.Momentum, "Momentum of SGD.", "re-implementation (ReGUn)"),
            MethodOption.Flag("nesterov", "Nesterov momentum.", "ours"),
            MethodOption.Number("weight-decay", d.WeightDecay, "Weight decay, on every parameter.", "re-implementation (ReGUn)"),
            MethodOption.Integer("epochs", d.Epochs, "Epochs of the repair stage.", "ours: three passes over the retain set"),
            MethodChoices.EpochMode(d.EpochMode, "ours"),
            MethodOption.Integer("batch", d.BatchSize, "Batch size of retain batches.", "re-implementation (ReGUn)"),
            MethodOption.Integer("forget-batch", d.ForgetBatchSize, "Batch size of forget batches; 0 takes --batch.", "ours"),
            MethodOption.Choice(
                "hvp",
                d.Hvp,
                "Second-order term: exact (tangent passes), fd (central finite difference) or none (first order).",
                "exact: the re-implementation differentiates through the inner step",
                ("exact", HessianVectorProduct.Exact),
                ("fd", HessianVectorProduct.FiniteDifference),
                ("none", HessianVectorProduct.None)
            ),
            MethodOption.Number(
                "fd-radius",
                d.FiniteDifferenceRadius,
                "Radius r of the finite difference, eps = r / |v|.",
                "DARTS (Liu et al. 2019)"
            ),
            MethodChoices.BatchNorm,
            MethodOption.Choice(
                "forget-loss",
                d.ForgetLoss,
                "Loss on forget batches: -CE, -CE without gradient beyond chance level (bounded), CE with labels redrawn among "
                    + "the other classes, or KL to the uniform distribution.",
                "re-implementation (ReGUn)",
                ("neg-ce", ForgetLoss.NegativeCrossEntropy),
                ("bounded", ForgetLoss.BoundedNegativeCrossEntropy),
                ("random-label", ForgetLoss.RandomLabel),
                ("uniform-kl", ForgetLoss.UniformKl)
            ),
            MethodOption.Number("bound-margin", d.BoundMargin, "Margin of the bounded loss above log(classes), nats.", "ours"),
            MethodOption.Number("look-ahead-cap", d.LookAheadCap, "Cap |alpha g| at this share of |theta|; 0 is no cap.", "ours"),
            MethodOption.Flag(
                "no-augment",
                "No random changes of the images; without it, those the model was trained with (crop and flip, unless lur "
                    + "train says otherwise).",
                "ours"
            ),
            MethodOption.Integer(
                "probe-every",
                d.ProbeEvery,
                "Measure the forget loss at theta, before the look-ahead, every N steps (one more forward pass); 0 never.",
                "ours"
            ),
            MethodOption.Number(
                "stop-accuracy",
                d.StopAccuracy,
                "Stop after an epoch whose forget batches were right in at most this percentage: chance level for a class, "
                    + "held-out accuracy for random samples; below 0 never.",
                "ours"
            ),
            MethodOption.Integer(
                "micro-batch",
                d.MicroBatch,
                "Rows evaluated at a time, with the same result and less memory; 0 is the whole batch. Needs --bn frozen.",
                "ours"
            ),
            MethodOption.Flag(
                "recompute",
                "Evaluate the retain batch again for the Hessian-vector product instead of keeping its activations: less "
                    + "memory, one more gradient a step.",
                "ours"
            ),
            MethodOption.Text(
                "max-memory",
                "",
                "Largest memory of a step on the device, model included (e.g. 500MB, 2GiB); met by recomputing and, with --bn "
                    + "frozen, by splitting batches.",
                "ours"
            ),
            .. TrimOptions,
            MethodChoices.Compat(CompatTrim, ("bn", "both"), ("epoch-mode", "min")),
        ];

    /// <summary>Refuses values that make no sense.</summary>
    /// <exception cref="UserErrorException">An option is out of range; names it and its range.</exception>
    public void Validate()
    {
        Require(Alpha >= 0 && double.IsFinite(Alpha), "alpha", "at least 0", Alpha);
        Require(Lambda >= 0 && double.IsFinite(Lambda), "lambda", "at least 0", Lambda);
        Require(RetainWeight >= 0 && double.IsFinite(RetainWeight), "retain-weight", "at least 0", RetainWeight);
        Require(RetainWeight > 0 || Lambda > 0, "retain-weight", "above 0 when lambda is 0", RetainWeight);
        Require(LearningRate > 0 && double.IsFinite(LearningRate), "lr", "above 0", LearningRate);
        Require(Momentum is >= 0 and < 1, "momentum", "in [0, 1)", Momentum);
        Require(WeightDecay >= 0 && double.IsFinite(WeightDecay), "weight-decay", "at least 0", WeightDecay);
        Require(Epochs >= 0, "epochs", "at least 0", Epochs);
        Require(BatchSize is >= 1 and <= 65536, "batch", "from 1 to 65536", BatchSize);
        Require(ForgetBatchSize is >= 0 and <= 65536, "forget-batch", "from 1 to 65536, or 0 for the retain batch size", ForgetBatchSize);
        Require(TrimSparsity is >= 0 and < 1, "trim", "in [0, 1); 0 skips trimming", TrimSparsity);
        Require(TrimBatches >= 1, "trim-batches", "at least 1", TrimBatches);
        Require(FiniteDifferenceRadius > 0 && double.IsFinite(FiniteDifferenceRadius), "fd-radius", "above 0", FiniteDifferenceRadius);
        Require(LookAheadCap >= 0, "look-ahead-cap", "at least 0", LookAheadCap);
        Require(MicroBatch >= 0, "micro-batch", "at least 1, or 0 for whole batches", MicroBatch);
        if (Split.Splits(Math.Max(BatchSize, ForgetBatchSize)) && BatchNorm != BatchNormPolicy.Frozen)
        {
            throw new UserErrorException(
                $"Option --micro-batch {MicroBatch} splits a batch whose own statistics normalise it, which would change the "
                    + $"loss; add --bn frozen, or save memory with --recompute."
            );
        }

        Require(double.IsFinite(BoundMargin), "bound-margin", "finite", BoundMargin);
    }

    private static void Require(bool condition, string option, string range, double value)
    {
        if (!condition)
            throw new UserErrorException(FormattableString.Invariant($"Option --{option} is {value}; it must be {range}."));
    }
}
