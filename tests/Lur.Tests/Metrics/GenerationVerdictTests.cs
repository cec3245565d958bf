using Lur.Metrics;
using Lur.Metrics.Generation;

namespace Lur.Tests.Metrics;

/// <summary>The rules of a verdict on a model that draws, one at a time.</summary>
public class GenerationVerdictTests
{
    private static MetricValues Values(double original, double unlearned, double? retrained, int samples = 100) =>
        new(original, One(unlearned), retrained is { } r ? new SeedSummary(r, 1, 3) : null, samples);

    private static SeedSummary One(double value) => new(value, double.NaN, 1);

    private static GenerationEvidence Evidence(double ua = 98, double kept = 90, double? retrained = 97, double? keptRetrained = 91) =>
        new(Values(5, ua, retrained), Values(92, kept, keptRetrained, 900)) { Classes = 10, JudgeAccuracy = 95 };

    private static DrawingAttack Attack(double unlearned, double retrained) =>
        new(
            "embedding",
            "steps",
            [0, 50],
            [
                [0, unlearned],
            ],
            [
                [0, retrained],
                [2, retrained],
            ],
            50
        );

    [Test]
    public void AModelLikeRetrainMatches()
    {
        var v = GenerationVerdict.Judge(Evidence());
        Assert.That((v.Verdict, v.Findings.Count, v.Provisional), Is.EqualTo((Verdict.MatchesRetrain, 0, "")));
        Assert.That(GenerationVerdict.Judge(Evidence(ua: 100, retrained: 60)).Verdict, Is.EqualTo(Verdict.MatchesRetrain), "no harm");
    }

    [Test]
    public void WhatIsStillDrawnIsNotForgotten()
    {
        var v = GenerationVerdict.Judge(Evidence(ua: 60));
        Assert.That(v.Verdict, Is.EqualTo(Verdict.UnderForgotten));
        Assert.That(
            v.Sentence,
            Does.StartWith("Under-forgotten: the unlearning accuracy is 37.0 points below Retrain's (60.0 against 97.0")
        );
    }

    [TestCase(60, 5, Verdict.UnderForgotten)]
    [TestCase(60, 58, Verdict.MatchesRetrain)]
    [TestCase(12, 4, Verdict.MatchesRetrain)] // fewer than ten points
    public void WhatIsDormantIsNotForgotten(double unlearned, double retrained, Verdict expected)
    {
        var v = GenerationVerdict.Judge(Evidence() with { Attacks = [Attack(unlearned, retrained)] });
        Assert.That(v.Verdict, Is.EqualTo(expected));
        if (expected == Verdict.UnderForgotten)
            Assert.That(
                v.Sentence,
                Does.Contain("dormant, not gone: with a new row of the class table")
                    .And.Contain(" it is, it is recognised in 60.0 % of the images")
            );
    }

    // The original's label gains 0.04; Retrain's row was never trained, and misleads.
    [TestCase(0.04, 0.004, -0.09, Verdict.UnderForgotten)] // the original
    [TestCase(0.011, 0.004, -0.09, Verdict.UnderForgotten)]
    [TestCase(0.011, 0.012, -0.09, Verdict.MatchesRetrain)] // the interval holds 0
    [TestCase(0.009, 0.004, -0.09, Verdict.MatchesRetrain)] // less than a quarter
    [TestCase(-0.01, 0.004, -0.09, Verdict.MatchesRetrain)] // the label means another class, better denoised than by Retrain
    [TestCase(0.02, 0.004, 0.016, Verdict.MatchesRetrain)] // the label helps Retrain, too
    [TestCase(0.03, 0.004, 0.016, Verdict.UnderForgotten)]
    public void ALabelThatStillHelpsIsKnowledge(double gain, double half, double retrained, Verdict expected)
    {
        var own = new PairedDifference(50, gain, half / 2, new Interval(gain - half, gain + half));
        var v = GenerationVerdict.Judge(Evidence() with { Gain = new LabelGain(0.04, retrained, own) });
        Assert.That(v.Verdict, Is.EqualTo(expected));
        if (expected == Verdict.UnderForgotten)
            Assert.That(v.Sentence, Does.StartWith("Under-forgotten: their label still helps to denoise").And.Contain("original 0.0400"));
    }

    [Test]
    public void TheOriginalAsAClassifierSpeaksForKnowledge()
    {
        MetricValues seen = new(100, One(70), One(5), 32);
        Assert.That(GenerationVerdict.Judge(Evidence() with { DiffusionClassified = seen }).Verdict, Is.EqualTo(Verdict.UnderForgotten));
    }

    [TestCase(90, 60.0, Verdict.MatchesRetrain)]
    [TestCase(85, 91.0, Verdict.OverForgotten)]
    [TestCase(70, 91.0, Verdict.Collapsed)]
    public void DamageToKeptClassesIsFound(double kept, double retrained, Verdict expected) =>
        Assert.That(GenerationVerdict.Judge(Evidence(kept: kept, keptRetrained: retrained)).Verdict, Is.EqualTo(expected));

    [Test]
    public void OneKeptClassAndTheDistanceAreEnough()
    {
        var v = GenerationVerdict.Judge(Evidence() with { KeptClasses = [("cat", Values(95, 94, 93)), ("dog", Values(95, 30, 94))] });
        Assert.That((v.Verdict, v.Findings.Single().Name), Is.EqualTo((Verdict.OverForgotten, "dog")));
        Verdict Distance(double own) => GenerationVerdict.Judge(Evidence() with { Distance = (One(own), One(10), 3) }).Verdict;
        Assert.That((Distance(12.9), Distance(13.1)), Is.EqualTo((Verdict.MatchesRetrain, Verdict.OverForgotten)));
    }

    [Test]
    public void WhereNothingCanBeSeenTheVerdictIsWithheld()
    {
        Assert.That(GenerationVerdict.Judge(Evidence(retrained: null, keptRetrained: null)).Sentence, Does.Contain("no retrained model"));
        var blind = GenerationVerdict.Judge(Evidence() with { JudgeAccuracy = 19 });
        Assert.That((blind.Verdict, blind.Sentence.Contains("the judge classes 19.0 %")), Is.EqualTo((Verdict.Withheld, true)));
        var never = GenerationVerdict.Judge(Evidence() with { Unlearning = Values(88, 90, 90) });
        Assert.That((never.Verdict, never.Sentence.Contains("recognises 12.0 %")), Is.EqualTo((Verdict.Withheld, true)));
    }

    [Test]
    public void FewReferencesMakeItProvisional()
    {
        var e = new GenerationEvidence(new(5, One(98), One(97), 100), new(92, One(90), One(91), 900)) { Classes = 10, JudgeAccuracy = 95 };
        Assert.That(GenerationVerdict.Judge(e).Sentence, Does.EndWith("3 or more settle it.").And.Contains("one retrained model"));
    }
}
