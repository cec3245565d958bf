using Lur.Steps;
using Lur.Tasks.Diffusion;

namespace Lur.Unlearning;

/// <summary>Options of relabelling that SalUn shares.</summary>
[Options]
public partial record DiffusionRelabelOptions : DiffusionOptions
{
    /// <summary>Weight of the forget loss.</summary>
    [Option("lambda", 1, Source = SalUnCode, Least = 0)]
    public partial double Lambda { get; init; }

    /// <summary>Weight of the retain loss.</summary>
    [Option("retain-weight", 3.07, Source = SalUnCode + ": 0.001 of a sum over 3,072 elements", Least = 0)]
    public partial double RetainWeight { get; init; }

    partial void Check()
    {
        if (RetainWeight == 0 && Lambda == 0)
            throw Refusal($"[RetainWeight] is 0; it must be above 0 when [Lambda] is 0.");
    }
}

/// <summary>Options of <see cref="DiffusionRelabel"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 1e-4, Source = SalUnCode)]
public sealed partial record DiffusionRandomLabelOptions : DiffusionRelabelOptions;

/// <summary>RL for diffusion models: on forget data, the model is drawn to what it gives itself for the next class that is kept; with
/// <see cref="DiffusionSalUn"/> on a part of the weights.</summary>
public class DiffusionRelabel : DiffusionMethod
{
    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public DiffusionRelabel(UnlearningTask task, DiffusionRandomLabelOptions options)
        : this(task, options.Validated(), null) { }

    /// <summary>Binds the loop.</summary>
    /// <param name="task">What the method was given.</param>
    /// <param name="options">Options of the loop.</param>
    /// <param name="rule">What the update does beside the rest.</param>
    private protected DiffusionRelabel(UnlearningTask task, DiffusionRelabelOptions options, UpdateRule? rule)
        : base(task)
    {
        using var construction = Construct();
        Loop = Begin(options with { Seed = task.Seed });
        var (retain, forget) = (Loop.Retain(), Loop.Forget());
        var loss = (Loop.Task.Forgetting(), DiffusionTargets.Other(Model, Model.Parameters, Replacements()));
        SetSteps(options.Steps, Loop.Joint(retain, forget, (options.RetainWeight, options.Lambda), loss, rule), forget);
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<DiffusionRandomLabelOptions>(
            "rl",
            "RL",
            "Draws what the model gives for a class to be forgotten to what it gives for the next class that is kept.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Fan et al., ICLR 2024: SalUn for DDPM without its mask",
            "Forget batches keep their class and the target drops nothing; both losses are means over elements.",
            (task, options) => new DiffusionRelabel(task, options),
            MethodTask.Diffusion
        );

    /// <summary>The loop.</summary>
    private protected DiffusionLoop Loop { get; }
}
