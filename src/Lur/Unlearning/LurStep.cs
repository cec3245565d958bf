using Lur.Device;
using Lur.Layers;
using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>What one step of LUR reports. Norms are Euclidean, over the flat vector.</summary>
/// <param name="RetainLoss">Mean CE on the retain batch at theta, nats.</param>
/// <param name="ForgetLoss">Mean forget loss L_u at theta'; NaN without a forget batch.</param>
/// <param name="ForgetCrossEntropy">Mean CE on the forget batch at theta', nats; NaN without a forget batch.</param>
/// <param name="RetainGradientNorm">|g|.</param>
/// <param name="ForgetGradientNorm">|v|.</param>
/// <param name="Cosine">cos(g, v).</param>
/// <param name="SecondOrderShare">alpha |h| / |v|.</param>
/// <param name="ParameterNorm">|theta| before the step.</param>
/// <param name="LookAheadNorm">|alpha g|: length of the simulated retain step.</param>
/// <param name="Skipped">True when a loss or a norm was not finite and the update was not made.</param>
public readonly record struct LurTelemetry(
    double RetainLoss, double ForgetLoss, double ForgetCrossEntropy, double RetainGradientNorm, double ForgetGradientNorm,
    double Cosine, double SecondOrderShare, double ParameterNorm, double LookAheadNorm, bool Skipped);

/// <summary>One step of LUR as a captured device program (design 7, methods 1.3):
/// g = grad L_r(theta); theta' = theta - alpha g; v = grad L_u(theta'); h = H_r(theta) v; G = w_r g + w_u (v - alpha h);
/// momentum update of theta with G.</summary>
/// <remarks>Everything between the two uploads and the telemetry stays on the device; nothing is allocated per step.</remarks>
public sealed class LurStep : IDisposable
{
    private const int PartialCount = 512, Norms = 6, Losses = 3;
    private readonly LurOptions _options;
    private readonly TrainedModel _model;
    private readonly StepProgram _program;
    private readonly List<FlatVector> _vectors = [];
    private readonly Value _telemetry, _skip;
    private readonly double[] _read = new double[Norms + Losses + 2];
    private readonly int[] _skipRead = new int[2];

    /// <summary>Builds and plans the step.</summary>
    /// <param name="model">Model to change.</param>
    /// <param name="momentum">Momentum buffer, kept by the caller across programs.</param>
    /// <param name="options">Validated options.</param>
    /// <param name="withForget">False for a plain retain step (lambda = 0, or the tail of an epoch).</param>
    /// <param name="mask">Mask over the parameters (0 freezes an entry), or null.</param>
    public LurStep(TrainedModel model, FlatVector momentum, LurOptions options, bool withForget, DeviceMemory? mask = null)
    {
        (_model, _options) = (model, options);
        WithForget = withForget && options.Lambda > 0;
        var p = _program = new StepProgram(model.Device, model.Precision);
        Parameters = new StepParameters(p, "lur")
        {
            LearningRate = options.LearningRate,
            Momentum = options.Momentum,
            WeightDecay = options.WeightDecay,
            RetainWeight = options.RetainWeight,
            ForgetWeight = options.Lambda,
            Alpha = options.Alpha,
        };
        _telemetry = p.Keep(p.Raw("lur/telemetry", ValueRole.Output, new Shape(_read.Length), sizeof(double)));
        _skip = p.Keep(p.Raw("lur/skip", ValueRole.Output, new Shape(2), sizeof(int)));
        Retain = new BatchStage(p, "retain", options.BatchSize, model, options.Augment, options.Seed);
        if (WithForget)
        {
            var batch = options.ForgetBatchSize == 0 ? options.BatchSize : options.ForgetBatchSize;
            Forget = new BatchStage(p, "forget", batch, model, options.Augment, options.Seed);
        }

        Build(momentum, mask is null ? default : new DevicePointer<byte>(mask.Address));
    }

    /// <summary>True when the step has a forget batch.</summary>
    public bool WithForget { get; }

    /// <summary>Retain batch; filled by the caller before <see cref="Run"/>.</summary>
    public BatchStage Retain { get; }

    /// <summary>Forget batch, or null.</summary>
    public BatchStage? Forget { get; }

    /// <summary>Numbers the caller may change between steps.</summary>
    public StepParameters Parameters { get; }

    /// <summary>The planned program.</summary>
    public StepProgram Program => _program;

    private FlatVector Vector(string name)
    {
        var vector = new FlatVector(_model.Device, _model.Precision, _model.Parameters.Layout, name);
        _vectors.Add(vector);
        return vector;
    }
}
