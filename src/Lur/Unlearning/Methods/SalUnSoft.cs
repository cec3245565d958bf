using Lur.Checkpoints;
using Lur.Steps;
using Lur.Tasks.Classification;

namespace Lur.Unlearning;

/// <summary>Options of <see cref="SalUnSoft"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 0.1, Source = Scripts)]
[OptionDefault(nameof(Epochs), 10, Source = Scripts)]
[OptionDefault(nameof(Mode), RelabelMode.Concat, Source = "public code of SalUn for CIFAR; batch for SVHN")]
public sealed partial record SalUnSoftOptions : RelabelOptions
{
    private const string Scripts = "ScissorHands' scripts and SalUn's README";

    /// <summary>Share of the weights that a step at the start of the run leaves where they were.</summary>
    [Option("mask-ratio", 0.5, Source = "ours: the public code has no default", Least = 0, Most = 1, Before = nameof(Draw))]
    public partial double MaskRatio { get; init; }

    /// <summary>Do as the public code where numbers depend on it.</summary>
    [Option("compat", false, Source = "ours")]
    [Implies(nameof(Draw), LabelDraw.Any)]
    [Implies(nameof(BatchNorm), BatchNormPolicy.Both)]
    public partial bool Compat { get; init; }
}

/// <summary>SalUn-soft: random labelling with the weights pulled back, after every step, to where the epoch began, by a
/// threshold that lets more of them move as the run goes on.</summary>
public sealed class SalUnSoft : RandomLabel
{
    private readonly ProximalPull _pull;
    private readonly SalUnSoftOptions _options;

    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public SalUnSoft(UnlearningTask task, SalUnSoftOptions options)
        : this(task, options.Validated(), new ProximalPull[1]) { }

    // The pull is made while the base is, so that a constructor that throws frees it.
    private SalUnSoft(UnlearningTask task, SalUnSoftOptions options, ProximalPull[] pull)
        : base(
            task,
            options,
            method =>
            {
                pull[0] = method.Own(new ProximalPull(method.Model));
                return new UpdateRule { After = pull[0].Record };
            }
        ) => (_options, _pull) = (options, pull[0]);

    /// <summary>How the method is listed.</summary>
    public static new MethodDefinition Definition { get; } =
        MethodDefinition.Create<SalUnSoftOptions>(
            "salun-soft",
            "SalUn-soft",
            "Random labelling; after every step the weights are soft-thresholded towards their values at the start of the "
                + "epoch, by a threshold that falls over the run.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Fan et al., \"SalUn\", ICLR 2024, and its public code (RL_pro.py)",
            "Where no weight is left to pull back the step stands (the public code stops with an error). With --relabel batch "
                + "the threshold falls with every step; the public code counts the forget and retain batches of an epoch from 0 "
                + "each. Labels are drawn among the other classes; forget batches, where they are apart, do not move running "
                + "statistics; --compat does both the public code's way.",
            (task, options) => new SalUnSoft(task, options)
        );

    /// <inheritdoc/>
    public override long VectorBytes => base.VectorBytes + _pull.Bytes;

    /// <summary>Number of weights pulled back to the anchor in a step: int(ratio N remaining share of the steps).</summary>
    internal static long RankOf(long index, long stepsPerEpoch, long steps, double ratio, int count, RelabelMode mode)
    {
        // The share changes once an epoch where the sets are mixed, as in the public code.
        var done = (mode == RelabelMode.Concat ? index / stepsPerEpoch * stepsPerEpoch : index) + 1;
        return (long)(ratio * ((double)(steps - done) / steps * count));
    }

    /// <inheritdoc/>
    public override void Save(TrainingState state)
    {
        base.Save(state);
        _pull.Save(state);
    }

    /// <inheritdoc/>
    public override void Restore(TrainingState state)
    {
        base.Restore(state);
        _pull.Restore(state);
    }

    /// <inheritdoc/>
    protected override StepTelemetry? Give(long index)
    {
        if (index % StepsPerEpoch == 0)
            _pull.SetAnchor();
        _pull.Rank = RankOf(index, StepsPerEpoch, Steps, _options.MaskRatio, Model.Parameters.Count, _options.Mode);
        return base.Give(index);
    }
}
