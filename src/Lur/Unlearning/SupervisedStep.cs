using Lur.Layers;
using Lur.Models;
using Lur.Optimizers;
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
        Func<Program, string, int, BatchInput>? input = null,
        UpdateRule? rule = null,
        Func<Program, BatchInput, FlatVector, LossHead>? evaluate = null
    )
    {
        (_model, _options, _schedule) = (model, options, LearningRateSchedule.Parse(options.Schedule));
        _counts = mode == NormalizationMode.TrainAndUpdate;
        var p = Program = new Program(model.Device, model.Precision) { Captured = true };
        Parameters = new StepParameterBuffer(p, name)
        {
            LearningRate = options.LearningRate,
            Momentum = options.Momentum,
            WeightDecay = options.WeightDecay,
        };
        _telemetry = Program.Keep(p.Raw($"{name}/telemetry", ValueRole.Output, new Shape(TelemetryCount), sizeof(double)));
        _skip = Program.Keep(p.Raw($"{name}/skip", ValueRole.Output, new Shape(2), sizeof(int)));
        input ??= (program, inputName, batch) => new BatchStage(program, inputName, batch, model, options.Augment, options.Seed);
        Input = input(p, name, options.BatchSize);
        Gradient = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "gradient");
        var telemetry = _telemetry;
        var skip = _skip;
        p.Clear(telemetry);
        p.Clear(skip);
        var head = evaluate is null
            ? new GradientEvaluation(p, name, model, model.Parameters, Input, loss, mode, Gradient).Loss
            : evaluate(p, Input, Gradient);
        head.Accumulate(_telemetry.At<double>(Totals));
        EmitUpdate(momentum, rule ?? new UpdateRule());
    }

    /// <summary>The batch; filled by the caller before <see cref="Run"/>.</summary>
    public BatchInput Input { get; }

    /// <summary>Numbers the caller may change between steps.</summary>
    public StepParameterBuffer Parameters { get; }

    /// <summary>The planned program.</summary>
    public Program Program { get; }

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
        Gradient.Dispose();
    }

    private void EmitUpdate(FlatVector momentum, UpdateRule rule)
    {
        var p = Program;
        var (kernels, n, step, telemetry, skip, theta, g) = (
            p.Launch,
            Gradient.Count,
            Parameters.Device,
            _telemetry,
            _skip,
            _model.Parameters,
            Gradient
        );
        var (elements, one, blocks) = (p.Device.Elements(n), p.Device.Elements(1), p.Device.Blocks(PartialCount));
        var mask = rule.Mask;
        if (rule.MaskGradientOnly)
        {
            var gate = mask;
            kernels.Saliency.SaliencyGate(elements, g, gate, n);
            mask = null;
        }

        if (rule.Penalty)
            kernels.Sgd.L1Subgradient(elements, g, theta, step, n);
        var partials = p.Raw("square/partials", ValueRole.Workspace, new Shape(PartialCount), sizeof(double));
        kernels.Vector.VectorSquareSum(blocks, partials, g, n, PartialCount);
        kernels.Vector.VectorFinishSum(p.Device.Blocks(1), telemetry.At<double>(Square), partials, PartialCount, 1);
        kernels.Lur.LurGuard(one, skip, telemetry, TelemetryCount);
        var nesterov = _options.Nesterov ? 1 : 0;
        kernels.Sgd.SgdStep(elements, theta, momentum, g, mask, step, skip, n, nesterov);
        rule.Pull?.Emit(p, skip);
    }
}
