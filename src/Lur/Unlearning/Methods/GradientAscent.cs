using Lur.Training;

namespace Lur.Unlearning;

/// <summary>GA: minimises -CE on the forget set alone (methods 5).</summary>
public sealed class GradientAscentMethod : SingleBatchMethod
{
    private GradientAscentMethod(UnlearningTask task, RepairOptions options)
        : base(
            task,
            options,
            onForget: true,
            (momentum, o) => new SupervisedStep(task.Model, momentum, o, "forget", new LossSpec(-1, 0, 0), o.ForgetMode)
        ) { }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        new(
            "ga",
            "GA",
            "Ascends the cross-entropy of the forget set.",
            MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Graves et al. 2021, Thudi et al. 2022; GA.py of the public code of SalUn",
            "Running statistics stay; --compat moves them with forget-only batches, as the public code does.",
            [
                .. RepairOptions.Options(
                    1e-4,
                    5,
                    "public code of SalUn: suits class-wise forgetting; random forgetting needs 5e-4 to 1e-3"
                ),
                MethodChoices.Compat("", ("bn", "both")),
            ],
            values =>
            {
                var options = RepairOptions.Read(values);
                return task => new GradientAscentMethod(task, options);
            }
        );
}
