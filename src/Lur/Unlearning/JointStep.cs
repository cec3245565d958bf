using Lur.Losses;
using Lur.Models;
using Lur.Steps;
using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>One step on a retain and a forget batch at the same weights: g = grad CE(theta; B_r); v = grad L_u(theta; B_f), by two
/// separate forward passes; G = w_r g + w_f v; an optional change of G; momentum update of theta with G.</summary>
/// <remarks>G is put together by the arithmetic of LUR's update: LUR with alpha = 0 and without trimming is this step bit for
/// bit.</remarks>
public sealed class JointStep : IDisposable
{
    private readonly Step _step;

    /// <summary>Records the step.</summary>
    /// <param name="model">Model to change.</param>
    /// <param name="momentum">Momentum buffer, kept by the caller across steps.</param>
    /// <param name="options">Rate, momentum, decay, batch size, normalisation, augmentation.</param>
    /// <param name="forgetWeight">w_f; w_r is 1 (<see cref="Parameters"/> changes both).</param>
    /// <param name="forgetLoss">L_u; null for -CE.</param>
    /// <param name="change">Changes G, or null.</param>
    /// <param name="mask">Parameters that may move; null: all.</param>
    /// <param name="input">Makes the batch input of a name and size; null for bytes with augmentation.</param>
    public JointStep(
        Model model,
        FlatVector momentum,
        RepairOptions options,
        double forgetWeight,
        LossSpec? forgetLoss = null,
        IGradientChange? change = null,
        ParameterMask? mask = null,
        Func<Program, string, int, BatchInput>? input = null
    )
    {
        _step = new Step(model, momentum, options.ToStep("joint") with { Inspect = true });
        Parameters.ForgetWeight = forgetWeight;
        input ??= (program, name, batch) => new BatchStage(program, name, batch, model, options.Augment, options.Seed);
        Retain = input(Program, "retain", options.BatchSize);
        Forget = input(Program, "forget", options.BatchSize);
        var (retain, forget) = (
            LossTerm.CrossEntropy(LossSpec.CrossEntropy),
            LossTerm.CrossEntropy(forgetLoss ?? LossSpec.NegativeCrossEntropy)
        );
        var g = _step.Gradient(model.Parameters, new LossTerm("retain", TermRole.Retain, Retain, options.RetainMode, retain));
        var v = _step.Gradient(model.Parameters, new LossTerm("forget", TermRole.Forget, Forget, options.ForgetMode, forget));
        _step.Update(_step.Joint(g, v), new UpdateRule { Mask = mask, Change = change });
        Gradient = g.Vector;
    }

    /// <summary>Retain batch; filled by the caller before <see cref="Run"/>.</summary>
    public BatchInput Retain { get; }

    /// <summary>Forget batch; filled by the caller before <see cref="Run"/>.</summary>
    public BatchInput Forget { get; }

    /// <summary>Numbers the caller may change between steps.</summary>
    public StepParameterBuffer Parameters => _step.Parameters;

    /// <summary>The planned program.</summary>
    public Program Program => _step.Program;

    /// <summary>G of the last step, after the change, without weight decay.</summary>
    public FlatVector Gradient { get; }

    /// <summary>What the change of G reported in the last step; 0 without one.</summary>
    public double Change => _step.Change;

    /// <summary>Makes one step and waits for it.</summary>
    /// <param name="index">Step of the run, for the schedule.</param>
    /// <param name="steps">Steps of the whole run.</param>
    public StepTelemetry Run(long index, long steps) => _step.Run(index, steps);

    /// <summary>Frees the step.</summary>
    public void Dispose() => _step.Dispose();
}
