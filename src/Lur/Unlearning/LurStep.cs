using Lur.Models;
using Lur.Optimizers;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>One step of LUR: g = grad L_r(theta); theta' = theta - alpha g; v = grad L_u(theta'); h = H_r(theta) v;
/// G = w_r g + w_u (v - alpha h); momentum update of theta with G ("Learning to Unlearn while Retaining", ICCV 2025).</summary>
public sealed class LurStep : IDisposable
{
    private readonly Step _step;

    /// <summary>Records the step.</summary>
    /// <param name="model">Model to change.</param>
    /// <param name="momentum">Momentum buffer, kept by the caller across steps.</param>
    /// <param name="options">Validated options.</param>
    /// <param name="withForget">False for a plain retain step (the tail of an epoch); lambda = 0 implies it.</param>
    /// <param name="mask">Mask over the parameters (0 freezes an entry), or null.</param>
    /// <param name="capture">False to run operation by operation.</param>
    /// <param name="input">Makes the batch input of a name and size; null for bytes with augmentation.</param>
    /// <param name="inspect">True to keep g, v and h readable after a run, for checks.</param>
    public LurStep(
        Model model,
        FlatVector momentum,
        LurOptions options,
        bool withForget,
        ParameterMask? mask = null,
        bool capture = true,
        Func<Program, string, int, BatchInput>? input = null,
        bool inspect = false
    )
    {
        WithForget = withForget && options.Lambda > 0;
        _step = new Step(model, Sgd.On(momentum, SgdOf(options)), StepOptionsOf(options, capture, inspect)) { FixedRate = true };
        (Parameters.RetainWeight, Parameters.ForgetWeight, Parameters.Alpha) = (options.RetainWeight, options.Lambda, options.Alpha);
        var task = LearningTask.Of(model);
        input ??= (program, name, batch) => task.Batch(program, name, batch, options.Augment, options.Seed);
        Retain = input(Program, "retain", options.BatchSize);
        var policy = options.BatchNorm;
        var g = _step.Gradient(model.Parameters, new LossTerm("retain", TermRole.Retain, Retain, policy.RetainMode(), task.Loss));
        RetainGradient = g.Vector;
        if (!WithForget)
        {
            _step.Update(_step.Bilevel(g, null, null), new UpdateRule { Mask = mask });
            return;
        }

        Forget = input(Program, "forget", options.ForgetRows);
        var ahead = _step.LookAhead(g, options.LookAheadCap);
        var v = _step.Gradient(ahead, new LossTerm("forget", TermRole.Forget, Forget, policy.ForgetMode(), options.ForgetLossOf(task)));
        // With alpha = 0 the product has no effect, bit for bit.
        var kind = options.Alpha == 0 ? HessianVectorProduct.None : options.Hvp;
        Product = _step.Product(g, v, kind, options.FiniteDifferenceRadius);
        ForgetGradient = v.Vector;
        _step.Update(_step.Bilevel(g, v, Product), new UpdateRule { Mask = mask });
    }

    /// <summary>True when the step has a forget batch.</summary>
    public bool WithForget { get; }

    /// <summary>Retain batch; filled by the caller before <see cref="Run"/>.</summary>
    public BatchInput Retain { get; }

    /// <summary>Forget batch, or null.</summary>
    public BatchInput? Forget { get; }

    /// <summary>Numbers the caller may change between steps.</summary>
    public StepParameterBuffer Parameters => _step.Parameters;

    /// <summary>The step that is recorded.</summary>
    public Step Step => _step;

    /// <summary>The planned program.</summary>
    public Program Program => _step.Program;

    /// <summary>g = grad L_r(theta) of the last step.</summary>
    public FlatVector RetainGradient { get; }

    /// <summary>v = grad L_u(theta') of the last step; null without a forget batch.</summary>
    public FlatVector? ForgetGradient { get; }

    /// <summary>h = H_r(theta) v of the last step; null in first order.</summary>
    public FlatVector? Product { get; }

    /// <summary>G = w_r g + w_u (v - alpha h) of the last step, put together on the host in double, for checks; needs a step that is
    /// inspected.</summary>
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

    /// <summary>Makes one step and waits for it.</summary>
    public StepTelemetry Run() => _step.Run(0, 1);

    /// <summary>Makes one step part by part: the results are those of <see cref="Run"/>, and the times of the parts come
    /// with them.</summary>
    public (StepTelemetry Telemetry, StepTimes Times) RunTimed() => _step.RunTimed(0, 1);

    /// <summary>Frees the step.</summary>
    public void Dispose() => _step.Dispose();

    private static SgdOptions SgdOf(LurOptions o) => new(o.LearningRate, o.Momentum, o.WeightDecay, o.Nesterov);

    private static StepOptions StepOptionsOf(LurOptions options, bool capture, bool inspect) =>
        new()
        {
            Name = "lur",
            Split = options.Split,
            Captured = capture,
            Inspect = inspect,
        };
}
