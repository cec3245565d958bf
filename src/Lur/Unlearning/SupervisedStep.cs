using Lur.Layers;
using Lur.Models;
using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>Loss, gradient and SGD update on one batch as a captured device program: the step of the methods that look at
/// one set at a time (fine-tuning, gradient ascent, relabelling, boundary methods).</summary>
/// <remarks>An update whose loss or gradient is not finite is skipped as a whole. Nothing is allocated per step.</remarks>
public sealed class SupervisedStep : IDisposable
{
    private const int PartialCount = 512;

    // Places in the telemetry array: loss, correct, rows; |g|^2. The guard looks at all of them.
    private const int Totals = 0,
        Square = 3,
        TelemetryCount = 4;
    private readonly Model _model;
    private readonly Value _telemetry,
        _skip;
    private readonly double[] _read = new double[TelemetryCount];
    private readonly int[] _skipRead = new int[2];
    private readonly LearningRateSchedule _schedule;
    private readonly RepairOptions _options;
    private readonly bool _counts;

    /// <summary>Builds and plans the step.</summary>
    /// <param name="model">Model to change.</param>
    /// <param name="momentum">Momentum buffer, kept by the caller across programs.</param>
    /// <param name="options">Rate, momentum, decay, batch size, augmentation.</param>
    /// <param name="name">Prefix of buffer names; also names the augmentation stream.</param>
    /// <param name="loss">Loss.</param>
    /// <param name="mode">Normalisation of the pass.</param>
    /// <param name="input">Makes the batch input of a name and size; null for bytes with augmentation.</param>
    /// <param name="rule">What the update does beside momentum SGD, or null.</param>
    /// <param name="evaluate">Emits loss and gradient of a batch into a vector and gives the loss, for losses beyond
    /// <paramref name="loss"/> at the batch's labels; null for that.</param>
    public SupervisedStep(
        Model model,
        FlatVector momentum,
        RepairOptions options,
        string name,
        LossSpec loss,
        NormalizationMode mode,
        Func<StepProgram, string, int, BatchInput>? input = null,
        UpdateRule? rule = null,
        Func<StepProgram, BatchInput, FlatVector, LossHead>? evaluate = null
    )
    {
        (_model, _options, _schedule) = (model, options, LearningRateSchedule.Parse(options.Schedule));
        _counts = mode == NormalizationMode.TrainAndUpdate;
        var p = Program = new StepProgram(model.Device, model.Precision);
        Parameters = new StepParameterBuffer(p, name)
        {
            LearningRate = options.LearningRate,
            Momentum = options.Momentum,
            WeightDecay = options.WeightDecay,
        };
        _telemetry = StepProgram.Keep(p.Raw($"{name}/telemetry", ValueRole.Output, new Shape(TelemetryCount), sizeof(double)));
        _skip = StepProgram.Keep(p.Raw($"{name}/skip", ValueRole.Output, new Shape(2), sizeof(int)));
        input ??= (program, inputName, batch) => new BatchStage(program, inputName, batch, model, options.Augment, options.Seed);
        Input = input(p, name, options.BatchSize);
        Gradient = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "gradient");
        var telemetry = _telemetry;
        var skip = _skip;
        p.Emit("clear telemetry", () => model.Device.Fill(telemetry.Typed<double>(), 0, telemetry.Bytes), telemetry);
        p.Emit("clear telemetry", () => model.Device.Fill(skip.Typed<int>(), 0, skip.Bytes), skip);
        var head = evaluate is null
            ? new GradientEvaluation(p, name, model, model.Parameters, Input, loss, mode, Gradient).Loss
            : evaluate(p, Input, Gradient);
        head.Accumulate(_telemetry, Totals);
        EmitUpdate(momentum, rule ?? new UpdateRule());
        p.Plan();
        p.Capture();
    }

    /// <summary>The batch; filled by the caller before <see cref="Run"/>.</summary>
    public BatchInput Input { get; }

    /// <summary>Numbers the caller may change between steps.</summary>
    public StepParameterBuffer Parameters { get; }

    /// <summary>The planned program.</summary>
    public StepProgram Program { get; }

    /// <summary>Gradient of the last step, without weight decay.</summary>
    public FlatVector Gradient { get; }

    /// <summary>Weight of the l1 penalty's subgradient.</summary>
    public double Penalty
    {
        get => Parameters.Penalty;
        set => Parameters.Penalty = value;
    }

    /// <summary>Makes one step; waits for the device.</summary>
    /// <param name="index">Step of the run, for the schedule.</param>
    /// <param name="steps">Steps of the whole run.</param>
    /// <returns>Loss (nats), accuracy (percent), |g|, and whether the update was skipped.</returns>
    public (double Loss, double Accuracy, double GradientNorm, bool Skipped) Run(long index, long steps)
    {
        Parameters.LearningRate = _options.LearningRate * _schedule.Factor(index, steps);
        Parameters.Momentum = _schedule.Momentum(index, steps, _options.Momentum);
        Program.Run();
        _model.Device.Download(_read.AsSpan(), _telemetry.Typed<double>());
        _model.Device.Download(_skipRead.AsSpan(), _skip.Typed<int>());
        if (_counts)
            _model.BatchesTracked++;
        return (
            _read[Totals] / _read[Totals + 2],
            100 * _read[Totals + 1] / _read[Totals + 2],
            Math.Sqrt(_read[Square]),
            _skipRead[0] != 0
        );
    }

    /// <summary>Frees program and vectors.</summary>
    public void Dispose()
    {
        Program.Dispose();
        Parameters.Dispose();
        Input.Dispose();
        Gradient.Dispose();
    }

    private void EmitUpdate(FlatVector momentum, UpdateRule rule)
    {
        var p = Program;
        var (kernels, n, step, telemetry, skip, theta, g) = (
            p.Kernels,
            Gradient.Count,
            Parameters.Device,
            _telemetry,
            _skip,
            _model.Parameters,
            Gradient
        );
        var (elements, one, blocks) = (p.Device.Elements(n), p.Device.Elements(1), p.Device.Blocks(PartialCount));
        var mask = rule.Mask?.Pointer ?? default;
        if (rule.MaskGradientOnly)
        {
            var gate = mask;
            p.Emit("mask gradient", () => kernels.Saliency.SaliencyGate(elements, g.Pointer, gate, n));
            mask = default;
        }

        if (rule.Penalty)
            p.Emit("l1 subgradient", () => kernels.Sgd.L1Subgradient(elements, g.Pointer, theta.Pointer, step.Typed<double>(), n), step);
        var partials = p.Raw("square/partials", ValueRole.Workspace, new Shape(PartialCount), sizeof(double));
        p.Emit(
            "vector square sum",
            () => kernels.Vector.VectorSquareSum(blocks, partials.Typed<double>(), g.Pointer, n, PartialCount),
            partials
        );
        p.Emit(
            "vector finish",
            () =>
                kernels.Vector.VectorFinishSum(
                    p.Device.Blocks(1),
                    telemetry.Typed<double>().At(Square, sizeof(double)),
                    partials.Typed<double>(),
                    PartialCount,
                    1
                ),
            partials,
            telemetry
        );
        p.Emit("guard", () => kernels.Lur.LurGuard(one, skip.Typed<int>(), telemetry.Typed<double>(), TelemetryCount), telemetry, skip);
        var nesterov = _options.Nesterov ? 1 : 0;
        p.Emit(
            "sgd",
            () =>
                kernels.Sgd.SgdStep(
                    elements,
                    theta.Pointer,
                    momentum.Pointer,
                    g.Pointer,
                    mask,
                    step.Typed<double>(),
                    skip.Typed<int>(),
                    n,
                    nesterov
                ),
            step,
            skip
        );
        rule.Pull?.Emit(p, skip);
    }
}
