namespace Lur.Metrics;

/// <summary>The best single threshold between members and non-members on one feature: a cross-check of the support vector
/// machine, whose decision region on one feature is a union of intervals.</summary>
/// <remarks>The two agree where the feature spreads over its range. Where confidences crowd next to 1, a kernel of width 1
/// cannot resolve what a threshold can: the threshold is then the stronger attack, and the values lie tens of points apart.</remarks>
/// <param name="Threshold">Between two neighbouring values of the feature; infinite if all samples are best put on one side.</param>
/// <param name="MembersAbove">True if values above the threshold are judged members.</param>
/// <param name="Accuracy">Share of the samples it was fitted on that are judged rightly.</param>
public sealed record ThresholdAttack(double Threshold, bool MembersAbove, double Accuracy)
{
    /// <summary>Finds the threshold with the highest accuracy; the lowest such threshold, members above, on ties.</summary>
    /// <param name="members">Feature of the members.</param>
    /// <param name="nonMembers">Feature of the non-members.</param>
    /// <returns>The attack, or null if both sets are empty or a value is not finite.</returns>
    public static ThresholdAttack? Fit(IReadOnlyList<double> members, IReadOnlyList<double> nonMembers)
    {
        (double Value, bool IsMember)[] all = [.. members.Select(v => (v, true)), .. nonMembers.Select(v => (v, false))];
        if (all.Length == 0 || !all.All(a => double.IsFinite(a.Value)))
            return null;
        Array.Sort(all, (a, b) => a.Value.CompareTo(b.Value));
        // Right answers of "member above": at first all samples are above.
        var right = members.Count;
        var best = new ThresholdAttack(double.NegativeInfinity, right >= nonMembers.Count, 0);
        var most = Math.Max(right, nonMembers.Count);
        for (var i = 0; i < all.Length; i++)
        {
            right += all[i].IsMember ? -1 : 1;
            if (i + 1 < all.Length && all[i + 1].Value == all[i].Value)
                continue;
            var score = Math.Max(right, all.Length - right);
            if (score <= most)
                continue;
            most = score;
            best = new ThresholdAttack(
                i + 1 < all.Length ? Between(all[i].Value, all[i + 1].Value) : double.PositiveInfinity,
                right >= all.Length - right,
                0
            );
        }

        return best with
        {
            Accuracy = (double)most / all.Length,
        };
    }

    /// <summary>True if a sample with this feature is judged a member.</summary>
    public bool IsMember(double value) => value > Threshold == MembersAbove;

    /// <summary>The counterpart of <see cref="MembershipInference.ForgetEfficacy"/> on the true-class probability, with the same
    /// members and non-members: percentage of the forget set judged non-member. NaN where that is.</summary>
    /// <param name="retain">Predictions on the retain set.</param>
    /// <param name="test">Predictions on the test set.</param>
    /// <param name="forget">Predictions on the forget set.</param>
    public static MembershipResult ForgetEfficacy(Predictions retain, Predictions test, Predictions forget)
    {
        var members = retain.InIndexOrder().Range(0, Math.Min(test.Count, retain.Count));
        double[] Confidence(Predictions set) => Array.ConvertAll(set.Confidence, c => (double)c);
        var attack = members.Count == 0 || test.Count == 0 ? null : Fit(Confidence(members), Confidence(test));
        var targets = Confidence(forget);
        var value =
            attack is null || targets.Length == 0 || !targets.All(double.IsFinite)
                ? double.NaN
                : 100 * targets.Average(c => attack.IsMember(c) ? 0.0 : 1.0);
        return new MembershipResult(value, members.Count, test.Count, forget.Count);
    }

    /// <summary>The middle; the lower of two neighbouring numbers, so that only the higher is above it.</summary>
    private static double Between(double low, double high)
    {
        var middle = (low / 2) + (high / 2);
        return middle >= low && middle < high ? middle : low;
    }
}
