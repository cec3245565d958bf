using Lur.Layers;
using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>How relabelled forget data meets retain data.</summary>
public enum RelabelMode
{
    /// <summary>Every epoch: all forget batches with labels drawn for each batch, then all retain batches.</summary>
    Batch,

    /// <summary>Every epoch: the forget set relabelled once, joined with the retain set, shuffled.</summary>
    Concat,
}

/// <summary>Options of random labelling.</summary>
/// <param name="Repair">Options of the updates.</param>
/// <param name="Draw">Classes that labels are drawn from.</param>
/// <param name="Mode">How relabelled forget data meets retain data.</param>
public sealed record RelabelOptions(RepairOptions Repair, LabelDraw Draw, RelabelMode Mode)
{
    /// <summary>The options beside those of the updates, with a method's default.</summary>
    internal static IReadOnlyList<MethodOption> Options(RelabelMode mode, string source) =>
        [
            MethodOption.Choice(
                "label-draw",
                LabelDraw.Other,
                "Classes that labels are drawn from: the other classes, or all of them (any).",
                "SalUn's text; its public code draws among all",
                ("other", LabelDraw.Other),
                ("any", LabelDraw.Any)
            ),
            MethodOption.Choice(
                "relabel",
                mode,
                "Forget batches with fresh labels before the retain batches of every epoch (batch), or the forget set "
                    + "relabelled once an epoch and shuffled into the retain set (concat).",
                source,
                ("batch", RelabelMode.Batch),
                ("concat", RelabelMode.Concat)
            ),
        ];

    /// <summary>Reads the options.</summary>
    /// <exception cref="UserErrorException">A value is out of range.</exception>
    internal static RelabelOptions Read(OptionValues values) =>
        new(RepairOptions.Read(values), values.Choice<LabelDraw>("label-draw"), values.Choice<RelabelMode>("relabel"));
}

/// <summary>RL: fine-tunes on forget data with random labels and on retain data (methods 3.2, 5), and, with
/// <see cref="SalUnMethod"/>, the same on a part of the weights.</summary>
public class RandomLabelMethod : UnlearningMethod
{
    private readonly RelabelOptions _options;
    private readonly FlatVector _momentum;
    private readonly BatchFeed? _forget;
    private readonly BatchFeed _retain;
    private readonly SupervisedStep? _forgetStep;
    private readonly SupervisedStep _retainStep;
    private readonly HashSet<int> _forgotten;

    /// <summary>Binds the loop.</summary>
    /// <param name="task">What the method was given.</param>
    /// <param name="options">Options.</param>
    /// <param name="rule">What the updates do beside momentum SGD, or null.</param>
    private protected RandomLabelMethod(UnlearningTask task, RelabelOptions options, UpdateRule? rule = null)
        : base(task)
    {
        if (Model.Outputs < 2 && options.Draw == LabelDraw.Other)
        {
            throw new UserErrorException(
                "The model has one class, so there is no other label to draw: use a method without random labels."
            );
        }

        var repair = options.Repair with { Seed = task.Seed };
        _options = options = options with { Repair = repair };
        _momentum = new FlatVector(Model.Device, Model.Precision, Model.Parameters.Layout, "momentum");
        _forgotten = [.. task.Set.Forget];
        BatchFeed Feed(int[] indices, string name) =>
            new(task.Data, indices, repair.BatchSize, RandomStream.StreamOf("order/" + name, (long)repair.Seed));
        SupervisedStep Step(string name, NormalizationMode mode) =>
            new(Model, _momentum, repair, name, LossSpec.CrossEntropy, mode, rule: rule);
        if (options.Mode == RelabelMode.Concat)
        {
            _retain = Feed([.. task.Set.Forget, .. task.Set.Retain], "mixed");
            _retainStep = Step("mixed", repair.RetainMode);
            return;
        }

        (_forget, _retain) = (Feed(task.Set.Forget, "forget"), Feed(task.Set.Retain, "retain"));
        (_forgetStep, _retainStep) = (Step("forget", repair.ForgetMode), Step("retain", repair.RetainMode));
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        new(
            "rl",
            "RL",
            "Fine-tunes on the forget set with random labels, then on the retain set, every epoch.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Golatkar et al., CVPR 2020; RL.py of the public code of SalUn (Fan et al., ICLR 2024)",
            "Labels are drawn among the other classes; forget batches do not move running statistics, batches that mix both "
                + "sets (--relabel concat) do. --compat does both the public code's way.",
            [
                .. RepairOptions.Options(1e-2, 10, "public code of SalUn; its authors search 1e-4 to 1e-1"),
                .. RelabelOptions.Options(RelabelMode.Batch, "public code of SalUn for CIFAR-10; concat for CIFAR-100"),
                MethodChoices.Compat("", ("label-draw", "any"), ("bn", "both")),
            ],
            values =>
            {
                var options = RelabelOptions.Read(values);
                return task => new RandomLabelMethod(task, options);
            }
        );

    /// <inheritdoc/>
    public override int StepsPerEpoch => (_forget?.BatchesPerEpoch ?? 0) + _retain.BatchesPerEpoch;

    /// <inheritdoc/>
    public override long Steps => (long)StepsPerEpoch * _options.Repair.Epochs;

    /// <inheritdoc/>
    public override Program Program => _retainStep.Program;

    /// <inheritdoc/>
    public override long VectorBytes => _retainStep.Gradient.Bytes + (_forgetStep?.Gradient.Bytes ?? 0);

    /// <inheritdoc/>
    protected override StepTelemetry MakeStep(long index)
    {
        if (_forgetStep is not null && index % StepsPerEpoch < _forget!.BatchesPerEpoch)
        {
            var stage = (BatchStage)_forgetStep.Input;
            _forget.Fill(stage);
            RandomLabels.Redraw(stage.Labels, _options.Repair.Seed, stage.Counter, Model.Outputs, _options.Draw);
            var (forgetLoss, _, forgetNorm, forgetSkipped) = _forgetStep.Run(index, Steps);
            return StepTelemetry.Empty with { ForgetLoss = forgetLoss, ForgetGradientNorm = forgetNorm, Skipped = forgetSkipped };
        }

        _retain.Fill((BatchStage)_retainStep.Input);
        if (_options.Mode == RelabelMode.Concat)
            Relabel(_retainStep.Input.Labels, index / StepsPerEpoch);
        var (loss, _, norm, skipped) = _retainStep.Run(index, Steps);
        return StepTelemetry.Empty with { RetainLoss = loss, RetainGradientNorm = norm, Skipped = skipped };
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _forget?.Dispose();
        _retain.Dispose();
        _forgetStep?.Dispose();
        _retainStep.Dispose();
        _momentum.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Labels of an epoch for the forgotten samples of a mixed batch: a function of epoch and sample.</summary>
    private void Relabel(Span<int> labels, long epoch)
    {
        var random = new RandomStream(_options.Repair.Seed, RandomStream.StreamOf("forget-labels/epoch", epoch));
        var samples = _retain.Indices;
        for (var i = 0; i < labels.Length; i++)
        {
            if (_forgotten.Contains(samples[i]))
                labels[i] = RandomLabels.Draw(random.WordAt((ulong)samples[i]), labels[i], Model.Outputs, _options.Draw);
        }
    }
}
