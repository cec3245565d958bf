using Lur.Layers;
using Lur.Models;
using Lur.Optimizers;
using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>One step of LUR as a captured device program (design 7, methods 1.3):
/// g = grad L_r(theta); theta' = theta - alpha g; v = grad L_u(theta'); h = H_r(theta) v; G = w_r g + w_u (v - alpha h);
/// momentum update of theta with G.</summary>
/// <remarks>Everything between the two uploads and the telemetry stays on the device; nothing is allocated per step.</remarks>
public sealed class LurStep : IDisposable
{
    private const int PartialCount = 512;
    private readonly LurOptions _options;
    private readonly Model _model;
    private readonly Program _program;
    private readonly List<FlatVector> _vectors = [];
    private readonly Value _telemetry,
        _skip;
    private readonly double[] _read = new double[(int)Slot.Count];
    private readonly int[] _skipRead = new int[2];

    // Places in the telemetry array (double). The guard looks at everything from the totals to the squares.
    private enum Slot
    {
        Norms = 0,
        RetainTotals = 6,
        ForgetTotals = 9,
        RetainSquare = 12,
        ParameterSquare = 13,
        ForgetSquare = 14,
        ProductSquare = 15,
        Alpha = 16,
        DifferenceScales = 17,
        Count = 20,
    }

    /// <summary>Builds and plans the step.</summary>
    /// <param name="model">Model to change.</param>
    /// <param name="momentum">Momentum buffer, kept by the caller across programs.</param>
    /// <param name="options">Validated options.</param>
    /// <param name="withForget">False for a plain retain step (the tail of an epoch); lambda = 0 implies it.</param>
    /// <param name="mask">Mask over the parameters (0 freezes an entry), or null.</param>
    /// <param name="capture">False to plan and run without a captured graph.</param>
    /// <param name="input">Makes the batch input of a name and size; null for bytes with augmentation.</param>
    public LurStep(
        Model model,
        FlatVector momentum,
        LurOptions options,
        bool withForget,
        ParameterMask? mask = null,
        bool capture = true,
        Func<Program, string, int, BatchInput>? input = null
    )
    {
        (_model, _options) = (model, options);
        WithForget = withForget && options.Lambda > 0;
        var p = _program = new Program(model.Device, model.Precision) { Captured = capture };
        Parameters = new StepParameterBuffer(p, "lur")
        {
            LearningRate = options.LearningRate,
            Momentum = options.Momentum,
            WeightDecay = options.WeightDecay,
            RetainWeight = options.RetainWeight,
            ForgetWeight = options.Lambda,
            Alpha = options.Alpha,
        };
        _telemetry = Program.Keep(p.Raw("lur/telemetry", ValueRole.Output, new Shape((int)Slot.Count), sizeof(double)));
        _skip = Program.Keep(p.Raw("lur/skip", ValueRole.Output, new Shape(2), sizeof(int)));
        input ??= (program, name, batch) => new BatchStage(program, name, batch, model, options.Augment, options.Seed);
        Retain = input(p, "retain", options.BatchSize);
        if (WithForget)
            Forget = input(p, "forget", options.ForgetRows);
        Build(momentum, mask);
    }

    /// <summary>True when the step has a forget batch.</summary>
    public bool WithForget { get; }

    /// <summary>Retain batch; filled by the caller before <see cref="Run"/>.</summary>
    public BatchInput Retain { get; }

    /// <summary>Forget batch, or null.</summary>
    public BatchInput? Forget { get; }

    /// <summary>Numbers the caller may change between steps.</summary>
    public StepParameterBuffer Parameters { get; }

    /// <summary>The planned program.</summary>
    public Program Program => _program;

    /// <summary>g = grad L_r(theta) of the last step.</summary>
    public FlatVector RetainGradient { get; private set; } = null!;

    /// <summary>v = grad L_u(theta') of the last step; null without a forget batch.</summary>
    public FlatVector? ForgetGradient { get; private set; }

    /// <summary>h = H_r(theta) v of the last step; null in first order.</summary>
    public FlatVector? Product { get; private set; }

    /// <summary>G = w_r g + w_u (v - alpha h) of the last step, put together on the host in double, for checks.</summary>
    public double[] TotalGradient()
    {
        var (g, v, h) = (RetainGradient.ToArray(), ForgetGradient?.ToArray(), Product?.ToArray());
        var total = new double[g.Length];
        for (var i = 0; i < total.Length; i++)
        {
            total[i] =
                (Parameters.RetainWeight * g[i])
                + (v is null ? 0 : Parameters.ForgetWeight * (v[i] - (h is null ? 0 : Parameters.Alpha * h[i])));
        }

        return total;
    }

    /// <summary>Bytes of the flat vectors of the step (gradients, look-ahead weights, products), beside the arena.</summary>
    public long VectorBytes => _vectors.Sum(v => v.Bytes);

    /// <summary>Makes one step and reads its telemetry; waits for the device.</summary>
    public StepTelemetry Run()
    {
        _program.Run();
        return Read();
    }

    /// <summary>Makes one step part by part: the results are those of <see cref="Run"/>, and the times of the parts come
    /// with them.</summary>
    public (StepTelemetry Telemetry, LurStepTimes Times) RunTimed()
    {
        var seconds = _program.RunSections();
        double Of(string section) => seconds.GetValueOrDefault(section, double.NaN);
        return (Read(), new LurStepTimes(Of(RetainSection), Of(ForgetSection), Of(ProductSection), Of(UpdateSection)));
    }

    private const string RetainSection = "retain gradient",
        ForgetSection = "forget gradient",
        ProductSection = "Hessian-vector product",
        UpdateSection = "update";

    private StepTelemetry Read()
    {
        _model.Device.Download(_read.AsSpan(), _telemetry.Typed<double>());
        _model.Device.Download(_skipRead.AsSpan(), _skip.Typed<int>());
        if (_options.BatchNorm != BatchNormPolicy.Frozen)
            _model.BatchesTracked += WithForget && _options.BatchNorm == BatchNormPolicy.Both ? 2 : 1;
        double At(Slot slot, int offset = 0) => _read[(int)slot + offset];
        double g = Math.Sqrt(At(Slot.Norms)),
            v = Math.Sqrt(At(Slot.Norms, 1)),
            h = Math.Sqrt(At(Slot.Norms, 3));
        return new StepTelemetry(
            At(Slot.RetainTotals) / At(Slot.RetainTotals, 2),
            WithForget ? At(Slot.ForgetTotals) / At(Slot.ForgetTotals, 2) : double.NaN,
            WithForget ? 100 * At(Slot.ForgetTotals, 1) / At(Slot.ForgetTotals, 2) : double.NaN,
            g,
            WithForget ? v : double.NaN,
            WithForget ? At(Slot.Norms, 2) / (g * v) : double.NaN,
            WithForget ? At(Slot.Alpha) * h / v : double.NaN,
            Math.Sqrt(At(Slot.Norms, 4)),
            WithForget ? At(Slot.Alpha) * g : double.NaN,
            _skipRead[0] != 0
        );
    }

    /// <summary>Frees programs and vectors.</summary>
    public void Dispose()
    {
        _program.Dispose();
        foreach (var vector in _vectors)
            vector.Dispose();
    }

    private void Build(FlatVector momentum, Operand<byte> mask)
    {
        var p = _program;
        var (device, telemetry, skip) = (p.Device, _telemetry, _skip);
        p.Clear(telemetry);
        p.Clear(skip);
        var policy = _options.BatchNorm;
        p.Section(RetainSection);
        var g = Vector("retain gradient");
        var retain = Gradient("retain", _model.Parameters, Retain, LossSpec.CrossEntropy, policy.RetainMode(), g, Slot.RetainTotals);
        FlatVector? v = null,
            h = null;
        if (!WithForget)
        {
            EmitSquare(g, Slot.RetainSquare);
        }
        else
        {
            p.Section(UpdateSection);
            var ahead = Vector("look-ahead weights");
            EmitLookAhead(ahead, g);
            p.Section(ForgetSection);
            v = Vector("forget gradient");
            _ = Gradient("forget", ahead, Forget!, _options.ForgetLossSpec(_model.Outputs), policy.ForgetMode(), v, Slot.ForgetTotals);
            EmitSquare(v, Slot.ForgetSquare);
            h = EmitProduct(retain, ahead, v, policy.ProbeMode());
        }

        (RetainGradient, ForgetGradient, Product) = (g, v, h);
        p.Section(UpdateSection);
        EmitUpdate(momentum, mask, g, v, h);
    }

    private BatchGradient Gradient(
        string name,
        FlatVector weights,
        BatchInput batch,
        LossSpec loss,
        NormalizationMode mode,
        FlatVector target,
        Slot? totals
    ) =>
        new(
            _program,
            name,
            _model,
            weights,
            batch,
            loss,
            mode,
            target,
            _options.Split,
            Scratch,
            head =>
            {
                if (totals is { } slot)
                    EmitTotals(head, slot);
            }
        );

    /// <summary>A vector for results of a part of a batch; every gradient shares it.</summary>
    private FlatVector Scratch(string name) => _vectors.Find(x => x.Name == name) ?? Vector(name);

    /// <summary>theta' = theta - a g, a = alpha or the capped alpha; |g|^2 and |theta|^2 come with it.</summary>
    private void EmitLookAhead(FlatVector ahead, FlatVector g)
    {
        var p = _program;
        var (kernels, n, telemetry, step) = (p.Launch.Lur, g.Count, _telemetry, Parameters.Device);
        var cap = 0.0;
        if (_options.LookAheadCap > 0)
        {
            // The cap is relative to |theta| at the start: theta hardly moves in norm, and a constant needs no pass.
            EmitSquare(g, Slot.RetainSquare);
            cap = _options.LookAheadCap * Math.Sqrt(_model.Parameters.ToArray().Sum(x => x * x));
        }

        var one = p.Device.Elements(1);
        kernels.LurCappedAlpha(one, At(Slot.Alpha), At(Slot.RetainSquare), step, cap);
        var partials = Partials("look-ahead", 2);
        var (theta, shape) = (_model.Parameters, p.Device.Blocks(PartialCount));
        kernels.LurLookAhead(shape, ahead, partials, theta, g, At(Slot.Alpha), n, PartialCount);
        EmitFinish(partials, Slot.RetainSquare, 2);
    }

    /// <summary>h = H_r(theta) v, or null for first order and for alpha = 0 (where h has no effect, bit for bit).</summary>
    private FlatVector? EmitProduct(BatchGradient retain, FlatVector ahead, FlatVector v, NormalizationMode mode)
    {
        if (_options.Hvp == HessianVectorProduct.None || _options.Alpha == 0)
            return null;
        _program.Section(ProductSection);
        var h = Vector("Hessian-vector product");
        if (_options.Hvp == HessianVectorProduct.Exact)
        {
            retain.HessianVectorProduct(v, h);
            EmitSquare(h, Slot.ProductSquare);
            return h;
        }

        var p = _program;
        var (kernels, telemetry, n, theta, radius) = (
            p.Launch.Lur,
            _telemetry,
            v.Count,
            _model.Parameters,
            _options.FiniteDifferenceRadius
        );
        var (one, elements) = (p.Device.Elements(1), p.Device.Elements(n));
        kernels.LurDifferenceScales(one, At(Slot.DifferenceScales), At(Slot.ForgetSquare), radius);
        // The look-ahead weights are done with; their vector holds theta + eps v, then theta - eps v.
        var minus = Vector("finite-difference gradient");
        foreach (var (sign, target, name) in new[] { (1.0, h, "retain+"), (-1.0, minus, "retain-") })
        {
            kernels.LurPerturb(elements, ahead, theta, v, At(Slot.DifferenceScales), n, sign);
            _ = Gradient(name, ahead, Retain, LossSpec.CrossEntropy, mode, target, null);
        }

        var partials = Partials("difference", 1);
        var shape = p.Device.Blocks(PartialCount);
        kernels.LurDifference(shape, h, partials, h, minus, At(Slot.DifferenceScales, 1), n, PartialCount);
        EmitFinish(partials, Slot.ProductSquare, 1);
        return h;
    }

    private void EmitUpdate(FlatVector momentum, Operand<byte> mask, FlatVector g, FlatVector? v, FlatVector? h)
    {
        var p = _program;
        var (kernels, n, telemetry, skip, step, theta) = (p.Launch.Lur, g.Count, _telemetry, _skip, Parameters.Device, _model.Parameters);
        var (one, shape) = (p.Device.Elements(1), p.Device.Blocks(PartialCount));
        const int guarded = Slot.Alpha - Slot.RetainTotals;
        kernels.LurGuard(one, skip, At(Slot.RetainTotals), guarded);
        var partials = Partials("meta-update", 6);
        var nesterov = _options.Nesterov ? 1 : 0;
        var (vPointer, hPointer) = (v?.Pointer ?? default, h?.Pointer ?? default);
        kernels.LurMetaUpdate(
            shape,
            theta,
            momentum,
            partials,
            g,
            vPointer,
            hPointer,
            mask,
            step,
            At(Slot.Alpha),
            skip,
            n,
            PartialCount,
            nesterov
        );
        EmitFinish(partials, Slot.Norms, 6);
    }

    private void EmitTotals(LossHead loss, Slot slot) => loss.Accumulate(At(slot));

    private void EmitSquare(FlatVector x, Slot slot)
    {
        var (kernels, n, shape) = (_program.Launch.Vector, x.Count, _program.Device.Blocks(PartialCount));
        var partials = Partials($"square/{slot}", 1);
        kernels.VectorSquareSum(shape, partials, x, n, PartialCount);
        EmitFinish(partials, slot, 1);
    }

    private void EmitFinish(Value partials, Slot slot, int values)
    {
        var (kernels, shape, telemetry) = (_program.Launch.Vector, _program.Device.Blocks(values), _telemetry);
        kernels.VectorFinishSum(shape, At(slot), partials, PartialCount, values);
    }

    private Value Partials(string name, int values) =>
        _program.Raw($"lur/{name}/partials", ValueRole.Workspace, new Shape(values, PartialCount), sizeof(double));

    private Operand<double> At(Slot slot, int offset = 0) => _telemetry.At<double>((int)slot + offset);

    private FlatVector Vector(string name)
    {
        var vector = new FlatVector(_model.Device, _model.Precision, _model.Parameters.Layout, name);
        _vectors.Add(vector);
        return vector;
    }
}
