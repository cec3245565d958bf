using Lur.Checkpoints;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tasks.Classification;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>Options of <see cref="SalUn"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 0.013, Source = Readme)]
[OptionDefault(nameof(Epochs), 10, Source = Readme)]
public sealed partial record SalUnOptions : RelabelOptions
{
    private const string Readme = "README of SalUn for 10 % of CIFAR-10";

    /// <summary>Share of the weights that may move.</summary>
    [Option(
        "mask-ratio",
        0.5,
        Source = "README of SalUn; ScissorHands' scripts take 0.5, 0.4 and 0.2 for 10, 20 and 50 % of CIFAR-10",
        Above = 0,
        Most = 1,
        Before = nameof(Draw)
    )]
    public partial double MaskRatio { get; init; }

    /// <summary>Do as the public code where numbers depend on it: the gradient alone is masked, and weight decay and momentum move
    /// masked-out weights, as before February 2026.</summary>
    [Option("compat", false, Source = "ours")]
    [Implies(nameof(Draw), LabelDraw.Any)]
    [Implies(nameof(BatchNorm), BatchNormPolicy.Both)]
    public partial bool Compat { get; init; }
}

/// <summary>SalUn: random labelling on the weights that the forget loss's gradient is largest in.</summary>
public sealed class SalUn : RandomLabel
{
    private readonly UpdateRule _rule;
    private readonly SalUnOptions _options;
    private readonly FlatVector _anchor;

    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public SalUn(UnlearningTask task, SalUnOptions options)
        : this(task, options.Validated(), RuleOf(task, options)) { }

    private SalUn(UnlearningTask task, SalUnOptions options, UpdateRule rule)
        : base(task, options, _ => rule)
    {
        using var construction = Construct();
        (_rule, _options) = (rule, options with { Seed = task.Seed });
        Own(rule.Mask!);
        _anchor = StateVector("original parameters");
        _anchor.CopyFrom(Model.Parameters);
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static new MethodDefinition Definition { get; } =
        MethodDefinition.Create<SalUnOptions>(
            "salun",
            "SalUn",
            "Random labelling on the share of the weights that the gradient of the forget loss is largest in; the other weights stay.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Fan et al., \"SalUn\", ICLR 2024, and its public code (generate_mask.py, RL.py)",
            "Masked-out weights and their momentum are frozen, as in the public code since February 2026; the published "
                + "numbers are older. Labels are drawn among the other classes; forget batches do not move running statistics. "
                + "--compat does all of it the public code's way. Ties in the ranking go to the lower index, and the saliency pass "
                + "tops up its last batch instead of running a shorter one.",
            (task, options) => new SalUn(task, options)
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

    private static UpdateRule RuleOf(UnlearningTask task, SalUnOptions options) =>
        new() { Mask = new ParameterMask(task.Model.Device, task.Model.Parameters.Layout), MaskGradientOnly = options.Compat };

    private PreparationReport FillMask()
    {
        using var feed = new BatchFeed(
            Task.Data,
            Task.Set.Forget,
            _options.BatchSize,
            RandomStream.StreamOf("order/saliency", (long)_options.Seed)
        );
        return SaliencyMask
            .Fill(
                Model,
                _rule.Mask!,
                _options.MaskRatio,
                SaliencyPass.Of(_options),
                feed.BatchesPerEpoch,
                Task.Counted("saliency", feed.BatchesPerEpoch, feed.Fill)
            )
            .ToPreparation();
    }
}
