using Lur.Layers;
using Lur.Models;
using Lur.Tensors;

namespace Lur.Training;

/// <summary>Loss and gradient of a network on one batch, appended to a step program; afterwards, on request, the product of
/// the loss's Hessian with a vector on the same batch.</summary>
public sealed class GradientEvaluation
{
    private readonly Network _network;

    /// <summary>Emits forward and backward.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names.</param>
    /// <param name="model">Gives network and running statistics.</param>
    /// <param name="weights">Parameters to evaluate at.</param>
    /// <param name="batch">Images and labels.</param>
    /// <param name="loss">Loss.</param>
    /// <param name="mode">Behaviour of normalisation layers.</param>
    /// <param name="gradient">Receives the gradient of the mean loss.</param>
    /// <param name="inputGradient">True to compute the gradient of the images too.</param>
    public GradientEvaluation(
        Program program,
        string name,
        Model model,
        FlatVector weights,
        IBatch batch,
        LossSpec loss,
        NormalizationMode mode,
        FlatVector gradient,
        bool inputGradient = false
    )
        : this(program, name, model, weights, batch, loss, mode, gradient, null, null, inputGradient) { }

    private GradientEvaluation(
        Program program,
        string name,
        Model model,
        FlatVector weights,
        IBatch batch,
        LossSpec loss,
        NormalizationMode mode,
        FlatVector gradient,
        FlatVector? v,
        FlatVector? h,
        bool inputGradient
    )
    {
        _network = model.Network;
        Pass = new NetworkPass(program, name, batch.Batch, weights, model.Buffers, mode)
        {
            Gradients = gradient,
            WithInputGradient = inputGradient,
        };
        Logits = _network.Forward(Pass, batch.Input);
        Loss = new LossHead(Pass, Logits, batch.DeviceLabels, loss);
        if (v is null)
        {
            Loss.Backward();
            _network.Backward(Pass);
            return;
        }

        Pass.WeightTangents = v;
        Pass.GradientTangents = h;
        _network.ForwardTangent(Pass);
        Loss.Backward();
        Loss.BackwardTangent();
        _network.BackwardWithTangent(Pass);
    }

    /// <summary>Emits gradient and Hessian-vector product in one go, which takes a third less memory than one after the
    /// other: no gradient of an activation outlives its layer.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names.</param>
    /// <param name="model">Gives network and running statistics.</param>
    /// <param name="weights">Parameters to evaluate at.</param>
    /// <param name="batch">Images and labels.</param>
    /// <param name="loss">Loss.</param>
    /// <param name="mode">Behaviour of normalisation layers.</param>
    /// <param name="gradient">Receives the gradient of the mean loss.</param>
    /// <param name="v">Direction; read.</param>
    /// <param name="h">Receives H v.</param>
    public static GradientEvaluation WithProduct(
        Program program,
        string name,
        Model model,
        FlatVector weights,
        IBatch batch,
        LossSpec loss,
        NormalizationMode mode,
        FlatVector gradient,
        FlatVector v,
        FlatVector h
    ) => new(program, name, model, weights, batch, loss, mode, gradient, v, h, inputGradient: false);

    /// <summary>The pass.</summary>
    public NetworkPass Pass { get; }

    /// <summary>Output of the network, [N, classes].</summary>
    public Value Logits { get; }

    /// <summary>The loss.</summary>
    public LossHead Loss { get; }

    /// <summary>Emits h = H v by the tangent of forward and backward (R-operator; Pearlmutter 1994), on the values kept from
    /// this evaluation: same batch, augmentation and batch statistics. Running statistics are not touched.</summary>
    /// <param name="v">Direction; read.</param>
    /// <param name="h">Receives H v.</param>
    public void HessianVectorProduct(FlatVector v, FlatVector h)
    {
        Pass.WeightTangents = v;
        Pass.GradientTangents = h;
        _network.ForwardTangent(Pass);
        Loss.BackwardTangent();
        _network.BackwardTangent(Pass);
    }
}
