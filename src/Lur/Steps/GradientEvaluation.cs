using Lur.Layers;
using Lur.Losses;
using Lur.Models;
using Lur.Tensors;

namespace Lur.Steps;

/// <summary>Where a network is evaluated, and at what weights.</summary>
/// <param name="Program">Program under construction.</param>
/// <param name="Name">Prefix of buffer names.</param>
/// <param name="Network">The network.</param>
/// <param name="Weights">Parameters to evaluate at.</param>
/// <param name="Statistics">Running statistics, read where they normalise and written where a pass moves them.</param>
/// <param name="Mode">Behaviour of normalisation layers.</param>
public sealed record EvaluationSite(
    Program Program,
    string Name,
    Network Network,
    FlatVector Weights,
    FlatVector Statistics,
    NormalizationMode Mode
)
{
    /// <summary>The weights that are not trained; null for a network without.</summary>
    public FlatVector? Frozen { get; init; }
}

/// <summary>Loss and gradient of a network on one batch, appended to a step program; afterwards, on request, the product of
/// the loss's Hessian with a vector on the same batch.</summary>
public sealed class GradientEvaluation
{
    private readonly Network _network;

    /// <summary>Records forward and backward, with the model's own running statistics.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names.</param>
    /// <param name="model">Gives network and running statistics.</param>
    /// <param name="weights">Parameters to evaluate at.</param>
    /// <param name="batch">The rows.</param>
    /// <param name="loss">Records the loss behind the output.</param>
    /// <param name="mode">Behaviour of normalisation layers.</param>
    /// <param name="gradient">Receives the gradient of the mean loss.</param>
    /// <param name="inputGradient">True to compute the gradient of the inputs too.</param>
    public GradientEvaluation(
        Program program,
        string name,
        Model model,
        FlatVector weights,
        IBatch batch,
        LossFactory loss,
        NormalizationMode mode,
        FlatVector gradient,
        bool inputGradient = false
    )
        : this(
            new EvaluationSite(program, name, model.Network, weights, model.Buffers, mode) { Frozen = model.Frozen },
            batch,
            loss,
            gradient,
            inputGradient
        ) { }

    /// <summary>Records forward and backward.</summary>
    /// <param name="site">Where and at what weights.</param>
    /// <param name="batch">The rows.</param>
    /// <param name="loss">Records the loss behind the output.</param>
    /// <param name="gradient">Receives the gradient of the mean loss.</param>
    /// <param name="inputGradient">True to compute the gradient of the inputs too.</param>
    public GradientEvaluation(EvaluationSite site, IBatch batch, LossFactory loss, FlatVector gradient, bool inputGradient = false)
        : this(site, batch, loss, gradient, null, null, inputGradient) { }

    private GradientEvaluation(
        EvaluationSite site,
        IBatch batch,
        LossFactory loss,
        FlatVector gradient,
        FlatVector? v,
        FlatVector? h,
        bool inputGradient
    )
    {
        _network = site.Network;
        Pass = new NetworkPass(site.Program, site.Name, batch.Batch, site.Weights, site.Statistics, site.Mode)
        {
            Frozen = site.Frozen,
            Gradients = gradient,
            WithInputGradient = inputGradient,
            Random = batch.Random,
        };
        Output = _network.Forward(Pass, batch.Inputs.ToValues());
        Loss = loss(new LossSite(site.Program, site.Name, Output, batch));
        if (v is null)
        {
            Loss.Backward(Pass.GradientOf(Output, out _));
            _network.Backward(Pass);
            return;
        }

        Pass.WeightTangents = v;
        Pass.GradientTangents = h;
        _network.ForwardTangent(Pass);
        Loss.Backward(Pass.GradientOf(Output, out _));
        Loss.BackwardTangent(Pass.TangentOf(Output), Pass.TangentGradientOf(Output, out _));
        _network.BackwardWithTangent(Pass);
    }

    /// <summary>Records gradient and Hessian-vector product in one go, which takes a third less memory than one after the
    /// other: no gradient of an activation outlives its layer.</summary>
    /// <param name="site">Where and at what weights.</param>
    /// <param name="batch">The rows.</param>
    /// <param name="loss">Records the loss behind the output.</param>
    /// <param name="gradient">Receives the gradient of the mean loss.</param>
    /// <param name="v">Direction; read.</param>
    /// <param name="h">Receives H v.</param>
    public static GradientEvaluation WithProduct(
        EvaluationSite site,
        IBatch batch,
        LossFactory loss,
        FlatVector gradient,
        FlatVector v,
        FlatVector h
    ) => new(site, batch, loss, gradient, v, h, inputGradient: false);

    /// <summary>The pass.</summary>
    public NetworkPass Pass { get; }

    /// <summary>Output of the network.</summary>
    public Value Output { get; }

    /// <summary>The loss.</summary>
    public Loss Loss { get; }

    /// <summary>Emits h = H v by the tangent of forward and backward (R-operator; Pearlmutter 1994), on the values kept from
    /// this evaluation: same batch, augmentation and batch statistics. Running statistics are not touched.</summary>
    /// <param name="v">Direction; read.</param>
    /// <param name="h">Receives H v.</param>
    public void HessianVectorProduct(FlatVector v, FlatVector h)
    {
        Pass.WeightTangents = v;
        Pass.GradientTangents = h;
        _network.ForwardTangent(Pass);
        Loss.BackwardTangent(Pass.TangentOf(Output), Pass.TangentGradientOf(Output, out _));
        _network.BackwardTangent(Pass);
    }
}
