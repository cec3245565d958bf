using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>SalUn: random labelling on the weights that the forget loss's gradient is largest in (methods 3.1, 3.2).</summary>
public sealed class SalUnMethod : RandomLabelMethod
{
    private readonly UpdateRule _rule;
    private readonly double _ratio;
    private readonly RepairOptions _repair;
    private readonly FlatVector _anchor;

    private SalUnMethod(UnlearningTask task, RelabelOptions options, double ratio, UpdateRule rule)
        : base(task, options, rule)
    {
        (_rule, _ratio, _repair) = (rule, ratio, options.Repair with { Seed = task.Seed });
        _anchor = new FlatVector(Model.Device, Model.Precision, Model.Parameters.Layout, "original parameters");
        _anchor.CopyFrom(Model.Parameters);
    }

    /// <summary>How the method is listed.</summary>
    public static new MethodDefinition Definition { get; } =
        new(
            "salun",
            "SalUn",
            "Random labelling on the share of the weights that the gradient of the forget loss is largest in; the other weights stay.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Fan et al., \"SalUn\", ICLR 2024, and its public code (generate_mask.py, RL.py)",
            "Masked-out weights and their momentum are frozen, as in the public code since February 2026; the published "
                + "numbers are older. Labels are drawn among the other classes; forget batches do not move running statistics. "
                + "--compat does all of it the public code's way. Ties in the ranking go to the lower index, and the saliency pass "
                + "tops up its last batch instead of running a shorter one.",
            [
                .. RepairOptions.Options(0.013, 10, "README of SalUn for 10 % of CIFAR-10"),
                MethodOption.Number(
                    "mask-ratio",
                    0.5,
                    "Share of the weights that may move.",
                    "README of SalUn; ScissorHands' scripts take 0.5, 0.4 and 0.2 for 10, 20 and 50 % of CIFAR-10"
                ),
                .. RelabelOptions.Options(RelabelMode.Batch, "public code of SalUn for CIFAR-10; concat for CIFAR-100"),
                MethodChoices.Compat(
                    "the gradient alone is masked, and weight decay and momentum move masked-out weights, as before February 2026",
                    ("label-draw", "any"),
                    ("bn", "both")
                ),
            ],
            values =>
            {
                var (options, ratio) = (RelabelOptions.Read(values), ReadRatio(values));
                var compat = values.Flag("compat");
                return task => new SalUnMethod(
                    task,
                    options,
                    ratio,
                    new UpdateRule { Mask = new ParameterMask(task.Model.Device, task.Model.Parameters.Layout), MaskGradientOnly = compat }
                );
            }
        );

    /// <inheritdoc/>
    public override IReadOnlyList<Preparation> Preparations => [new Preparation("saliency", FillMask)];

    /// <inheritdoc/>
    public override long VectorBytes => base.VectorBytes + _anchor.Bytes + _rule.Mask!.Count;

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
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _rule.Mask!.Dispose();
        _anchor.Dispose();
    }

    private static double ReadRatio(OptionValues values)
    {
        var ratio = values.Number("mask-ratio", 0, 1);
        return ratio > 0 ? ratio : throw new UserErrorException("Option --mask-ratio is 0; it must be above 0, or no weight may move.");
    }

    private PreparationReport FillMask()
    {
        using var feed = new BatchFeed(
            Task.Data,
            Task.Set.Forget,
            _repair.BatchSize,
            RandomStream.StreamOf("order/saliency", (long)_repair.Seed)
        );
        return SaliencyMask
            .Fill(Model, _rule.Mask!, _ratio, _repair, feed.BatchesPerEpoch, Task.Counted("saliency", feed.BatchesPerEpoch, feed.Fill))
            .ToPreparation();
    }
}
