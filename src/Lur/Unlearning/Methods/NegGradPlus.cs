namespace Lur.Unlearning;

/// <summary>Options of <see cref="NegGradPlus"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 5e-3, Source = Scripts)]
[OptionDefault(nameof(Epochs), 10, Source = Scripts)]
public sealed partial record NegGradPlusOptions : RepairOptions
{
    private const string Scripts = "ours: as ScissorHands' scripts, which step on the same two batches";

    /// <summary>Weight of the forget loss.</summary>
    [Option("lambda", 0.05, Source = "public code of SCRUB: a = 0.95", Least = 0)]
    public partial double Lambda { get; init; }

    /// <summary>Length of an epoch.</summary>
    [Option("epoch-mode", EpochMode.RetainLengthCycleForget, Source = "public code of SCRUB", Description = OptionHelp.EpochMode)]
    public partial EpochMode EpochMode { get; init; }

    /// <summary>Do as the public code where numbers depend on it.</summary>
    [Option("compat", false, Source = "ours")]
    [Implies(nameof(BatchNorm), BatchNormPolicy.Both)]
    public partial bool Compat { get; init; }
}

/// <summary>NegGrad+: minimises CE on the retain set less a multiple of CE on the forget set.</summary>
/// <remarks>LUR with alpha = 0 and without trimming is this method bit for bit.</remarks>
public sealed class NegGradPlus : UnlearningMethod
{
    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public NegGradPlus(UnlearningTask task, NegGradPlusOptions options)
        : base(task)
    {
        using var construction = Construct();
        var repair = new Repair(this, options.Validated() with { Seed = task.Seed });
        var (retain, forget) = (repair.Retain(), repair.Forget());
        var joint = repair.Joint(retain, forget, options.Lambda).Step;
        SetEpochs(options.Epochs, repair.Paired(joint, retain, forget, options.EpochMode));
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<NegGradPlusOptions>(
            "neggrad",
            "NegGrad+",
            "Descends the retain loss and ascends the forget loss in the same step.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Kurmanji et al., \"Towards Unbounded Machine Unlearning\", NeurIPS 2023, and its public code (SCRUB)",
            "The weights are 1 and lambda instead of a and 1 - a, so that lambda and the learning rate do not move together; "
                + "forget batches do not move running statistics; --compat lets them, as the public code does.",
            (task, options) => new NegGradPlus(task, options)
        );
}
