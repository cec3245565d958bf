using Lur.Steps;

namespace Lur.Unlearning;

/// <summary>Options of <see cref="DiffusionFineTune"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 1e-4, Source = SalUnCode)]
public sealed partial record DiffusionFineTuneOptions : DiffusionOptions;

/// <summary>FT for diffusion models: goes on with the denoising loss of the retain set; with <see cref="DiffusionSparseFineTune"/> its
/// l1-sparse variant.</summary>
public class DiffusionFineTune : DiffusionMethod
{
    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public DiffusionFineTune(UnlearningTask task, DiffusionFineTuneOptions options)
        : this(task, options.Validated(), null) { }

    /// <summary>Binds the loop.</summary>
    /// <param name="task">What the method was given.</param>
    /// <param name="options">Options of the loop.</param>
    /// <param name="penalty">Weight of the l1 penalty in a step; null for none.</param>
    private protected DiffusionFineTune(UnlearningTask task, DiffusionOptions options, Func<long, double>? penalty)
        : base(task)
    {
        using var construction = Construct();
        var loop = Begin(options with { Seed = task.Seed });
        var feed = loop.Retain();
        FedStep step = null!;
        step = loop.Single(
            feed,
            TermRole.Retain,
            rule: new UpdateRule { Penalty = penalty is not null },
            prepare: index => step.Step.Parameters.Penalty = penalty?.Invoke(index) ?? 0
        );
        SetSteps(options.Steps, step, feed);
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<DiffusionFineTuneOptions>(
            "ft",
            "FT",
            "Fine-tunes on the retain set and hopes that the rest is forgotten.",
            MethodNeeds.RetainData,
            "Warnecke et al. 2021, for classifiers; here with the denoising loss",
            "",
            (task, options) => new DiffusionFineTune(task, options),
            MethodTask.Diffusion
        );
}

/// <summary>Options of <see cref="DiffusionSparseFineTune"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 1e-4, Source = SalUnCode)]
public sealed partial record DiffusionSparseFineTuneOptions : DiffusionOptions
{
    /// <summary>Weight of the penalty in the first step.</summary>
    [Option("l1", 1e-6, Source = "ours: the denoising loss is a hundredth of a cross-entropy", Least = 0)]
    public partial double Penalty { get; init; }
}

/// <summary>l1-sparse for diffusion models: fine-tuning with a penalty a |theta|_1 that fades out linearly over the steps (Jia et al.
/// 2023).</summary>
public sealed class DiffusionSparseFineTune : DiffusionFineTune
{
    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public DiffusionSparseFineTune(UnlearningTask task, DiffusionSparseFineTuneOptions options)
        : base(task, options.Validated(), step => options.Penalty * (1 - ((double)step / options.Steps))) { }

    /// <summary>How the method is listed.</summary>
    public static new MethodDefinition Definition { get; } =
        MethodDefinition.Create<DiffusionSparseFineTuneOptions>(
            "l1-sparse",
            "l1-sparse",
            "Fine-tunes on the retain set with an l1 penalty on every parameter that fades out linearly.",
            MethodNeeds.RetainData,
            "Jia et al., NeurIPS 2023, for classifiers; here with the denoising loss",
            "The penalty fades out over the steps, not over epochs, and is not clipped with the gradient.",
            (task, options) => new DiffusionSparseFineTune(task, options),
            MethodTask.Diffusion
        );
}
