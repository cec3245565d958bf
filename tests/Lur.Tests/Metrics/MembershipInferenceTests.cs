using Lur.Metrics;
using Lur.Tests.Device;
using Lur.Tests.Golden;

namespace Lur.Tests.Metrics;

/// <summary>Acceptance test T8, and the values of scikit-learn.</summary>
public class MembershipInferenceTests
{
    [TestCase("confidence", AttackFeature.Confidence, EntropyForm.Corrected)]
    [TestCase("correctness", AttackFeature.Correctness, EntropyForm.Corrected)]
    [TestCase("entropy", AttackFeature.Entropy, EntropyForm.Corrected)]
    [TestCase("entropy", AttackFeature.Entropy, EntropyForm.Published)]
    [TestCase("modified_entropy", AttackFeature.ModifiedEntropy, EntropyForm.Corrected)]
    [TestCase("modified_entropy_published", AttackFeature.ModifiedEntropy, EntropyForm.Published)]
    [TestCase("probabilities", AttackFeature.Probabilities, EntropyForm.Corrected)]
    public void BothValuesAreScikitLearns(string name, AttackFeature feature, EntropyForm form)
    {
        var fixture = Fixture.Open("membership");
        var (retain, test, forget) = (Read(fixture, "retain"), Read(fixture, "test"), Read(fixture, "forget"));
        var expected = fixture.Doubles(name);
        var efficacy = MembershipInference.ForgetEfficacy(retain, test, forget, feature, form);
        var privacy = MembershipInference.TrainingPrivacy(retain, test, feature, form);
        // Shares of samples: equal but for the rounding of the division.
        Assert.That(efficacy.Value, Is.EqualTo(100 * expected[0]).Within(1e-9));
        Assert.That(privacy.Value, Is.EqualTo(expected[1]).Within(1e-12));
        Assert.That((efficacy.Members, efficacy.NonMembers, efficacy.Scored), Is.EqualTo((220, 220, 61)));
        Assert.That((privacy.Members, privacy.NonMembers, privacy.Scored), Is.EqualTo((110, 110, 150 + 110)));
    }

    [Test]
    public void AllAttacksTogetherAreTheAttacksOneByOne()
    {
        var fixture = Fixture.Open("membership");
        var (retain, test, forget) = (Read(fixture, "retain"), Read(fixture, "test"), Read(fixture, "forget"));
        var done = new List<int>();
        var all = MembershipAttacks.Run(retain, test, forget, vector: true, seed: 3, done.Add).ToDictionary(r => r.Name);
        Assert.That(all.Keys, Is.EqualTo(MembershipAttacks.Names(vector: true)));
        Assert.That(done, Is.EqualTo(Enumerable.Range(1, 8)));
        foreach (
            var (name, stored) in new[]
            {
                ("confidence", "confidence"),
                ("correctness", "correctness"),
                ("entropy", "entropy"),
                ("m_entropy", "modified_entropy"),
                ("m_entropy_published", "modified_entropy_published"),
                ("probabilities", "probabilities"),
            }
        )
        {
            var expected = fixture.Doubles(stored);
            Assert.That(all[name].Efficacy, Is.EqualTo(100 * expected[0]).Within(1e-9), name);
            Assert.That(all[name].Accuracy, Is.EqualTo(expected[1]).Within(1e-12), name);
        }

        Assert.That(all["threshold"].Efficacy, Is.EqualTo(ThresholdAttack.ForgetEfficacy(retain, test, forget).Value));
        Assert.That(all["loss"].Accuracy, Is.EqualTo(LossAttack.Run(forget, test, 3).Value));
        Assert.That(
            MembershipAttacks.Run(retain, test, forget, vector: false, seed: 3).Select(r => r.Name),
            Is.EqualTo(MembershipAttacks.Names(vector: true).Where(n => n != "probabilities"))
        );
    }

    [Test]
    public void SwappingMembersAndNonMembersMirrorsTheValue()
    {
        var random = TestRandom.ForCurrentTest();
        var (members, others, forget) = (Draw(random, 200, 4), Draw(random, 200, 2), Draw(random, 150, 3));
        var value = MembershipInference.ForgetEfficacy(members, others, forget).Value;
        Assert.That(MembershipInference.ForgetEfficacy(others, members, forget).Value, Is.EqualTo(100 - value).Within(1e-9));
        Assert.That(
            ThresholdAttack.ForgetEfficacy(others, members, forget).Value,
            Is.EqualTo(100 - ThresholdAttack.ForgetEfficacy(members, others, forget).Value).Within(1e-9)
        );
        Assert.That(value, Is.InRange(20, 80), "a value at the rim would make the test empty");
    }

    [Test]
    public void AConstantModelHasADefinedValue()
    {
        var constant = Make(Enumerable.Repeat(0.1f, 40));
        Assert.Multiple(() =>
        {
            Assert.That(
                MembershipInference.ForgetEfficacy(constant, constant, constant).Value,
                Is.Zero,
                "as many members: all are members"
            );
            Assert.That(
                MembershipInference.ForgetEfficacy(constant.Range(0, 30), constant, constant).Value,
                Is.EqualTo(100),
                "fewer members: none is"
            );
            Assert.That(MembershipInference.TrainingPrivacy(constant, constant).Value, Is.EqualTo(0.5));
            Assert.That(ThresholdAttack.ForgetEfficacy(constant, constant, constant).Value, Is.Zero);
            Assert.That(LossAttack.Run(constant, constant, 1).Value, Is.EqualTo(0.5));
        });
    }

    [Test]
    public void TheMoreLikeTheTestSetTheHigherTheValue()
    {
        var random = TestRandom.ForCurrentTest();
        var (retain, test) = (Draw(random, 300, 6), Draw(random, 250, 1));
        var values = new[] { 6.0, 4, 2.5, 1 }
            .Select(mean => MembershipInference.ForgetEfficacy(retain, test, Draw(random, 400, mean)).Value)
            .ToArray();
        Assert.That(values, Is.Ordered.Ascending);
        Assert.That(values[0], Is.LessThan(35));
        Assert.That(values[3], Is.GreaterThan(65));
    }

    [Test]
    public void MembersAreTheFirstOfTheRetainSetInIndexOrder()
    {
        // Rows in descending order of index; the two samples of the lowest indices look like members, the rest does not.
        var retain = Make([0.2f, 0.2f, 0.2f, 0.9f, 0.9f]) with
        {
            Indices = [9, 8, 7, 2, 1],
        };
        var test = Make([0.2f, 0.2f]);
        var result = MembershipInference.ForgetEfficacy(retain, test, Make([0.9f, 0.2f, 0.2f, 0.2f]));
        Assert.That(result, Is.EqualTo(new MembershipResult(75, 2, 2, 4)));
        var attack = ThresholdAttack.ForgetEfficacy(retain, test, Make([0.9f, 0.2f, 0.2f, 0.2f]));
        Assert.That(attack, Is.EqualTo(result));
    }

    [Test]
    public void ASmallRetainSetIsCutToTheMinimum()
    {
        var random = TestRandom.ForCurrentTest();
        var (retain, test) = (Draw(random, 30, 4), Draw(random, 100, 2));
        var efficacy = MembershipInference.ForgetEfficacy(retain, test, test);
        var privacy = MembershipInference.TrainingPrivacy(retain, test);
        Assert.That((efficacy.Members, efficacy.NonMembers), Is.EqualTo((30, 100)));
        Assert.That((privacy.Members, privacy.NonMembers, privacy.Scored), Is.EqualTo((15, 50, 15 + 50)));
    }

    [Test]
    public void EmptyOrDivergedIsNaN()
    {
        var (some, none, diverged) = (Make([0.5f, 0.6f, 0.7f]), Make([]), Make([0.5f, float.NaN, 0.7f]));
        Assert.Multiple(() =>
        {
            Assert.That(MembershipInference.ForgetEfficacy(none, some, some).Value, Is.NaN);
            Assert.That(MembershipInference.ForgetEfficacy(some, none, some).Value, Is.NaN);
            Assert.That(MembershipInference.ForgetEfficacy(some, some, none).Value, Is.NaN);
            Assert.That(MembershipInference.ForgetEfficacy(diverged, some, some).Value, Is.NaN);
            Assert.That(MembershipInference.ForgetEfficacy(some, some, diverged).Value, Is.NaN);
            Assert.That(MembershipInference.TrainingPrivacy(none, some).Value, Is.NaN);
            Assert.That(MembershipInference.TrainingPrivacy(some, some.Range(0, 1)).Value, Is.NaN);
            Assert.That(ThresholdAttack.ForgetEfficacy(some, some, diverged).Value, Is.NaN);
            Assert.That(ThresholdAttack.ForgetEfficacy(diverged, some, some).Value, Is.NaN);
            Assert.That(() => MembershipInference.ForgetEfficacy(some, some, some, AttackFeature.Entropy), Throws.ArgumentException);
        });
    }

    [Test]
    public void TheBestThresholdIsFoundByTryingAll()
    {
        var random = TestRandom.ForCurrentTest();
        for (var repeat = 0; repeat < 50; repeat++)
        {
            var (members, others) = (Grid(random, 1 + random.Below(9)), Grid(random, 1 + random.Below(9)));
            var attack = ThresholdAttack.Fit(members, others)!;
            double[] cuts = [double.NegativeInfinity, .. Enumerable.Range(0, 6).Select(i => (double)i)];
            var best = cuts.Max(t => Math.Max(Right(members, others, t), members.Length + others.Length - Right(members, others, t)));
            Assert.That(attack.Accuracy * (members.Length + others.Length), Is.EqualTo(best).Within(1e-9));
            Assert.That(members.Count(attack.IsMember) + others.Count(v => !attack.IsMember(v)), Is.EqualTo(best));
        }

        static double[] Grid(TestRandom random, int n) => [.. Enumerable.Range(0, n).Select(_ => (double)random.Below(6))];
        static int Right(double[] members, double[] others, double t) => members.Count(v => v > t) + others.Count(v => v <= t);
    }

    [Test]
    public void TheThresholdIsCloseToTheMachineWhereConfidencesSpread()
    {
        var random = TestRandom.ForCurrentTest();
        Predictions Uniform(double low, double high) => Make(random.UniformArray(500, low, high).Select(v => (float)v));
        var (retain, test, forget) = (Uniform(0.3, 1), Uniform(0, 0.7), Uniform(0, 1));
        // Any cut between 0.3 and 0.7 is about as good as another for the threshold; the machine cuts in the middle.
        var value = MembershipInference.ForgetEfficacy(retain, test, forget).Value;
        Assert.That(value, Is.EqualTo(50).Within(8));
        Assert.That(ThresholdAttack.ForgetEfficacy(retain, test, forget).Value, Is.InRange(22, 78));
        var (clear, dark) = (Uniform(0.55, 1), Uniform(0, 0.45));
        Assert.That(
            ThresholdAttack.ForgetEfficacy(clear, dark, forget).Value,
            Is.EqualTo(MembershipInference.ForgetEfficacy(clear, dark, forget).Value).Within(5)
        );
    }

    private static Predictions Read(Fixture fixture, string set)
    {
        var p = Array.ConvertAll(fixture.Doubles(set + "/probabilities"), v => (float)v);
        var labels = Array.ConvertAll(fixture.Doubles(set + "/labels"), v => (int)v);
        var (n, classes) = (labels.Length, p.Length / labels.Length);
        int[] rows = [.. Enumerable.Range(0, n)];
        return new Predictions(
            rows,
            labels,
            [.. rows.Select(i => Enumerable.Range(0, classes).MaxBy(c => p[(i * classes) + c]))],
            [.. rows.Select(i => p[(i * classes) + labels[i]])],
            new float[n]
        )
        {
            Probabilities = p,
        };
    }

    /// <summary>Samples whose true class has a normally distributed logit over the others.</summary>
    private static Predictions Draw(TestRandom random, int n, double mean) =>
        Make(random.NormalArray(n, mean, 1.5).Select(z => (float)(1 / (1 + Math.Exp(-z)))));

    private static Predictions Make(IEnumerable<float> confidence)
    {
        float[] p = [.. confidence];
        return new Predictions(
            [.. Enumerable.Range(0, p.Length)],
            new int[p.Length],
            new int[p.Length],
            p,
            Array.ConvertAll(p, v => -MathF.Log(v))
        );
    }
}
