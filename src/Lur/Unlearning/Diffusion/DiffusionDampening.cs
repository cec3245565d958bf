using System.Globalization;
using Lur.Tasks.Classification;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>Options of <see cref="DiffusionDampening"/>.</summary>
[Options]
public sealed partial record DiffusionDampeningOptions : OptionRecord
{
    private const string Code = "public code for CIFAR classifiers";

    /// <summary>Selection: a weight is dampened where its importance for the forget set exceeds alpha times that for all data. At N / Nf
    /// and above, 10 for a tenth of the data, it selects nothing.</summary>
    [Option("alpha", 2, Source = "ours: a class of ten is a tenth of the data", Least = 0)]
    public partial double Alpha { get; init; }

    /// <summary>Dampening: the factor is lambda times the ratio of importances, at most 1.</summary>
    [Option("lambda", 1, Source = Code, Least = 0)]
    public partial double Lambda { get; init; }

    /// <summary>Images behind the importance for all data, drawn at random; 0 takes all.</summary>
    [Option("fisher-samples", 0, Source = "paper: all", Least = 0)]
    public partial int FisherSamples { get; init; }

    /// <summary>Time steps drawn for each image.</summary>
    [Option("fisher-draws", 20, Source = "ours", Least = 1, Most = 65536)]
    public partial int FisherDraws { get; init; }
}

/// <summary>SSD for diffusion models: shrinks the weights that matter more for the forget set than for all data, by squared gradients
/// of the denoising loss. One shot.</summary>
public sealed class DiffusionDampening : UnlearningMethod
{
    private readonly DiffusionDampeningOptions _options;

    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public DiffusionDampening(UnlearningTask task, DiffusionDampeningOptions options)
        : base(task) => _options = options.Validated();

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<DiffusionDampeningOptions>(
            "ssd",
            "SSD",
            "Multiplies the weights that matter more for the forget set than for all data, by squared gradients, with a factor below 1; "
                + "one shot.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels | MethodNeeds.Fisher,
            "Foster, Schoepf, Brintrup, AAAI 2024, for classifiers; here with the denoising loss",
            "The gradient of an image is that of some time steps, scaled to all.",
            (task, options) => new DiffusionDampening(task, options),
            MethodTask.Diffusion
        );

    /// <inheritdoc/>
    public override IReadOnlyList<Preparation> Preparations => [new Preparation("dampen", Dampen)];

    private PreparationReport Dampen()
    {
        var set = Task.Set;
        var all = FisherPass.Choose([.. set.Forget, .. set.Retain], _options.FisherSamples, Task.Seed, "fisher/samples");
        using FlatVector general = DiffusionFisher.Vector(Model),
            forget = DiffusionFisher.Vector(Model);
        using (var fisher = new DiffusionFisher(Model, Task.Data, _options.FisherDraws, Task.Seed))
        {
            fisher.AddDiagonal(general, all, Task.Counter("importance for all data", all.Length), Task.Cancellation);
            var counter = Task.Counter("importance for the forget set", set.Forget.Length);
            fisher.AddDiagonal(forget, set.Forget, counter, Task.Cancellation);
        }

        using var reductions = new VectorReductions(Model.Device);
        var dampened = reductions.Dampen(Model.Parameters, forget, general, _options.Alpha, _options.Lambda);
        return new PreparationReport(
            string.Create(CultureInfo.InvariantCulture, $"ssd: dampened {dampened:N0} of {Model.Parameters.Count:N0} weights"),
            ("dampened", dampened),
            ("samples", all.Length)
        );
    }
}
