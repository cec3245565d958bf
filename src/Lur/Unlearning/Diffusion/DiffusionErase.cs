using Lur.Steps;
using Lur.Tasks.Diffusion;

namespace Lur.Unlearning;

/// <summary>Options of <see cref="DiffusionErase"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 1e-5, Source = Code)]
public sealed partial record DiffusionEraseOptions : DiffusionOptions
{
    private const string Code = "public code of ESD, 2023";

    /// <summary>Eta: how far the target lies beyond the noise without a class, away from the class.</summary>
    [Option("strength", 1, Source = Code, Least = 0)]
    public partial double Eta { get; init; }
}

/// <summary>ESD for classes (Gandikota et al. 2023): what the model gives for the class is drawn to what the original gives without one,
/// less eta times what the class adds.</summary>
public sealed class DiffusionErase : DiffusionMethod
{
    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    /// <exception cref="UserErrorException">The model knows no images without a class.</exception>
    public DiffusionErase(UnlearningTask task, DiffusionEraseOptions options)
        : base(task)
    {
        using var construction = Construct();
        var loop = Begin(options.Validated() with { Seed = task.Seed });
        var feed = loop.Forget();
        var loss = DiffusionTargets.Away(Model, loop.Frozen(), options.Eta);
        SetSteps(options.Steps, loop.Single(feed, TermRole.Forget, loss), feed);
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<DiffusionEraseOptions>(
            "esd",
            "ESD",
            "Draws what the model gives for the class to what the original gives without one, less eta times what the class adds.",
            MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Gandikota et al., \"Erasing Concepts from Diffusion Models\", ICCV 2023, and its public code",
            "For classes in place of prompts, and on noisy images of the forget set in place of half-finished samples of the model, so "
                + "that it needs these images and no sampling. 500 steps of a batch in place of 1,000 of one sample.",
            (task, options) => new DiffusionErase(task, options),
            MethodTask.Diffusion
        );
}
