using Lur.Steps;

namespace Lur.Unlearning;

/// <summary>Options of <see cref="DiffusionGradientAscent"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 1e-5, Source = Ours)]
[OptionDefault(nameof(Steps), 100, Source = Ours)]
public sealed partial record DiffusionGradientAscentOptions : DiffusionOptions
{
    private const string Ours = "ours: the loss is unbounded, and nothing holds the other classes";
}

/// <summary>GA for diffusion models: ascends the denoising loss of the forget set alone.</summary>
public sealed class DiffusionGradientAscent : DiffusionMethod
{
    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public DiffusionGradientAscent(UnlearningTask task, DiffusionGradientAscentOptions options)
        : base(task)
    {
        using var construction = Construct();
        var loop = Begin(options.Validated() with { Seed = task.Seed });
        var feed = loop.Forget();
        SetSteps(options.Steps, loop.Single(feed, TermRole.Forget, loop.Task.Ascent), feed);
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<DiffusionGradientAscentOptions>(
            "ga",
            "GA",
            "Ascends the denoising loss of the forget set.",
            MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Thudi et al. 2022, for classifiers; 'ga' of the public code of SalUn for DDPM without its retain loss",
            "",
            (task, options) => new DiffusionGradientAscent(task, options),
            MethodTask.Diffusion
        );
}

/// <summary>Options of <see cref="DiffusionNegGradPlus"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 1e-4, Source = SalUnCode)]
public sealed partial record DiffusionNegGradPlusOptions : DiffusionOptions
{
    /// <summary>Weight of the forget loss.</summary>
    [Option("lambda", 0.1, Source = "ScissorHands' scripts for Stable Diffusion, which step on the same two losses", Least = 0)]
    public partial double Lambda { get; init; }
}

/// <summary>NegGrad+ for diffusion models: descends the denoising loss of the retain set less a multiple of that of the forget
/// set.</summary>
/// <remarks>LUR with alpha = 0, the forget loss neg and no trimming is this method bit for bit.</remarks>
public sealed class DiffusionNegGradPlus : DiffusionMethod
{
    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public DiffusionNegGradPlus(UnlearningTask task, DiffusionNegGradPlusOptions options)
        : base(task)
    {
        using var construction = Construct();
        var loop = Begin(options.Validated() with { Seed = task.Seed });
        var (retain, forget) = (loop.Retain(), loop.Forget());
        var step = loop.Joint(retain, forget, (1, options.Lambda), (loop.Task.Forgetting(), loop.Task.Ascent));
        SetSteps(options.Steps, step, forget);
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<DiffusionNegGradPlusOptions>(
            "neggrad",
            "NegGrad+",
            "Descends the retain loss and ascends the forget loss in the same step.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Kurmanji et al., NeurIPS 2023, for classifiers; 'ga' of the public code of SalUn for DDPM",
            "The weights are 1 and lambda, both losses are means over elements, and forget batches keep their class.",
            (task, options) => new DiffusionNegGradPlus(task, options),
            MethodTask.Diffusion
        );
}
