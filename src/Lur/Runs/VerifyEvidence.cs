using Lur.Data;
using Lur.Metrics;

namespace Lur.Runs;

/// <summary>What a verification goes by beside the four numbers, from what was measured of each model.</summary>
internal static class VerifyEvidence
{
    /// <summary>Gathers it.</summary>
    /// <param name="before">The original.</param>
    /// <param name="unlearned">Unlearned models.</param>
    /// <param name="retrained">Retrained models; may be empty.</param>
    /// <param name="set">What was forgotten and retained.</param>
    /// <param name="classes">Names of the classes.</param>
    /// <param name="relearning">What relearning attacks found, with the forget samples each was measured on.</param>
    public static VerdictEvidence Of(
        Assessment before,
        IReadOnlyList<MeasuredModel> unlearned,
        IReadOnlyList<MeasuredModel> retrained,
        ForgetSet set,
        IReadOnlyList<string> classes,
        IReadOnlyList<RelearningOutcome> relearning
    )
    {
        if (retrained.Count == 0)
            return VerdictEvidence.None;
        MetricValues Values(Func<Assessment, double> value, int samples) =>
            new(
                value(before),
                SeedSummary.Of([.. unlearned.Select(m => value(m.Assessment))]),
                SeedSummary.Of([.. retrained.Select(m => value(m.Assessment))]),
                Math.Max(1, samples)
            );
        var forgotten = set.WholeClasses.ToHashSet();
        var images = before.Test.Labels.CountBy(l => l).ToDictionary();
        var whole = images.Where(i => forgotten.Contains(i.Key)).Sum(i => i.Value);
        return new VerdictEvidence
        {
            Classes =
            [
                .. Enumerable
                    .Range(0, classes.Count)
                    .Where(c => !forgotten.Contains(c) && images.ContainsKey(c))
                    .Select(c => (classes[c], Values(a => a.Metrics.PerClassTestAccuracy[c], images[c]))),
            ],
            ForgottenClasses = whole == 0 ? null : Values(a => a.Metrics.ForgottenClassTestAccuracy, whole),
            Membership = Power(0, before, unlearned, retrained, set),
            Attacks = [.. Attacks(before, unlearned, retrained, set, Values)],
            Relearning =
            [
                .. relearning.Select(r => new RelearningEvidence(
                    r.Shots,
                    r.Unlearned,
                    r.Retrained,
                    Math.Max(1, r.Samples),
                    100 - before.Metrics.UnlearningAccuracy
                )),
            ],
        };
    }

    /// <summary>The attacks beside that of the MIA column, but for the published form of the modified entropy: its value for an image
    /// depends on which classes are in its set.</summary>
    private static IEnumerable<AttackEvidence> Attacks(
        Assessment before,
        IReadOnlyList<MeasuredModel> unlearned,
        IReadOnlyList<MeasuredModel> retrained,
        ForgetSet set,
        Func<Func<Assessment, double>, int, MetricValues> values
    )
    {
        for (var i = 0; i < before.Attacks.Count; i++)
        {
            var (attack, name) = (i, before.Attacks[i].Name);
            if (name is UndecidedAttack.Membership or "m_entropy_published")
                continue;
            var ofLoss = name == MembershipAttacks.Loss;
            yield return new AttackEvidence(
                name,
                values(a => ofLoss ? 100 * a.Attacks[attack].Accuracy : a.Attacks[attack].Efficacy, set.Forget.Length),
                ofLoss || double.IsNaN(before.Attacks[i].Accuracy) ? null : Power(i, before, unlearned, retrained, set)
            )
            {
                WorseThanRetrain =
                    unlearned.Average(m => m.Assessment.Forget.MeanLoss) > retrained.Average(m => m.Assessment.Forget.MeanLoss),
            };
        }
    }

    /// <summary>How well an attack tells retain from test images; that of the MIA column is measured where the attacks were left
    /// out.</summary>
    private static AttackPower Power(
        int attack,
        Assessment before,
        IReadOnlyList<MeasuredModel> unlearned,
        IReadOnlyList<MeasuredModel> retrained,
        ForgetSet set
    )
    {
        Predictions Kept(Predictions test) => set.WholeClasses.Count == 0 ? test : test.Where(c => !set.WholeClasses.Contains(c));
        double Of(Assessment a) =>
            a.Attacks.Count > 0 ? a.Attacks[attack].Accuracy : MembershipInference.TrainingPrivacy(a.Retain, Kept(a.Test)).Value;
        var test = Kept(before.Test).Count;
        var others = test - (test / 2);
        var members = before.Retain.Count - (Math.Min(test, before.Retain.Count) / 2);
        return new AttackPower(
            unlearned.Average(m => Of(m.Assessment)),
            retrained.Average(m => Of(m.Assessment)),
            Math.Min(others, members)
        );
    }
}
