using Lur.Checkpoints;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>Options of <see cref="DiffusionSalUn"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 1e-4, Source = SalUnCode)]
public sealed partial record DiffusionSalUnOptions : DiffusionRelabelOptions
{
    /// <summary>Share of the weights that may move.</summary>
    [Option("mask-ratio", 0.5, Source = SalUnCode, Above = 0, Most = 1)]
    public partial double MaskRatio { get; init; }

    /// <summary>Do as the public code where numbers depend on it: the gradient alone is masked, and weight decay moves masked-out
    /// weights.</summary>
    [Option("compat", false, Source = "ours")]
    public partial bool Compat { get; init; }

    /// <inheritdoc/>
    internal override Func<string, bool>? Trained => null;
}

/// <summary>SalUn for diffusion models: relabelling on the weights that the forget loss's gradient is largest in.</summary>
public sealed class DiffusionSalUn : DiffusionRelabel
{
    private readonly UpdateRule _rule;
    private readonly DiffusionSalUnOptions _options;
    private readonly FlatVector _anchor;

    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public DiffusionSalUn(UnlearningTask task, DiffusionSalUnOptions options)
        : this(task, options.Validated(), RuleOf(task, options)) { }

    private DiffusionSalUn(UnlearningTask task, DiffusionSalUnOptions options, UpdateRule rule)
        : base(task, options, rule)
    {
        using var construction = Construct();
        (_rule, _options) = (rule, options with { Seed = task.Seed });
        Own(rule.Mask!);
        _anchor = Loop.Frozen();
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static new MethodDefinition Definition { get; } =
        MethodDefinition.Create<DiffusionSalUnOptions>(
            "salun",
            "SalUn",
            "Draws what the model gives for a class to be forgotten to what it gives for the next class that is kept, on the share of "
                + "the weights that the gradient of the forget loss is largest in; the other weights stay.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Fan et al., \"SalUn\", ICLR 2024, and its public code for DDPM",
            "The saliency is that of the loss itself and not of its guided form. Masked-out weights are frozen; --compat masks the "
                + "gradient alone, which is the same without weight decay. Forget batches keep their class and the target drops nothing; "
                + "both losses are means over elements. The saliency pass tops up its last batch.",
            (task, options) => new DiffusionSalUn(task, options),
            MethodTask.Diffusion
        );

    /// <inheritdoc/>
    public override IReadOnlyList<Preparation> Preparations => [new Preparation("saliency", FillMask)];

    /// <inheritdoc/>
    public override long VectorBytes => base.VectorBytes + _rule.Mask!.Bytes;

    /// <summary>Checks that masked-out weights have the bits they had at the start.</summary>
    /// <exception cref="InvalidOperationException">One has not: a defect.</exception>
    public override void Finish()
    {
        if (_rule.MaskGradientOnly)
            return;
        var moved = SaliencyMask.CountMoved(Model.Parameters, _anchor, _rule.Mask!);
        if (moved > 0)
            throw new InvalidOperationException($"{moved} masked-out weights have moved.");
    }

    /// <inheritdoc/>
    public override void Save(TrainingState state)
    {
        base.Save(state);
        state.SetArray("mask", _rule.Mask!.ToArray());
    }

    /// <inheritdoc/>
    public override void Restore(TrainingState state)
    {
        base.Restore(state);
        _rule.Mask!.Set(state.GetArray<byte>("mask", _rule.Mask.Count));
    }

    private static UpdateRule RuleOf(UnlearningTask task, DiffusionSalUnOptions options) =>
        new() { Mask = new ParameterMask(task.Model.Device, task.Model.Parameters.Layout), MaskGradientOnly = options.Compat };

    private PreparationReport FillMask()
    {
        using var feed = new BatchFeed(
            Task.Data,
            Task.Set.Forget,
            _options.BatchSize,
            RandomStream.StreamOf("order/saliency", (long)_options.Seed)
        );
        var pass = new SaliencyPass(_options.BatchSize, Augment: false, _options.Seed, LargestNorm: 1);
        var fill = Task.Counted("saliency", feed.BatchesPerEpoch, feed.Fill);
        var report = SaliencyMask.Fill(Model, _rule.Mask!, _options.MaskRatio, pass, feed.BatchesPerEpoch, fill);
        Loop.Restrict(_rule.Mask!);
        return report.ToPreparation();
    }
}
