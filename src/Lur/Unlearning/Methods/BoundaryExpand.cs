using Lur.Models;
using Lur.Steps;

namespace Lur.Unlearning;

/// <summary>Options of <see cref="BoundaryExpand"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 1e-6, Source = Code)]
[OptionDefault(nameof(Epochs), 10, Source = Code)]
public sealed partial record BoundaryExpandOptions : RepairOptions
{
    private const string Code =
        "public code of SalUn; 5e-6 for half of the data, 1e-5 for other data sets; its authors search from 1e-8 on";

    /// <summary>Do as the public code where numbers depend on it.</summary>
    [Option("compat", false, Source = "ours")]
    [Implies(nameof(BatchNorm), BatchNormPolicy.Both)]
    public partial bool Compat { get; init; }
}

/// <summary>Boundary expand (Chen et al., CVPR 2023): trains the forget samples to a class of their own, one output more than the
/// model has, and takes that output away again.</summary>
/// <remarks>Works on a widened copy: the head gets one more row, drawn as torch draws it; the old rows stay. <see cref="Finish"/>
/// writes everything but the extra row back into the model.</remarks>
public sealed class BoundaryExpand : UnlearningMethod
{
    private readonly Model _widened;

    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public BoundaryExpand(UnlearningTask task, BoundaryExpandOptions options)
        : base(task)
    {
        using var construction = Construct();
        options = options.Validated() with { Seed = task.Seed };
        _widened = Own(task.Model.WithOutputs(["(forgotten)"], task.Seed));
        var repair = new Repair(this, options, _widened);
        var feed = repair.Forget();
        var step = repair.Single("forget", feed, TermRole.Forget, prepare: (batch, _) => batch.Labels.Fill(Model.Outputs));
        SetEpochs(options.Epochs, (step, feed.BatchesPerEpoch));
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<BoundaryExpandOptions>(
            "boundary-expand",
            "Boundary expand",
            "Trains forget samples to an output of their own that is added for this and stripped at the end.",
            MethodNeeds.ForgetData,
            "Chen, Gao, Liu, Peng, Wang, CVPR 2023, Boundary Unlearning; boundary_ex.py of the public code of SalUn",
            "The extra output is stripped, as in the paper; the public code evaluates with it, which a model of the same "
                + "architecture cannot. Running statistics stay; --compat moves them, as the public code does.",
            (task, options) => new BoundaryExpand(task, options)
        );

    /// <inheritdoc/>
    public override long VectorBytes => base.VectorBytes + _widened.Parameters.Bytes;

    /// <inheritdoc/>
    protected override Model Trained => _widened;

    /// <summary>Writes the widened copy back without its extra output.</summary>
    public override void Finish() => Model.TakeFrom(_widened);
}
