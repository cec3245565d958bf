using Lur.Tasks.Diffusion;

namespace Lur.Unlearning;

/// <summary>Options of <see cref="DiffusionScissorHands"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 2e-5, Source = Scripts)]
public sealed partial record DiffusionScissorHandsOptions : DiffusionOptions
{
    private const string Scripts = "ScissorHands' scripts for Stable Diffusion";

    /// <inheritdoc/>
    internal override Func<string, bool>? Trained => null;

    /// <summary>Weight of the forget loss.</summary>
    [Option("lambda", 0.1, Source = Scripts, Least = 0)]
    public partial double Lambda { get; init; }

    /// <summary>Loss on forget batches: the denoising loss ascended (neg), the distance from what the model as it is gives for the next
    /// class that is kept (reassign) or for none (null), or the denoising loss on uniform noise (uniform).</summary>
    [Option("forget-loss", DiffusionForgetLoss.Negative, Source = "ScissorHands' code for classes; reassign in that for concepts")]
    public partial DiffusionForgetLoss ForgetLoss { get; init; }

    /// <summary>Sparsity of the trim stage: the share of weights whose saliency stays below the threshold; 0 skips it.</summary>
    [Option("trim", 0.999, Source = Scripts, Least = 0, Below = 1, Range = "in [0, 1); 0 skips trimming")]
    public partial double Sparsity { get; init; }

    /// <summary>Forget batches behind the saliency.</summary>
    [Option("trim-batches", 10, Source = Scripts, Least = 1)]
    public partial int TrimBatches { get; init; }

    /// <summary>Rank all parameters (global) or the eligible ones only.</summary>
    [Option("trim-scope", ThresholdScope.Global, Source = "ScissorHands' code")]
    public partial ThresholdScope TrimScope { get; init; }

    /// <summary>Comma-separated parts of names of tensors that trimming may reset; empty: the attentions on the way up.</summary>
    [Option("trim-layers", "", Source = "ours: what ScissorHands' code resets of Stable Diffusion, carried over")]
    public partial IReadOnlyList<string> TrimLayers { get; init; }

    /// <summary>The trim stage.</summary>
    internal TrimOptions Stage =>
        new DiffusionTrimOptions
        {
            Sparsity = Sparsity,
            Batches = TrimBatches,
            Scope = TrimScope,
            Layers = TrimLayers,
        }.Stage(this);
}

/// <summary>ScissorHands for diffusion models: trims the weights that the forget data depends on, then joint steps.</summary>
public sealed class DiffusionScissorHands : DiffusionMethod
{
    private readonly DiffusionScissorHandsOptions _options;

    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public DiffusionScissorHands(UnlearningTask task, DiffusionScissorHandsOptions options)
        : base(task)
    {
        using var construction = Construct();
        _options = options = options.Validated() with { Seed = task.Seed };
        var loop = Begin(options);
        var (retain, forget) = (loop.Retain(), loop.Forget());
        var loss = loop.ForgetLoss(options.ForgetLoss, () => Model.Parameters, Replacements);
        SetSteps(options.Steps, loop.Joint(retain, forget, (1, options.Lambda), loss), forget);
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<DiffusionScissorHandsOptions>(
            "scissorhands",
            "ScissorHands",
            "Trims the weights that the forget data depends on, then descends the retain loss and ascends the forget loss, or reassigns "
                + "the class.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Wu, Harandi, \"Scissorhands\", ECCV 2024, and its public code for Stable Diffusion (shs_cls.py, shs_nsfw.py)",
            "The public code is for Stable Diffusion: its trimming of late self-attentions is carried over to the attentions on the way "
                + "up, with the saliency of the loss itself and not of its guided form, and weights start anew from U(-b, b), "
                + "b = 1/sqrt(fan in). Nothing is projected, as in that code, whose switch for it does nothing.",
            (task, options) => new DiffusionScissorHands(task, options),
            MethodTask.Diffusion
        );

    /// <inheritdoc/>
    public override IReadOnlyList<Preparation> Preparations => Trim.Preparations(Task, _options.Stage);
}
