using Lur.Layers;
using Lur.Losses;
using Lur.Models;
using Lur.Steps;

namespace Lur.Tasks.Classification;

/// <summary>Telling classes apart: labelled images, a softmax cross-entropy, and what methods do with labels.</summary>
/// <param name="model">A model with one output a class.</param>
public sealed class ClassificationTask(Model model) : LearningTask(model)
{
    /// <summary>Refuses a model that tells no classes apart.</summary>
    /// <exception cref="UserErrorException">The model draws images.</exception>
    public static void Require(Model model)
    {
        if (model.Spec is UNetSpec)
            throw new UserErrorException(
                $"{model.Architecture} draws images and classifies none, which is asked of it here; 'lur sample' draws, and 'lur verify' "
                    + "judges what an unlearned model draws."
            );
    }

    /// <summary>Largest deviation of the Gaussian noise that training images are given, where they lie in [-1, 1]; each has a deviation
    /// of its own, uniform from 0.</summary>
    public double Grain { get; init; }

    /// <inheritdoc/>
    public override LossFactory Loss => CrossEntropy(LossSpec.CrossEntropy);

    /// <inheritdoc/>
    public override LossFactory Ascent => CrossEntropy(LossSpec.NegativeCrossEntropy);

    /// <summary>A softmax cross-entropy with the labels of the rows.</summary>
    /// <param name="spec">Which.</param>
    public static LossFactory CrossEntropy(LossSpec spec) =>
        site => new SoftmaxCrossEntropy(site.Program, site.Name, site.Output, LabelsOf(site), spec);

    /// <summary>A cross-entropy and a divergence from a teacher on the same rows:
    /// crossEntropy CE + divergence T^2 KL(teacher || student).</summary>
    /// <param name="teacher">Evaluated with its running statistics.</param>
    /// <param name="crossEntropy">Weight of the cross-entropy.</param>
    /// <param name="divergence">Weight of the divergence; below 0 to move away.</param>
    /// <param name="temperature">T, which softens both.</param>
    public static LossFactory Distillation(Model teacher, double crossEntropy, double divergence, double temperature) =>
        site =>
        {
            var pass = new NetworkPass(
                site.Program,
                site.Name + "/teacher",
                site.Batch.Batch,
                teacher.Parameters,
                teacher.Buffers,
                NormalizationMode.Frozen
            )
            {
                Frozen = teacher.Frozen,
            };
            var taught = teacher.Network.Forward(pass, site.Batch.Inputs.ToValues());
            return new Distillation(site.Program, site.Name, site.Output, taught, LabelsOf(site), crossEntropy, divergence, temperature);
        };

    /// <inheritdoc/>
    public override BatchStage Batch(Program program, string name, int rows, bool augment, ulong seed, bool fed = true) =>
        new ClassificationBatch(program, name, rows, Model, augment, seed, fed, Grain);

    /// <summary>A loss that makes a model forget, from its name.</summary>
    /// <param name="kind">Which.</param>
    /// <param name="margin">Margin of the bounded loss above log(classes), nats.</param>
    public LossFactory Forget(ForgetLoss kind, double margin) =>
        kind switch
        {
            ForgetLoss.NegativeCrossEntropy => Ascent,
            ForgetLoss.BoundedNegativeCrossEntropy => CrossEntropy(new LossSpec(-1, 0, Math.Max(1e-6, Math.Log(Model.Outputs) + margin))),
            ForgetLoss.RandomLabel => Loss,
            _ => Uniform(1),
        };

    /// <summary>weight KL(uniform || p), up to a constant: least where every class is as likely.</summary>
    /// <param name="weight">Weight; above 0.</param>
    public static LossFactory Uniform(double weight) => CrossEntropy(new LossSpec(weight, 1, 0));

    private static Value LabelsOf(LossSite site) =>
        site.Batch is ILabelledBatch batch
            ? batch.DeviceLabels
            : throw new ArgumentException($"The rows of '{site.Name}' have no labels, which a cross-entropy needs.", nameof(site));
}
