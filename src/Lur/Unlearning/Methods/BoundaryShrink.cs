using Lur.Models;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tasks.Classification;

namespace Lur.Unlearning;

/// <summary>Options of <see cref="BoundaryShrink"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 1e-6, Source = Code)]
[OptionDefault(nameof(Epochs), 10, Source = Code)]
public sealed partial record BoundaryShrinkOptions : RepairOptions
{
    private const string Code =
        "public code of SalUn; 5e-6 for half of the data, 1e-5 for other data sets; its authors search from 1e-8 on";

    /// <summary>Length of the adversarial step, of pixels in [0, 1].</summary>
    [Option("epsilon", 0.1, Source = "paper and public code", Least = 0, Most = 1)]
    public partial double Epsilon { get; init; }

    /// <summary>Do as the public code where numbers depend on it: a sample's own class may be its nearest.</summary>
    [Option("compat", false, Source = "ours")]
    [Implies(nameof(BatchNorm), BatchNormPolicy.Both)]
    public partial bool Compat { get; init; }
}

/// <summary>Boundary shrink (Chen et al., CVPR 2023): trains each forget sample to the class that lies nearest to it across the
/// decision boundary of the original model.</summary>
/// <remarks>T is a frozen copy of the original model. x' = x + epsilon sign(grad_x CE(T(x), y)), clipped to [0, 1] and rounded
/// to 1/255; y' = argmax T(x') over the classes but y; then a step of SGD on CE(theta; x, y').</remarks>
public sealed class BoundaryShrink : UnlearningMethod
{
    private readonly BoundaryShrinkOptions _options;
    private readonly Model _original;

    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public BoundaryShrink(UnlearningTask task, BoundaryShrinkOptions options)
        : base(task)
    {
        using var construction = Construct();
        _options = options = options.Validated() with { Seed = task.Seed };
        _original = Own(Model.Clone());
        var repair = new Repair(this, options);
        var feed = repair.Forget();
        SetEpochs(options.Epochs, (repair.Single("forget", feed, TermRole.Forget, rows: Relabel), feed.BatchesPerEpoch));
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<BoundaryShrinkOptions>(
            "boundary-shrink",
            "Boundary shrink",
            "Trains forget samples to the class nearest to them in the original model, found by one adversarial step.",
            MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Chen, Gao, Liu, Peng, Wang, CVPR 2023, Boundary Unlearning; boundary_sh.py of the public code of SalUn",
            "The nearest class is never the sample's own, as in the paper; the public code takes the argmax whatever it is. "
                + "Running statistics stay. --compat does both the public code's way. Ties of the rounding to 1/255 go up.",
            (task, options) => new BoundaryShrink(task, options)
        );

    /// <inheritdoc/>
    public override long VectorBytes => base.VectorBytes + _original.Parameters.Bytes;

    /// <summary>The rows with the labels of the classes nearest to them.</summary>
    private LabelledBatch Relabel(Step step, BatchStage stage) =>
        NearestClass.Relabel(
            step.Program,
            (ClassificationBatch)stage,
            _original,
            step.Vector("gradient of the original"),
            _options.Epsilon,
            another: !_options.Compat
        );
}
