using Lur.Steps;
using Lur.Tasks.Diffusion;

namespace Lur.Unlearning;

/// <summary>Options of <see cref="DiffusionAblation"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 2e-6, Source = Code)]
[OptionDefault(nameof(Steps), 100, Source = Code)]
[OptionDefault(nameof(BatchSize), 4, Source = Code)]
public sealed partial record DiffusionAblationOptions : DiffusionOptions
{
    private const string Code = "public code of Concept Ablation, model-based variant";

    /// <summary>Weight of the denoising loss on the retain set; 0 for none.</summary>
    [Option("retain-weight", 0, Source = Code + ": an option there", Least = 0)]
    public partial double RetainWeight { get; init; }
}

/// <summary>Concept Ablation (Kumari et al. 2023), model-based: on images of an anchor, what the model gives for the concept is drawn to
/// what it gives for the anchor, a constant.</summary>
public sealed class DiffusionAblation : DiffusionMethod
{
    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    /// <exception cref="UserErrorException">The model takes no classes, no whole class is to be forgotten, or no image shows an
    /// anchor.</exception>
    public DiffusionAblation(UnlearningTask task, DiffusionAblationOptions options)
        : base(task)
    {
        using var construction = Construct();
        options = options.Validated() with { Seed = task.Seed };
        var loop = Begin(options);
        var toAnchor = Replacements();
        var back = Back(toAnchor, options.Anchor);
        if (!task.Set.Retain.Any(i => back[task.Data.Label(i)] != task.Data.Label(i)))
            throw new UserErrorException(
                "The retain set has no image of an anchor, which the method shows under what is to be forgotten; take an anchor whose "
                    + "words are in its captions."
            );
        var anchors = loop.RetainOf(label => back[label] != label);
        var shown = loop.Task.Forgetting(conditions: back);
        var loss = DiffusionTargets.Other(Model, Model.Parameters, toAnchor);
        SetSteps(
            options.Steps,
            options.RetainWeight == 0
                ? loop.Single(anchors, TermRole.Forget, loss, task: shown)
                : loop.Joint(loop.Retain(), anchors, (options.RetainWeight, 1), (shown, loss)),
            anchors
        );
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<DiffusionAblationOptions>(
            "ca",
            "CA",
            "On images of an anchor, or of the next class, draws what the model gives for what is forgotten to what it gives for them.",
            MethodNeeds.RetainData | MethodNeeds.ForgetLabels,
            "Kumari et al., \"Ablating Concepts in Text-to-Image Diffusion Models\", ICCV 2023, and its public code",
            "The images of the anchor are those of the retain set in place of a thousand generated ones. All weights are trained unless "
                + "another part is chosen: the code trains xattn-strict. Gradients of the first token are not cut, and nothing is "
                + "augmented but by flips.",
            (task, options) => new DiffusionAblation(task, options),
            MethodTask.Diffusion
        );

    // For each class the one that its images are shown under: what it stands in for.
    private IReadOnlyList<int> Back(IReadOnlyList<int> toAnchor, string anchor)
    {
        if (anchor.Length > 0)
            return AnchoredPrompts.Back(Model, Task.Set, anchor);
        int[] back = [.. Sequences.Range(0, toAnchor.Count)];
        foreach (var c in Task.Set.RequestedClasses)
            back[toAnchor[c]] = c;
        return back;
    }
}
