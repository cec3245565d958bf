namespace Lur.Unlearning;

/// <summary>SalUn-soft: random labelling with the weights pulled back, after every step, to where the epoch began, by a
/// threshold that lets more of them move as the run goes on (methods 3.3).</summary>
public sealed class SalUnSoftMethod : RandomLabelMethod
{
    private readonly ProximalPull _pull;
    private readonly double _ratio;
    private readonly RelabelMode _mode;

    private SalUnSoftMethod(UnlearningTask task, RelabelOptions options, double ratio, ProximalPull pull)
        : base(task, options, new UpdateRule { Pull = pull }) => (_pull, _ratio, _mode) = (pull, ratio, options.Mode);

    /// <summary>How the method is listed.</summary>
    public static new MethodDefinition Definition { get; } =
        new(
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
            [
                .. RepairOptions.Options(0.1, 10, "ScissorHands' scripts and SalUn's README"),
                MethodOption.Number(
                    "mask-ratio",
                    0.5,
                    "Share of the weights that a step at the start of the run leaves where they were.",
                    "ours: the public code has no default"
                ),
                .. RelabelOptions.Options(RelabelMode.Concat, "public code of SalUn for CIFAR; batch for SVHN"),
                MethodChoices.Compat("", ("label-draw", "any"), ("bn", "both")),
            ],
            values =>
            {
                var (options, ratio) = (RelabelOptions.Read(values), values.Number("mask-ratio", 0, 1));
                return task => new SalUnSoftMethod(task, options, ratio, new ProximalPull(task.Model));
            }
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
    protected override StepTelemetry MakeStep(long index)
    {
        if (index % StepsPerEpoch == 0)
            _pull.SetAnchor();
        _pull.Rank = RankOf(index, StepsPerEpoch, Steps, _ratio, Model.Parameters.Count, _mode);
        return base.MakeStep(index);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _pull.Dispose();
    }
}
