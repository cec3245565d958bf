namespace Lur.Losses;

/// <summary>A loss of a network's output on one batch, the mean over its rows: value, the gradient of the output, and the
/// gradient's tangent, each recorded into a program.</summary>
public abstract class Loss
{
    /// <summary>Loss of each row, real [N].</summary>
    public abstract Value RowLoss { get; }

    /// <summary>True where an answer is right or wrong, so that a share of right ones says something.</summary>
    public virtual bool HasAnswers => true;

    /// <summary>Adds the batch's sum of row losses, its number of right answers and its number of rows to three doubles.</summary>
    /// <param name="totals">Three doubles.</param>
    public abstract void Accumulate(Operand<double> totals);

    /// <summary>Writes the gradient of the mean loss with respect to the output.</summary>
    /// <param name="gradient">Shape of the output.</param>
    public abstract void Backward(Value gradient);

    /// <summary>Writes the tangent of that gradient.</summary>
    /// <param name="tangent">Tangent of the output.</param>
    /// <param name="tangentGradient">Receives the tangent of the gradient.</param>
    /// <exception cref="NotSupportedException">The loss has no second derivative here.</exception>
    public abstract void BackwardTangent(Value tangent, Value tangentGradient);
}
