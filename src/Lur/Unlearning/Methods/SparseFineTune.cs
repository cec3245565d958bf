namespace Lur.Unlearning;

/// <summary>Options of <see cref="SparseFineTune"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 1e-2, Source = Code)]
[OptionDefault(nameof(Epochs), 10, Source = Code)]
public sealed partial record SparseFineTuneOptions : RepairOptions
{
    private const string Code = "public code of SalUn";

    /// <summary>Weight of the penalty in the first epoch.</summary>
    [Option("l1", 1e-4, Source = "ScissorHands' scripts; 2e-4 for half of CIFAR-100", Least = 0)]
    public partial double Penalty { get; init; }

    /// <summary>Epochs at the end without the penalty.</summary>
    [Option("plain-epochs", 0, Source = Code, Least = 0)]
    public partial int PlainEpochs { get; init; }

    partial void Check()
    {
        if (PlainEpochs > Epochs)
            throw Refusal($"[PlainEpochs] is {PlainEpochs}; it must be from 0 to [Epochs], which is {Epochs}.");
    }
}

/// <summary>l1-sparse: fine-tuning with a penalty a |theta|_1 that fades out linearly over the epochs (Jia et al.
/// 2023, "Model Sparsity Can Simplify Machine Unlearning").</summary>
public sealed class SparseFineTune : FineTune
{
    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public SparseFineTune(UnlearningTask task, SparseFineTuneOptions options)
        : base(task, options.Validated(), epoch => PenaltyOf(epoch, options.Penalty, options.Epochs - options.PlainEpochs)) { }

    /// <summary>How the method is listed.</summary>
    public static new MethodDefinition Definition { get; } =
        MethodDefinition.Create<SparseFineTuneOptions>(
            "l1-sparse",
            "l1-sparse",
            "Fine-tunes on the retain set with an l1 penalty on every parameter that fades out linearly.",
            MethodNeeds.RetainData,
            "Jia et al., NeurIPS 2023; FT_prune.py of the public code of SalUn",
            "",
            (task, options) => new SparseFineTune(task, options)
        );

    /// <summary>a_e = a (1 - e / E), 0 from E on; E: epochs with the penalty.</summary>
    internal static double PenaltyOf(long epoch, double alpha, int epochs) => epoch >= epochs ? 0 : alpha * (1 - ((double)epoch / epochs));
}
