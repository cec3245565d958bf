using Lur.Models;
using Lur.Optimizers;
using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>A change of the joint gradient before the update, such as a projection.</summary>
public interface IGradientChange
{
    /// <summary>Emits the change.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="gradient">G, changed in place.</param>
    /// <param name="telemetry">Array of double.</param>
    /// <param name="slot">Place in the array for one number that is finite exactly when the change is; the update is skipped
    /// when it is not.</param>
    void Emit(Program program, FlatVector gradient, Value telemetry, int slot);
}

/// <summary>One step on a retain and a forget batch at the same weights, as a captured device program (methods 2.4, 5):
/// g = grad CE(theta; B_r); v = grad L_u(theta; B_f), by two separate forward passes; G = w_r g + w_f v; an optional change
/// of G; momentum update of theta with G.</summary>
/// <remarks>G is put together by the arithmetic of LUR's update: LUR with alpha = 0 and without trimming is this step bit for
/// bit. Nothing is allocated or read back within a step.</remarks>
public sealed class JointStep : IDisposable
{
    private const int PartialCount = 512;
    private readonly RepairOptions _options;
    private readonly Model _model;
    private readonly LearningRateSchedule _schedule;
    private readonly Value _telemetry,
        _skip;
    private readonly FlatVector _v;
    private readonly double[] _read = new double[(int)Slot.Count];
    private readonly int[] _skipRead = new int[2];

    // Places in the telemetry array (double). The guard looks at all of them.
    private enum Slot
    {
        RetainTotals = 0,
        ForgetTotals = 3,
        Norms = 6,
        Change = 10,
        Count = 11,
    }

    /// <summary>Builds and plans the step.</summary>
    /// <param name="model">Model to change.</param>
    /// <param name="momentum">Momentum buffer, kept by the caller across programs.</param>
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
        (_model, _options, _schedule) = (model, options, LearningRateSchedule.Parse(options.Schedule));
        var p = Program = new Program(model.Device, model.Precision) { Captured = true };
        Parameters = new StepParameterBuffer(p, "joint")
        {
            LearningRate = options.LearningRate,
            Momentum = options.Momentum,
            WeightDecay = options.WeightDecay,
            RetainWeight = 1,
            ForgetWeight = forgetWeight,
        };
        _telemetry = Program.Keep(p.Raw("joint/telemetry", ValueRole.Output, new Shape((int)Slot.Count), sizeof(double)));
        _skip = Program.Keep(p.Raw("joint/skip", ValueRole.Output, new Shape(2), sizeof(int)));
        input ??= (program, name, batch) => new BatchStage(program, name, batch, model, options.Augment, options.Seed);
        Retain = input(p, "retain", options.BatchSize);
        Forget = input(p, "forget", options.BatchSize);
        Gradient = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "gradient");
        _v = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "forget gradient");
        EmitGradients(forgetLoss ?? new LossSpec(-1, 0, 0));
        change?.Emit(p, Gradient, _telemetry, (int)Slot.Change);
        EmitUpdate(momentum, mask);
    }

    /// <summary>Retain batch; filled by the caller before <see cref="Run"/>.</summary>
    public BatchInput Retain { get; }

    /// <summary>Forget batch; filled by the caller before <see cref="Run"/>.</summary>
    public BatchInput Forget { get; }

    /// <summary>Numbers the caller may change between steps.</summary>
    public StepParameterBuffer Parameters { get; }

    /// <summary>The planned program.</summary>
    public Program Program { get; }

    /// <summary>G of the last step, after the change, without weight decay.</summary>
    public FlatVector Gradient { get; }

    /// <summary>Bytes of the flat vectors of the step, beside the arena.</summary>
    public long VectorBytes => Gradient.Bytes + _v.Bytes;

    /// <summary>What the change of G put into its place in the telemetry in the last step; 0 without one.</summary>
    public double Change => _read[(int)Slot.Change];

    /// <summary>Makes one step and reads its telemetry; waits for the device.</summary>
    /// <param name="index">Step of the run, for the schedule.</param>
    /// <param name="steps">Steps of the whole run.</param>
    public StepTelemetry Run(long index, long steps)
    {
        Parameters.LearningRate = _options.LearningRate * _schedule.Factor(index, steps);
        Parameters.Momentum = _schedule.Momentum(index, steps, _options.Momentum);
        Program.Run();
        _model.Device.Download(_read.AsSpan(), _telemetry.Typed<double>());
        _model.Device.Download(_skipRead.AsSpan(), _skip.Typed<int>());
        if (_options.BatchNorm != BatchNormPolicy.Frozen)
            _model.BatchesTracked += _options.BatchNorm == BatchNormPolicy.Both ? 2 : 1;
        double At(Slot slot, int offset = 0) => _read[(int)slot + offset];
        double g = Math.Sqrt(At(Slot.Norms)),
            v = Math.Sqrt(At(Slot.Norms, 1));
        return StepTelemetry.Empty with
        {
            RetainLoss = At(Slot.RetainTotals) / At(Slot.RetainTotals, 2),
            ForgetLoss = At(Slot.ForgetTotals) / At(Slot.ForgetTotals, 2),
            ForgetAccuracy = 100 * At(Slot.ForgetTotals, 1) / At(Slot.ForgetTotals, 2),
            RetainGradientNorm = g,
            ForgetGradientNorm = v,
            Cosine = At(Slot.Norms, 2) / (g * v),
            ParameterNorm = Math.Sqrt(At(Slot.Norms, 3)),
            Skipped = _skipRead[0] != 0,
        };
    }

    /// <summary>Frees program and vectors.</summary>
    public void Dispose()
    {
        Program.Dispose();
        Gradient.Dispose();
        _v.Dispose();
    }

    private void EmitGradients(LossSpec forgetLoss)
    {
        var p = Program;
        var (device, telemetry, skip, g, v, theta, step) = (
            p.Device,
            _telemetry,
            _skip,
            Gradient,
            _v,
            _model.Parameters,
            Parameters.Device
        );
        p.Clear(telemetry);
        p.Clear(skip);
        var retain = new GradientEvaluation(p, "retain", _model, theta, Retain, LossSpec.CrossEntropy, _options.RetainMode, g);
        retain.Loss.Accumulate(telemetry.At<double>((int)Slot.RetainTotals));
        var forget = new GradientEvaluation(p, "forget", _model, theta, Forget, forgetLoss, _options.ForgetMode, v);
        forget.Loss.Accumulate(telemetry.At<double>((int)Slot.ForgetTotals));
        var partials = p.Raw("joint/partials", ValueRole.Workspace, new Shape(4, PartialCount), sizeof(double));
        var (kernels, n) = (p.Launch, g.Count);
        kernels.Joint.JointGradient(device.Blocks(PartialCount), g, partials, g, v, theta, step, n, PartialCount);
        kernels.Vector.VectorFinishSum(device.Blocks(4), telemetry.At<double>((int)Slot.Norms), partials, PartialCount, 4);
    }

    private void EmitUpdate(FlatVector momentum, Operand<byte> mask)
    {
        var p = Program;
        var (kernels, telemetry, skip, g, theta, step, n) = (
            p.Launch,
            _telemetry,
            _skip,
            Gradient,
            _model.Parameters,
            Parameters.Device,
            Gradient.Count
        );
        var (elements, one, nesterov) = (p.Device.Elements(n), p.Device.Elements(1), _options.Nesterov ? 1 : 0);
        kernels.Lur.LurGuard(one, skip, telemetry, (int)Slot.Count);
        kernels.Sgd.SgdStep(elements, theta, momentum, g, mask, step, skip, n, nesterov);
    }
}
