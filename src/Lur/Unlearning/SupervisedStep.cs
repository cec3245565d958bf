using Lur.Layers;
using Lur.Losses;
using Lur.Models;
using Lur.Steps;
using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>Loss, gradient and update on one batch: the step of the methods that look at one set at a time (fine-tuning, gradient
/// ascent, relabelling, boundary methods).</summary>
public sealed class SupervisedStep : IDisposable
{
    private readonly Step _step;

    /// <summary>Records the step.</summary>
    /// <param name="model">Model to change.</param>
    /// <param name="momentum">Momentum buffer, kept by the caller across steps.</param>
    /// <param name="options">Rate, momentum, decay, batch size, augmentation.</param>
    /// <param name="role">What the loss is for.</param>
    /// <param name="name">Prefix of buffer names; also names the augmentation stream.</param>
    /// <param name="mode">Normalisation of the pass.</param>
    /// <param name="loss">Records the loss; null for a cross-entropy.</param>
    /// <param name="rule">What the update does beside the optimiser, or null.</param>
    /// <param name="rows">Gives the rows the loss is taken on, from those that are uploaded; null for the same.</param>
    public SupervisedStep(
        Model model,
        FlatVector momentum,
        RepairOptions options,
        TermRole role,
        string name,
        NormalizationMode mode,
        Func<LossSite, Loss>? loss = null,
        UpdateRule? rule = null,
        Func<Step, BatchStage, IBatch>? rows = null
    )
    {
        _step = new Step(model, momentum, options.ToStep(name));
        Input = new BatchStage(Program, name, options.BatchSize, model, options.Augment, options.Seed);
        var batch = rows?.Invoke(_step, Input) ?? Input;
        loss ??= LossTerm.CrossEntropy(LossSpec.CrossEntropy);
        var gradient = _step.Gradient(model.Parameters, new LossTerm(name, role, batch, mode, loss));
        _step.Update(_step.Along(gradient), rule);
    }

    /// <summary>The batch; filled by the caller before <see cref="Run"/>.</summary>
    public BatchStage Input { get; }

    /// <summary>The planned program.</summary>
    public Program Program => _step.Program;

    /// <summary>Weight of the l1 penalty's subgradient.</summary>
    public double Penalty
    {
        get => _step.Parameters.Penalty;
        set => _step.Parameters.Penalty = value;
    }

    /// <summary>Makes one step and waits for it.</summary>
    /// <param name="index">Step of the run, for the schedule.</param>
    /// <param name="steps">Steps of the whole run.</param>
    public StepTelemetry Run(long index, long steps) => _step.Run(index, steps);

    /// <summary>Frees the step.</summary>
    public void Dispose() => _step.Dispose();
}
