using Lur.Steps;
using Lur.Tasks;
using Lur.Tasks.Classification;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>How relabelled forget data meets retain data.</summary>
public enum RelabelMode
{
    /// <summary>Every epoch: all forget batches with labels drawn for each batch, then all retain batches.</summary>
    [Choice("batch")]
    Batch,

    /// <summary>Every epoch: the forget set relabelled once, joined with the retain set, shuffled.</summary>
    [Choice("concat")]
    Concat,
}

/// <summary>Options of random labelling that SalUn shares.</summary>
[Options]
public partial record RelabelOptions : RepairOptions
{
    /// <summary>Classes that labels are drawn from: the other classes, or all of them (any).</summary>
    [Option("label-draw", LabelDraw.Other, Source = "SalUn's text; its public code draws among all")]
    public partial LabelDraw Draw { get; init; }

    /// <summary>Forget batches with fresh labels before the retain batches of every epoch (batch), or the forget set relabelled once
    /// an epoch and shuffled into the retain set (concat).</summary>
    [Option("relabel", RelabelMode.Batch, Source = "public code of SalUn for CIFAR-10; concat for CIFAR-100")]
    public partial RelabelMode Mode { get; init; }
}

/// <summary>Options of <see cref="RandomLabel"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 1e-2, Source = Code)]
[OptionDefault(nameof(Epochs), 10, Source = Code)]
public sealed partial record RandomLabelOptions : RelabelOptions
{
    private const string Code = "public code of SalUn; its authors search 1e-4 to 1e-1";

    /// <summary>Do as the public code where numbers depend on it.</summary>
    [Option("compat", false, Source = "ours")]
    [Implies(nameof(Draw), LabelDraw.Any)]
    [Implies(nameof(BatchNorm), BatchNormPolicy.Both)]
    public partial bool Compat { get; init; }
}

/// <summary>RL: fine-tunes on forget data with random labels and on retain data, and, with
/// <see cref="SalUn"/>, the same on a part of the weights.</summary>
public class RandomLabel : UnlearningMethod
{
    private readonly RelabelOptions _options;
    private readonly HashSet<int> _forgotten;

    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public RandomLabel(UnlearningTask task, RandomLabelOptions options)
        : this(task, options.Validated(), null) { }

    /// <summary>Binds the loop.</summary>
    /// <param name="task">What the method was given.</param>
    /// <param name="options">Options.</param>
    /// <param name="ruleOf">Makes what the updates do beside the optimiser, owned by the method; null for nothing.</param>
    private protected RandomLabel(UnlearningTask task, RelabelOptions options, Func<UnlearningMethod, UpdateRule>? ruleOf)
        : base(task)
    {
        if (Model.Outputs < 2 && options.Draw == LabelDraw.Other)
        {
            throw new UserErrorException(
                "The model has one class, so there is no other label to draw: use a method without random labels."
            );
        }

        using var construction = Construct();
        _options = options = options with { Seed = task.Seed };
        _forgotten = [.. task.Set.Forget];
        var (repair, rule) = (new Repair(this, options), ruleOf?.Invoke(this));
        if (options.Mode == RelabelMode.Concat)
        {
            var mixed = repair.Feed("mixed", [.. task.Set.Forget, .. task.Set.Retain]);
            var step = repair.Single(
                "mixed",
                mixed,
                TermRole.Retain,
                rule: rule,
                prepare: (batch, index) => Relabel(batch.Labels, mixed.Indices, index / StepsPerEpoch)
            );
            SetEpochs(options.Epochs, (step, mixed.BatchesPerEpoch));
        }
        else
        {
            var (forget, retain) = (repair.Forget(), repair.Retain());
            var away = repair.Single("forget", forget, TermRole.Forget, rule: rule, prepare: Redraw);
            var near = repair.Single("retain", retain, TermRole.Retain, rule: rule);
            SetEpochs(options.Epochs, (away, forget.BatchesPerEpoch), (near, retain.BatchesPerEpoch));
        }

        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<RandomLabelOptions>(
            "rl",
            "RL",
            "Fine-tunes on the forget set with random labels, then on the retain set, every epoch.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Golatkar et al., CVPR 2020; RL.py of the public code of SalUn (Fan et al., ICLR 2024)",
            "Labels are drawn among the other classes; forget batches do not move running statistics, batches that mix both "
                + "sets (--relabel concat) do. --compat does both the public code's way.",
            (task, options) => new RandomLabel(task, options)
        );

    /// <summary>The accuracy on drawn labels says nothing.</summary>
    protected override StepTelemetry Taken(long index, StepTelemetry telemetry) => telemetry with { ForgetAccuracy = double.NaN };

    private void Redraw(BatchStage batch, long index) =>
        RandomLabels.Redraw(batch.Labels, _options.Seed, batch.Counter, Model.Outputs, _options.Draw);

    /// <summary>Labels of an epoch for the forgotten samples of a mixed batch: a function of epoch and sample.</summary>
    private void Relabel(Span<int> labels, ReadOnlySpan<int> samples, long epoch)
    {
        var random = new RandomStream(_options.Seed, RandomStream.StreamOf("forget-labels/epoch", epoch));
        for (var i = 0; i < labels.Length; i++)
        {
            if (_forgotten.Contains(samples[i]))
                labels[i] = RandomLabels.Draw(random.WordAt((ulong)samples[i]), labels[i], Model.Outputs, _options.Draw);
        }
    }
}
