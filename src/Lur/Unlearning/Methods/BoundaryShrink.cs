using Lur.Layers;
using Lur.Models;
using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>Boundary shrink (Chen et al., CVPR 2023): trains each forget sample to the class that lies nearest to it across the
/// decision boundary of the original model (methods 5).</summary>
/// <remarks>T is a frozen copy of the original model. x' = x + epsilon sign(grad_x CE(T(x), y)), clipped to [0, 1] and rounded
/// to 1/255; y' = argmax T(x') over the classes but y; then a step of SGD on CE(theta; x, y').</remarks>
public sealed class BoundaryShrinkMethod : UnlearningMethod
{
    private sealed record Relabelled(int Batch, Value Input, Value DeviceLabels) : IBatch;

    private readonly RepairOptions _options;
    private readonly double _epsilon;
    private readonly bool _compat;
    private readonly Model _original;
    private readonly FlatVector _momentum;
    private readonly BatchFeed _feed;
    private readonly SupervisedStep _step;

    private BoundaryShrinkMethod(UnlearningTask task, RepairOptions options, double epsilon, bool compat)
        : base(task)
    {
        (_options, _epsilon, _compat) = (options = options with { Seed = task.Seed }, epsilon, compat);
        _original = Model.Clone();
        _momentum = new FlatVector(Model.Device, Model.Precision, Model.Parameters.Layout, "momentum");
        _feed = new BatchFeed(task.Data, task.Set.Forget, options.BatchSize, RandomStream.StreamOf("order/forget", (long)options.Seed));
        _step = new SupervisedStep(Model, _momentum, options, "forget", LossSpec.CrossEntropy, options.ForgetMode, evaluate: Evaluate);
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        new(
            "boundary-shrink",
            "Boundary shrink",
            "Trains forget samples to the class nearest to them in the original model, found by one adversarial step.",
            MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Chen, Gao, Liu, Peng, Wang, CVPR 2023, Boundary Unlearning; boundary_sh.py of the public code of SalUn",
            "The nearest class is never the sample's own, as in the paper; the public code takes the argmax whatever it is. "
                + "Running statistics stay. --compat does both the public code's way. Ties of the rounding to 1/255 go up.",
            [
                .. RepairOptions.Options(
                    1e-6,
                    10,
                    "public code of SalUn; 5e-6 for half of the data, 1e-5 for other data sets; its authors search from 1e-8 on"
                ),
                MethodOption.Number("epsilon", 0.1, "Length of the adversarial step, of pixels in [0, 1].", "paper and public code"),
                MethodChoices.Compat("a sample's own class may be its nearest", ("bn", "both")),
            ],
            values =>
            {
                var (options, epsilon, compat) = (RepairOptions.Read(values), values.Number("epsilon", 0, 1), values.Flag("compat"));
                return task => new BoundaryShrinkMethod(task, options, epsilon, compat);
            }
        );

    /// <inheritdoc/>
    public override int StepsPerEpoch => _feed.BatchesPerEpoch;

    /// <inheritdoc/>
    public override long Steps => (long)StepsPerEpoch * _options.Epochs;

    /// <inheritdoc/>
    public override Program Program => _step.Program;

    /// <inheritdoc/>
    public override long VectorBytes => _step.Gradient.Bytes + _original.Parameters.Bytes;

    /// <inheritdoc/>
    protected override StepTelemetry MakeStep(long index)
    {
        _feed.Fill((BatchStage)_step.Input);
        var (loss, accuracy, norm, skipped) = _step.Run(index, Steps);
        return StepTelemetry.Empty with { ForgetLoss = loss, ForgetAccuracy = accuracy, ForgetGradientNorm = norm, Skipped = skipped };
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _feed.Dispose();
        _step.Dispose();
        _momentum.Dispose();
        _original.Dispose();
        base.Dispose(disposing);
    }

    private LossHead Evaluate(Program p, BatchInput input, FlatVector gradient)
    {
        // The original model's parameter gradient comes with the images' and is overwritten by the step's own.
        var attack = new GradientEvaluation(
            p,
            "original",
            _original,
            _original.Parameters,
            input,
            LossSpec.CrossEntropy,
            NormalizationMode.Frozen,
            gradient,
            inputGradient: true
        );
        var moved = EmitAttack(p, (BatchStage)input, attack.Pass.GradientOf(input.Input));
        var pass = new NetworkPass(p, "adversarial", input.Batch, _original.Parameters, _original.Buffers, NormalizationMode.Frozen)
        {
            Inference = true,
        };
        var logits = _original.Network.Forward(pass, moved);
        if (!_compat)
            EmitExclusion(p, logits, input.DeviceLabels);
        var nearest = new LossHead(pass, logits, input.DeviceLabels, LossSpec.CrossEntropy).Predicted;
        return new GradientEvaluation(
            p,
            "forget",
            Model,
            Model.Parameters,
            new Relabelled(input.Batch, input.Input, nearest),
            LossSpec.CrossEntropy,
            _options.ForgetMode,
            gradient
        ).Loss;
    }

    private Value EmitAttack(Program p, BatchStage stage, Value gradient)
    {
        var x = stage.Input;
        var moved = p.Real("adversarial/images", ValueRole.Input, x.Shape);
        var (rows, width, channels, step) = (x.Shape[0] * x.Shape[1], x.Shape[2], x.Shape[3], 255 * _epsilon);
        var (kernels, shape) = (p.Launch.Fgsm, p.Device.Rows(rows, width, x.Shape.Count));
        kernels.FgsmStep(shape, moved, x, gradient, stage.Mean, stage.Std, rows, width, channels, step);
        return moved;
    }

    private static void EmitExclusion(Program p, Value logits, Value labels)
    {
        var (kernels, n, classes) = (p.Launch.Fgsm, logits.Shape[0], logits.Shape[1]);
        var shape = p.Device.Elements(n);
        kernels.FgsmExclude(shape, logits, labels, n, classes);
    }
}
