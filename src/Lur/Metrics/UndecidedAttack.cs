using System.Globalization;

namespace Lur.Metrics;

/// <summary>A membership attack that can decide nothing about a model.</summary>
/// <param name="Name">One of <see cref="MembershipAttacks.Names"/>; <see cref="Membership"/> for that of the MIA column.</param>
/// <param name="Reason">Why, for the middle of a sentence.</param>
public sealed record UndecidedAttack(string Name, string Reason)
{
    /// <summary>Name of the attack of the MIA column.</summary>
    public const string Membership = "confidence";

    private const double LeastRange = 5;

    /// <summary>The attacks that can decide nothing; that of the MIA column first.</summary>
    internal static IReadOnlyList<UndecidedAttack> In(MetricComparison mia, VerdictEvidence evidence)
    {
        var found = new List<UndecidedAttack>();
        if (Why(mia.Values, evidence.Membership) is { } reason)
            found.Add(new UndecidedAttack(Membership, reason));
        foreach (var attack in evidence.Attacks)
        {
            // The threshold looks at the same number as the attack of the MIA column, and has no accuracy of its own.
            var power = attack.Name == MembershipAttacks.Threshold ? evidence.Membership : attack.Power;
            if (Why(attack.Values, power) is { } why)
                found.Add(new UndecidedAttack(attack.Name, why));
        }

        return found;
    }

    /// <summary>The sentence of a verdict; empty where every attack decides.</summary>
    internal static string Sentence(IReadOnlyList<UndecidedAttack> undecided)
    {
        if (undecided.FirstOrDefault(u => u.Name == Membership) is not { } mia)
            return "";
        var others = undecided.Where(u => u != mia && u.Name != MembershipAttacks.Loss).ToArray();
        return $"The membership inference (MIA) is unable to decide: {mia.Reason}"
            + (
                others.Length == 0
                    ? "."
                    : $"; nor can the attacks on {string.Join(", ", others.Select(u => MembershipAttacks.InWords(u.Name)))}."
            );
    }

    private static string? Why(MetricValues values, AttackPower? power)
    {
        if (power is { IsGuessing: true })
            return string.Create(
                CultureInfo.InvariantCulture,
                $"the attack itself tells trained-on from unseen images in {100 * power.Weaker:0.0} % of the cases, where guessing gives "
                    + $"50 % (saturated confidences)"
            );
        if (values.Retrained is not { Count: > 1 } retrained || !double.IsFinite(retrained.Mean))
            return null;
        var one = UnlearningVerdict.Spread(retrained with { Deviation = double.NaN }, values.Samples);
        var band = 2 * Math.Sqrt(2) * one;
        var gap = Math.Abs(values.Unlearned.Mean - retrained.Mean);
        return retrained.Range > Math.Max(band, LeastRange) && !(gap > 2 * retrained.Range)
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"its value moves by {retrained.Range:0.0#} points between the retrained models themselves (band {band:0.0#})"
            )
            : null;
    }
}
