namespace Lur.Unlearning;

/// <summary>l1-sparse: fine-tuning with a penalty a |theta|_1 that fades out linearly over the epochs (methods 5; Jia et al.
/// 2023, "Model Sparsity Can Simplify Machine Unlearning").</summary>
public sealed class SparseFineTuneMethod : FineTuneMethod
{
    private SparseFineTuneMethod(UnlearningTask task, RepairOptions options, double alpha, int plainEpochs)
        : base(task, options, epoch => PenaltyOf(epoch, alpha, options.Epochs - plainEpochs)) { }

    /// <summary>How the method is listed.</summary>
    public static new MethodDefinition Definition { get; } =
        new(
            "l1-sparse",
            "l1-sparse",
            "Fine-tunes on the retain set with an l1 penalty on every parameter that fades out linearly.",
            MethodNeeds.RetainData,
            "Jia et al., NeurIPS 2023; FT_prune.py of the public code of SalUn",
            "",
            [
                .. RepairOptions.Options(1e-2, 10, "public code of SalUn"),
                MethodOption.Number(
                    "l1",
                    1e-4,
                    "Weight of the penalty in the first epoch.",
                    "ScissorHands' scripts; 2e-4 for half of CIFAR-100"
                ),
                MethodOption.Integer("plain-epochs", 0, "Epochs at the end without the penalty.", "public code of SalUn"),
            ],
            values =>
            {
                var options = RepairOptions.Read(values);
                var (alpha, plain) = (values.Number("l1", 0), values.Integer("plain-epochs", 0, options.Epochs));
                return task => new SparseFineTuneMethod(task, options, alpha, plain);
            }
        );

    /// <summary>a_e = a (1 - e / E), 0 from E on; E: epochs with the penalty.</summary>
    internal static double PenaltyOf(long epoch, double alpha, int epochs) => epoch >= epochs ? 0 : alpha * (1 - ((double)epoch / epochs));
}
