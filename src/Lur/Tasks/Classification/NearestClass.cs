using Lur.Layers;
using Lur.Losses;
using Lur.Models;
using Lur.Steps;
using Lur.Tensors;

namespace Lur.Tasks.Classification;

/// <summary>Rows with the labels of the classes that lie nearest to them across a model's decision boundary, found by one adversarial
/// step: x' = x + epsilon sign(grad_x CE(T(x), y)), clipped to [0, 1] and rounded to 1/255; y' = argmax T(x').</summary>
internal static class NearestClass
{
    /// <summary>Records the search.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="stage">The rows.</param>
    /// <param name="model">T, evaluated with its running statistics.</param>
    /// <param name="gradient">Receives the gradient of T's parameters, which comes with the images' and is not used.</param>
    /// <param name="epsilon">Length of the step, of pixels in [0, 1].</param>
    /// <param name="another">True where a row's own class is never its nearest.</param>
    public static LabelledBatch Relabel(
        Program program,
        ClassificationBatch stage,
        Model model,
        FlatVector gradient,
        double epsilon,
        bool another
    )
    {
        var site = new EvaluationSite(program, "original", model.Network, model.Parameters, model.Buffers, NormalizationMode.Frozen)
        {
            Frozen = model.Frozen,
        };
        var attack = new GradientEvaluation(
            site,
            stage,
            ClassificationTask.CrossEntropy(LossSpec.CrossEntropy),
            gradient,
            inputGradient: true
        );
        var moved = Step(program, stage, attack.Pass.GradientOf(stage.Input), epsilon);
        var pass = new NetworkPass(program, "adversarial", stage.Batch, model.Parameters, model.Buffers, NormalizationMode.Frozen)
        {
            Frozen = model.Frozen,
        };
        var logits = model.Network.Forward(pass, moved);
        if (another)
            Exclude(program, logits, stage.DeviceLabels);
        var nearest = new SoftmaxCrossEntropy(program, "adversarial", logits, stage.DeviceLabels, LossSpec.CrossEntropy).Predicted;
        return new LabelledBatch(stage.Batch, stage.Input, nearest);
    }

    private static Value Step(Program program, ClassificationBatch stage, Value gradient, double epsilon)
    {
        var x = stage.Input;
        var moved = program.Real("adversarial/images", ValueRole.Input, x.Shape);
        var (rows, width, channels, step) = (x.Shape[0] * x.Shape[1], x.Shape[2], x.Shape[3], 255 * epsilon);
        var (kernels, shape) = (program.Launch.Fgsm, program.Device.Rows(rows, width, x.Shape.Count));
        kernels.FgsmStep(shape, moved, x, gradient, stage.Mean, stage.Std, rows, width, channels, step);
        return moved;
    }

    private static void Exclude(Program program, Value logits, Value labels)
    {
        var (kernels, n, classes) = (program.Launch.Fgsm, logits.Shape[0], logits.Shape[1]);
        kernels.FgsmExclude(program.Device.Elements(n), logits, labels, n, classes);
    }
}
