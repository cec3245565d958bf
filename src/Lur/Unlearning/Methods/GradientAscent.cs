using Lur.Steps;

namespace Lur.Unlearning;

/// <summary>Options of <see cref="GradientAscent"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 1e-4, Source = Code)]
[OptionDefault(nameof(Epochs), 5, Source = Code)]
public sealed partial record GradientAscentOptions : RepairOptions
{
    private const string Code = "public code of SalUn: suits class-wise forgetting; random forgetting needs 5e-4 to 1e-3";

    /// <summary>Do as the public code where numbers depend on it.</summary>
    [Option("compat", false, Source = "ours")]
    [Implies(nameof(BatchNorm), BatchNormPolicy.Both)]
    public partial bool Compat { get; init; }
}

/// <summary>GA: minimises -CE on the forget set alone.</summary>
public sealed class GradientAscent : UnlearningMethod
{
    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public GradientAscent(UnlearningTask task, GradientAscentOptions options)
        : base(task)
    {
        using var construction = Construct();
        var repair = new Repair(this, options.Validated() with { Seed = task.Seed });
        var feed = repair.Forget();
        SetEpochs(options.Epochs, (repair.Single("forget", feed, TermRole.Forget, repair.Task.Ascent), feed.BatchesPerEpoch));
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<GradientAscentOptions>(
            "ga",
            "GA",
            "Ascends the cross-entropy of the forget set.",
            MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Graves et al. 2021, Thudi et al. 2022; GA.py of the public code of SalUn",
            "Running statistics stay; --compat moves them with forget-only batches, as the public code does.",
            (task, options) => new GradientAscent(task, options)
        );
}
