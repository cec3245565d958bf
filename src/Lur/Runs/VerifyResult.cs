using Lur.Metrics;

namespace Lur.Runs;

/// <summary>A model that was measured.</summary>
/// <param name="Path">Its file.</param>
/// <param name="Assessment">Predictions and metrics.</param>
public sealed record MeasuredModel(string Path, Assessment Assessment);

/// <summary>One relearning attack on every unlearned and every retrained model.</summary>
/// <param name="Shots">Forget samples in every batch; 0 trains on the retain set only.</param>
/// <param name="Unlearned">A curve for each unlearned model.</param>
/// <param name="Retrained">A curve for each retrained model; may be empty.</param>
public sealed record RelearningOutcome(int Shots, IReadOnlyList<RelearningCurve> Unlearned, IReadOnlyList<RelearningCurve> Retrained)
{
    /// <summary>Forget samples that the accuracies were measured on.</summary>
    public int Samples { get; init; }

    /// <summary>Step, and forget and test accuracy over the models of one side.</summary>
    public static IEnumerable<(int Step, SeedSummary Forget, SeedSummary Test)> Summaries(IReadOnlyList<RelearningCurve> curves) =>
        curves.Count == 0
            ? []
            : Enumerable
                .Range(0, curves[0].Points.Count)
                .Select(i =>
                    (
                        curves[0].Points[i].Step,
                        SeedSummary.Of([.. curves.Select(c => c.Points[i].ForgetAccuracy)]),
                        SeedSummary.Of([.. curves.Select(c => c.Points[i].TestAccuracy)])
                    )
                );

    /// <summary>The attack in words.</summary>
    public string Title => Shots == 0 ? "retain set only" : $"{Shots} forget samples in every batch";
}

/// <summary>What a verification found. Gap and tug of war are NaN without a retrained model; damage, over-forgetting and
/// distance are those of the first run.</summary>
public sealed record VerifyResult(
    Assessment Original,
    IReadOnlyList<MeasuredModel> Unlearned,
    IReadOnlyList<MeasuredModel> Retrained,
    UnlearningVerdict Verdict,
    double Gap,
    double TugOfWar,
    ClassDamage Damage,
    OverForgetting Over,
    WeightDistance Distance,
    IReadOnlyList<RelearningOutcome> Relearning,
    IReadOnlyList<string> Classes
)
{
    /// <summary>The first measured step of a relearning attack at which the mean forget accuracy of one side is back at half of the
    /// original's; null where it never is.</summary>
    /// <param name="curves">Curves of that side.</param>
    public int? StepsToRecover(IReadOnlyList<RelearningCurve> curves) =>
        RelearningEvidence.StepsToRecover(curves, 100 - Original.Metrics.UnlearningAccuracy);

    /// <summary>Names of the four numbers, in the order of the verdict's metrics.</summary>
    public static IReadOnlyList<string> MetricNames { get; } = ["UA", "RA", "TA", "MIA"];

    /// <summary>Accuracy of models on what earlier requests made the original forget, percent.</summary>
    /// <param name="models">The unlearned or the retrained ones.</param>
    public static SeedSummary EarlierAccuracy(IReadOnlyList<MeasuredModel> models) =>
        SeedSummary.Of([.. models.Select(m => m.Assessment.Earlier?.Accuracy ?? double.NaN)]);

    /// <summary>One value of an attack for the three models.</summary>
    /// <param name="attack">Number of the attack in the assessments' lists.</param>
    /// <param name="value">Which value.</param>
    /// <returns>NaN where the attack has no such value; null for the retrained model where there is none.</returns>
    public (double Original, SeedSummary Unlearned, SeedSummary? Retrained) Attack(int attack, Func<AttackResult, double> value)
    {
        double Of(Assessment a) => value(a.Attacks[attack]);
        return (
            Of(Original),
            SeedSummary.Of([.. Unlearned.Select(m => Of(m.Assessment))]),
            Retrained.Count == 0 ? null : SeedSummary.Of([.. Retrained.Select(m => Of(m.Assessment))])
        );
    }
}
