namespace Lur.Metrics;

/// <summary>Outcome of a membership inference attack.</summary>
/// <param name="Value">The value; what it means is said by the function that returns it. NaN where it is undefined.</param>
/// <param name="Members">Members the attack was fitted on.</param>
/// <param name="NonMembers">Non-members it was fitted on.</param>
/// <param name="Scored">Samples it was asked about.</param>
public sealed record MembershipResult(double Value, int Members, int NonMembers, int Scored);

/// <summary>Membership inference by a support vector machine, as unlearning is judged in the literature (Liu et al. 2023 and
/// its successors): RBF kernel, C = 3, gamma = 1 / number of features, tolerance 1e-3, no scaling. The labels
/// are those of scikit-learn's SVC, next to the boundary too.</summary>
/// <remarks>
/// The attack is weak: a retrained network's forget set, which it has never seen, is mostly judged "member". The aim is
/// the retrained network's value, not 100. Where whole classes were forgotten, give the test set without them
/// (<see cref="Predictions.Where"/>).
/// <para>Undefined cases: an empty set of members, non-members or samples to score, or a feature that is not finite (a
/// diverged model), give NaN. If members and non-members cannot be told apart and are equally many (a constant feature),
/// the decision value is exactly 0 and every sample counts as a member, as scikit-learn has it; if they are not equally
/// many, every sample goes to the larger side.</para>
/// </remarks>
public static class MembershipInference
{
    private const double Cost = 3;

    /// <summary>The MIA column of the tables ("forget efficacy"): 100 (1 - share of the forget set judged member), in percent.
    /// Members are the first n samples of the retain set in index order, n the size of the test set (all, when it is
    /// smaller); non-members are the whole test set.</summary>
    /// <param name="retain">Predictions on the retain set.</param>
    /// <param name="test">Predictions on the test set.</param>
    /// <param name="forget">Predictions on the forget set.</param>
    /// <param name="feature">What the attack looks at.</param>
    /// <param name="form">Form of the modified entropy.</param>
    public static MembershipResult ForgetEfficacy(
        Predictions retain,
        Predictions test,
        Predictions forget,
        AttackFeature feature = AttackFeature.Confidence,
        EntropyForm form = EntropyForm.Corrected
    )
    {
        var members = retain.InIndexOrder().Range(0, Math.Min(test.Count, retain.Count));
        var judge = Fit(members, test, feature, form);
        var targets = AttackFeatures.Of(forget, feature, form);
        var value = forget.Count == 0 ? double.NaN : 100 * (1 - judge(targets));
        return new MembershipResult(value, members.Count, test.Count, forget.Count);
    }

    /// <summary>"Training privacy": how well the attack finds members among samples it was not fitted on, the mean of the true
    /// positive and the true negative rate; 0.5 is private. With n = min(test, retain) samples, members are the first n/2 of
    /// the retain set in index order, non-members the first half of the test set; all remaining samples of both are scored.</summary>
    /// <param name="retain">Predictions on the retain set.</param>
    /// <param name="test">Predictions on the test set.</param>
    /// <param name="feature">What the attack looks at.</param>
    /// <param name="form">Form of the modified entropy.</param>
    public static MembershipResult TrainingPrivacy(
        Predictions retain,
        Predictions test,
        AttackFeature feature = AttackFeature.Confidence,
        EntropyForm form = EntropyForm.Corrected
    )
    {
        retain = retain.InIndexOrder();
        test = test.InIndexOrder();
        int member = Math.Min(test.Count, retain.Count) / 2,
            other = test.Count / 2;
        var (targetsIn, targetsOut) = (retain.Range(member, retain.Count - member), test.Range(other, test.Count - other));
        var judge = Fit(retain.Range(0, member), test.Range(0, other), feature, form);
        var scored = targetsIn.Count + targetsOut.Count;
        if (targetsIn.Count == 0 || targetsOut.Count == 0)
            return new MembershipResult(double.NaN, member, other, scored);
        var truePositive = judge(AttackFeatures.Of(targetsIn, feature, form));
        var trueNegative = 1 - judge(AttackFeatures.Of(targetsOut, feature, form));
        return new MembershipResult((truePositive + trueNegative) / 2, member, other, scored);
    }

    /// <summary>Fits the attack.</summary>
    /// <returns>The share of samples that are judged members, from their features; NaN if the attack is undefined.</returns>
    private static Func<double[], double> Fit(Predictions members, Predictions nonMembers, AttackFeature feature, EntropyForm form)
    {
        double[] points = [.. AttackFeatures.Of(members, feature, form), .. AttackFeatures.Of(nonMembers, feature, form)];
        int inside = members.Count,
            count = inside + nonMembers.Count;
        if (inside == 0 || inside == count || !points.All(double.IsFinite))
            return _ => double.NaN;
        var dimension = points.Length / count;
        var isMember = Sequences.Range(0, count).Select(i => i < inside).ToValues();
        var machine = SupportVectorMachine.Fit(points, dimension, isMember, new SupportVectorOptions(Cost, 1.0 / dimension));
        // libsvm counts a decision value of 0 for the second class, here the members.
        return targets => targets.All(double.IsFinite) ? machine.Decide(targets).Average(d => d >= 0 ? 1.0 : 0.0) : double.NaN;
    }
}
