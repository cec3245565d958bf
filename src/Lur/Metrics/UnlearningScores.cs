namespace Lur.Metrics;

/// <summary>The four numbers of an unlearning table, in percent.</summary>
/// <param name="UnlearningAccuracy">UA = 100 - accuracy on the forget set.</param>
/// <param name="RetainAccuracy">RA.</param>
/// <param name="TestAccuracy">TA, without the classes forgotten whole.</param>
/// <param name="MembershipInference">MIA: <see cref="Metrics.MembershipInference.ForgetEfficacy"/>.</param>
public sealed record UnlearningScores(double UnlearningAccuracy, double RetainAccuracy, double TestAccuracy, double MembershipInference);

/// <summary>Distance to the retrained model in the four numbers.</summary>
/// <param name="UnlearningAccuracy">|UA - UA of Retrain|, points.</param>
/// <param name="RetainAccuracy">The same for RA.</param>
/// <param name="TestAccuracy">The same for TA.</param>
/// <param name="MembershipInference">The same for MIA.</param>
public sealed record AverageGap(double UnlearningAccuracy, double RetainAccuracy, double TestAccuracy, double MembershipInference)
{
    /// <summary>Mean of the four, points; NaN if one is NaN, since a mean of fewer could not be compared.</summary>
    public double Mean => (UnlearningAccuracy + RetainAccuracy + TestAccuracy + MembershipInference) / 4;

    /// <summary>Computes the gaps.</summary>
    /// <param name="scores">Of the unlearned model.</param>
    /// <param name="retrain">Of a model trained anew without the forget set.</param>
    public static AverageGap Compute(UnlearningScores scores, UnlearningScores retrain)
    {
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentNullException.ThrowIfNull(retrain);
        return new AverageGap(
            Math.Abs(scores.UnlearningAccuracy - retrain.UnlearningAccuracy),
            Math.Abs(scores.RetainAccuracy - retrain.RetainAccuracy),
            Math.Abs(scores.TestAccuracy - retrain.TestAccuracy),
            Math.Abs(scores.MembershipInference - retrain.MembershipInference)
        );
    }
}

/// <summary>Tug of war (Zhao et al. 2024, "What makes unlearning hard and what to do about it").</summary>
public static class TugOfWar
{
    /// <summary>ToW = product over forget, retain and test set of (1 - |accuracy - accuracy of Retrain|), accuracies as
    /// shares: 1 is a model that scores like Retrain everywhere, 0 one that is wholly off somewhere. NaN if one is NaN.</summary>
    /// <param name="scores">Of the unlearned model, in percent.</param>
    /// <param name="retrain">Of the retrained model, in percent.</param>
    public static double Compute(UnlearningScores scores, UnlearningScores retrain)
    {
        var gap = AverageGap.Compute(scores, retrain);
        return (1 - (gap.UnlearningAccuracy / 100)) * (1 - (gap.RetainAccuracy / 100)) * (1 - (gap.TestAccuracy / 100));
    }
}
