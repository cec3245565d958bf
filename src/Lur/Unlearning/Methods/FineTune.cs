using Lur.Training;

namespace Lur.Unlearning;

/// <summary>FT: goes on training on the retain set (methods 5), and, with <see cref="SparseFineTuneMethod"/>, its
/// l1-sparse variant: one loop, an l1 penalty that fades out. LUR with lambda = 0 and no trimming is FT bit for bit.</summary>
public class FineTuneMethod : SingleBatchMethod
{
    private readonly Func<long, double>? _penalty;

    /// <summary>Binds the loop.</summary>
    /// <param name="task">What the method was given.</param>
    /// <param name="options">Options of the loop.</param>
    /// <param name="penalty">Weight of the l1 penalty in an epoch, from 0; null for none.</param>
    private protected FineTuneMethod(UnlearningTask task, RepairOptions options, Func<long, double>? penalty = null)
        : base(
            task,
            options,
            onForget: false,
            (momentum, o) =>
                new SupervisedStep(
                    task.Model,
                    momentum,
                    o,
                    "retain",
                    LossSpec.CrossEntropy,
                    o.RetainMode,
                    rule: new UpdateRule { Penalty = penalty is not null }
                )
        ) => _penalty = penalty;

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        new(
            "ft",
            "FT",
            "Fine-tunes on the retain set and hopes that the rest is forgotten.",
            MethodNeeds.RetainData,
            "Warnecke et al. 2021; FT.py of the public code of SalUn",
            "",
            RepairOptions.Options(1e-2, 10, "public code of SalUn; its authors search 1e-4 to 1e-1"),
            values =>
            {
                var options = RepairOptions.Read(values);
                return task => new FineTuneMethod(task, options);
            }
        );

    /// <inheritdoc/>
    protected override void Prepare(BatchStage batch, long index)
    {
        if (_penalty is not null)
            OneStep.Penalty = _penalty(index / StepsPerEpoch);
    }
}
