using Lur.Models;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>Boundary expand (Chen et al., CVPR 2023): trains the forget samples to a class of their own, one output more than the
/// model has, and takes that output away again (methods 5).</summary>
/// <remarks>Works on a widened copy: the head gets one more row, drawn as torch draws it; the old rows stay. <see cref="Finish"/>
/// writes everything but the extra row back into the model.</remarks>
public sealed class BoundaryExpandMethod : SingleBatchMethod
{
    private readonly Model _widened;

    private BoundaryExpandMethod(UnlearningTask task, RepairOptions options, Model widened)
        : base(
            task,
            options,
            onForget: true,
            (momentum, o) => new SupervisedStep(widened, momentum, o, "forget", LossSpec.CrossEntropy, o.ForgetMode),
            widened
        ) => _widened = widened;

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        new(
            "boundary-expand",
            "Boundary expand",
            "Trains forget samples to an output of their own that is added for this and stripped at the end.",
            MethodNeeds.ForgetData,
            "Chen, Gao, Liu, Peng, Wang, CVPR 2023, Boundary Unlearning; boundary_ex.py of the public code of SalUn",
            "The extra output is stripped, as in the paper; the public code evaluates with it, which a model of the same "
                + "architecture cannot. Running statistics stay; --compat moves them, as the public code does.",
            [
                .. RepairOptions.Options(
                    1e-6,
                    10,
                    "public code of SalUn; 5e-6 for half of the data, 1e-5 for other data sets; its authors search from 1e-8 on"
                ),
                MethodChoices.Compat("", ("bn", "both")),
            ],
            values =>
            {
                var options = RepairOptions.Read(values);
                return task => new BoundaryExpandMethod(task, options, task.Model.WithOutputs(["(forgotten)"], task.Seed));
            }
        );

    /// <inheritdoc/>
    public override long VectorBytes => base.VectorBytes + _widened.Parameters.Bytes;

    /// <summary>Writes the widened copy back without its extra output.</summary>
    public override void Finish() => Model.TakeFrom(_widened);

    /// <inheritdoc/>
    protected override void Prepare(BatchStage batch, long index) => batch.Labels.Fill(Model.Outputs);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _widened.Dispose();
    }
}
