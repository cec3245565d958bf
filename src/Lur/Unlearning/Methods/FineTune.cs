using Lur.Steps;

namespace Lur.Unlearning;

/// <summary>Options of <see cref="FineTune"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 1e-2, Source = Code)]
[OptionDefault(nameof(Epochs), 10, Source = Code)]
public sealed partial record FineTuneOptions : RepairOptions
{
    private const string Code = "public code of SalUn; its authors search 1e-4 to 1e-1";
}

/// <summary>FT: goes on training on the retain set, and, with <see cref="SparseFineTune"/>, its
/// l1-sparse variant: one loop, an l1 penalty that fades out. LUR with lambda = 0 and no trimming is FT bit for bit.</summary>
public class FineTune : UnlearningMethod
{
    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public FineTune(UnlearningTask task, FineTuneOptions options)
        : this(task, options.Validated(), null) { }

    /// <summary>Binds the loop.</summary>
    /// <param name="task">What the method was given.</param>
    /// <param name="options">Options of the loop.</param>
    /// <param name="penalty">Weight of the l1 penalty in an epoch, from 0; null for none.</param>
    private protected FineTune(UnlearningTask task, RepairOptions options, Func<long, double>? penalty)
        : base(task)
    {
        using var construction = Construct();
        var repair = new Repair(this, options with { Seed = task.Seed });
        var feed = repair.Retain();
        FedStep step = null!;
        step = repair.Single(
            "retain",
            feed,
            TermRole.Retain,
            rule: new UpdateRule { Penalty = penalty is not null },
            prepare: (_, index) => step.Step.Parameters.Penalty = penalty?.Invoke(index / StepsPerEpoch) ?? 0
        );
        SetEpochs(options.Epochs, (step, feed.BatchesPerEpoch));
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<FineTuneOptions>(
            "ft",
            "FT",
            "Fine-tunes on the retain set and hopes that the rest is forgotten.",
            MethodNeeds.RetainData,
            "Warnecke et al. 2021; FT.py of the public code of SalUn",
            "",
            (task, options) => new FineTune(task, options)
        );
}
