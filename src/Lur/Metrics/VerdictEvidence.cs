namespace Lur.Metrics;

/// <summary>What a verdict goes by beside the four numbers; all of it is optional, and a verdict without any is one on the four numbers
/// alone.</summary>
public sealed record VerdictEvidence
{
    /// <summary>Nothing.</summary>
    public static VerdictEvidence None { get; } = new();

    /// <summary>Test accuracy of each class that is kept, by its name.</summary>
    public IReadOnlyList<(string Name, MetricValues Values)> Classes { get; init; } = [];

    /// <summary>Accuracy on the test images of the classes forgotten whole; null where there are none.</summary>
    public MetricValues? ForgottenClasses { get; init; }

    /// <summary>Accuracy of the attack behind MIA itself, retain against test samples; null where it was not measured.</summary>
    public AttackPower? Membership { get; init; }

    /// <summary>Further membership attacks.</summary>
    public IReadOnlyList<AttackEvidence> Attacks { get; init; } = [];

    /// <summary>Relearning attacks.</summary>
    public IReadOnlyList<RelearningEvidence> Relearning { get; init; } = [];
}

/// <summary>How well an attack tells samples that were trained on from samples that were not, from 0 to 1; 0.5 is guessing.</summary>
/// <param name="Unlearned">On the unlearned models, mean.</param>
/// <param name="Retrained">On the retrained models, mean; NaN without.</param>
/// <param name="Samples">Samples of the smaller side that were told apart.</param>
public sealed record AttackPower(double Unlearned, double Retrained, int Samples)
{
    private const double Least = 0.02;

    /// <summary>True if on one of the two models the attack is no better than guessing: by 2 points or by less than two standard errors.
    /// What it says of the forget set is then chance.</summary>
    public bool IsGuessing
    {
        get
        {
            // Mean of two rates, each of Samples or more: its error is at most sqrt(2 * 0.25 / n) / 2.
            var bound = Math.Max(Least, 2 * Math.Sqrt(0.125 / Math.Max(1, Samples)));
            return Weaker < 0.5 + bound;
        }
    }

    /// <summary>The smaller of the two accuracies.</summary>
    public double Weaker => double.IsNaN(Retrained) ? Unlearned : Math.Min(Unlearned, Retrained);
}

/// <summary>One membership attack on both models.</summary>
/// <param name="Name">One of <see cref="MembershipAttacks.Names"/>.</param>
/// <param name="Values">Share of the forget set judged never seen; of the loss attack its accuracy. In percent.</param>
/// <param name="Power">How well it tells members from others, where it has such a number.</param>
public sealed record AttackEvidence(string Name, MetricValues Values, AttackPower? Power)
{
    /// <summary>Of the loss attack: true if the forget set has more loss than for Retrain, so that more was lost than was to be
    /// forgotten.</summary>
    public bool WorseThanRetrain { get; init; }
}

/// <summary>One relearning attack on both models.</summary>
/// <param name="Shots">Forget samples in every batch.</param>
/// <param name="Unlearned">A curve for each unlearned model.</param>
/// <param name="Retrained">A curve for each retrained model, with the same steps.</param>
/// <param name="Samples">Forget samples that the accuracies were measured on.</param>
/// <param name="OriginalForgetAccuracy">Of the original model, percent.</param>
public sealed record RelearningEvidence(
    int Shots,
    IReadOnlyList<RelearningCurve> Unlearned,
    IReadOnlyList<RelearningCurve> Retrained,
    int Samples,
    double OriginalForgetAccuracy
)
{
    /// <summary>Share of the original's forget accuracy that counts as recovered, percent.</summary>
    public const double RecoveredShare = 50;

    /// <summary>The first measured step at which the mean forget accuracy of the unlearned models is half of the original's or more; null
    /// if none is.</summary>
    public int? UnlearnedSteps => StepsToRecover(Unlearned, OriginalForgetAccuracy);

    /// <summary>The same of the retrained models.</summary>
    public int? RetrainedSteps => StepsToRecover(Retrained, OriginalForgetAccuracy);

    /// <summary>The attack in words.</summary>
    public string Title => Shots == 0 ? "on the retain set only" : $"with {Shots} forget samples in every batch";

    /// <summary>The first measured step at which the mean forget accuracy of some curves is half of the original's or more; null if
    /// none is.</summary>
    /// <param name="curves">Curves with the same steps; may be empty.</param>
    /// <param name="originalForgetAccuracy">Of the original model, percent.</param>
    public static int? StepsToRecover(IReadOnlyList<RelearningCurve> curves, double originalForgetAccuracy)
    {
        ArgumentNullException.ThrowIfNull(curves);
        return curves.Count == 0 ? null : RelearningCurve.Mean(curves).StepsToReach(RecoveredShare, originalForgetAccuracy);
    }
}

/// <summary>What a number outside its band is about.</summary>
public enum FindingKind
{
    /// <summary>One of the four numbers.</summary>
    Metric,

    /// <summary>Test accuracy of a kept class.</summary>
    Class,

    /// <summary>Test accuracy of the classes forgotten whole.</summary>
    ForgottenClasses,

    /// <summary>A membership attack.</summary>
    Attack,

    /// <summary>A relearning attack.</summary>
    Relearning,
}

/// <summary>One number outside its band.</summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Name">Name of the metric, the class or the attack.</param>
/// <param name="Verdict">What it speaks for.</param>
/// <param name="Unlearned">Mean of the unlearned models, percent.</param>
/// <param name="Retrained">Mean of the retrained models, percent.</param>
/// <param name="Band">Gaps up to this size are within the spread of runs, points.</param>
/// <param name="Text">It in words, for the middle of a sentence.</param>
public sealed record VerdictFinding(
    FindingKind Kind,
    string Name,
    Verdict Verdict,
    double Unlearned,
    double Retrained,
    double Band,
    string Text
)
{
    /// <summary>Unlearned minus retrained, points.</summary>
    public double Gap => Unlearned - Retrained;

    internal double Weight => Math.Abs(Gap) / Band;
}
