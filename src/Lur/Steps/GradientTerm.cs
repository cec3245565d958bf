using Lur.Tensors;

namespace Lur.Steps;

/// <summary>The gradient of a loss in a step: the vector that receives it, and the evaluation that a Hessian-vector product goes
/// on from.</summary>
public sealed class GradientTerm
{
    internal GradientTerm(LossTerm term, FlatVector vector, BatchGradient evaluation, int totals) =>
        (Term, Vector, Evaluation, Totals) = (term, vector, evaluation, totals);

    /// <summary>The loss.</summary>
    public LossTerm Term { get; }

    /// <summary>Receives the gradient of the mean loss.</summary>
    public FlatVector Vector { get; }

    internal BatchGradient Evaluation { get; }

    /// <summary>True where its loss counts right answers.</summary>
    public bool HasAnswers { get; internal init; } = true;

    /// <summary>Place of its three totals in the telemetry.</summary>
    internal int Totals { get; }
}
