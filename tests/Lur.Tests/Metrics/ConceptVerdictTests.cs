using Lur.Metrics;
using Lur.Metrics.Generation;

namespace Lur.Tests.Metrics;

/// <summary>The rules of a verdict on a model that was to forget a concept, one at a time.</summary>
public class ConceptVerdictTests
{
    private static MetricValues Values(double original, double unlearned, double? retrained, int samples = 300) =>
        new(original, new SeedSummary(unlearned, double.NaN, 1), retrained is { } r ? new SeedSummary(r, 1, 3) : null, samples);

    private static ConceptEvidence Evidence(double rate = 6, double kept = 88, double? retrained = 5, double? keptRetrained = 90) =>
        new("star", Values(92, rate, retrained), Values(91, kept, keptRetrained)) { DetectorAccuracy = 97, Background = 2 };

    [Test]
    public void AModelLikeRetrainMatches()
    {
        var v = ConceptVerdict.Judge(Evidence());
        Assert.That((v.Verdict, v.Findings.Count, v.Provisional), Is.EqualTo((Verdict.MatchesRetrain, 0, "")));
        const string rates =
            "'star' is in 92.0 % of the images of its prompts before and in 6.0 % after, of Retrain's in 5.0 %; images of kept prompts "
            + "hold what is asked for in 91.0 % of the cases before and in 88.0 % after, of Retrain's in 90.0 %.";
        Assert.That(v.Sentence, Is.EqualTo($"Matches Retrain within the band in what it draws. {rates}"));
        Assert.That(ConceptVerdict.Judge(Evidence(rate: 0, retrained: 40)).Verdict, Is.EqualTo(Verdict.MatchesRetrain), "no harm");
        Assert.That(v.Metrics.Select(m => m.Gap), Is.EqualTo(new[] { 1, double.NaN, -2 }));
    }

    [Test]
    public void WithoutAReferenceItSaysTheRatesAndNoMore()
    {
        var v = ConceptVerdict.Judge(Evidence(retrained: null, keptRetrained: null));
        Assert.That((v.Verdict, v.Findings.Count), Is.EqualTo((Verdict.Withheld, 0)));
        Assert.That(v.Sentence, Does.StartWith("Withheld: there is no retrained model").And.EndWith("in 88.0 % after."));
        Assert.That(v.Sentence, Does.Contain("'star' is in 92.0 % of the images of its prompts before and in 6.0 % after"));
    }

    [TestCase(74.9, 2, "the detector is right on 74.9 %")]
    [TestCase(97, 90, "which is not clearly more than the 90.0 % of kept prompts")]
    public void WhatNobodyCouldSeeGoDecidesNothing(double accuracy, double background, string sentence)
    {
        var v = ConceptVerdict.Judge(Evidence(rate: 60) with { DetectorAccuracy = accuracy, Background = background });
        Assert.That((v.Verdict, v.Sentence), Is.EqualTo((Verdict.Withheld, v.Sentence)));
        Assert.That(v.Sentence, Does.Contain(sentence));
        var unknown = ConceptVerdict.Judge(Evidence(rate: 60) with { DetectorAccuracy = double.NaN });
        Assert.That(unknown.Verdict, Is.EqualTo(Verdict.UnderForgotten), "a detector that nobody tried");
    }

    [Test]
    public void WhatIsStillDrawnIsNotForgotten()
    {
        var v = ConceptVerdict.Judge(Evidence(rate: 30));
        Assert.That(v.Verdict, Is.EqualTo(Verdict.UnderForgotten));
        Assert.That(v.Sentence, Does.StartWith("Under-forgotten: 'star' is in 30.0 % of the images of its prompts, in 5.0 % of Retrain's"));
    }

    [Test]
    public void AForgottenNameIsNoForgottenConcept()
    {
        var v = ConceptVerdict.Judge(Evidence() with { Unnamed = Values(80, 50, 6, 96) });
        Assert.That(v.Verdict, Is.EqualTo(Verdict.UnderForgotten));
        Assert.That(v.Findings.Single().Text, Does.StartWith("'star' is in 50.0 % of the images of prompts that do not name it"));
    }

    [TestCase(40, Verdict.UnderForgotten)]
    [TestCase(8.9, Verdict.MatchesRetrain)] // fewer than five points
    public void OneKindIsEnough(double unlearned, Verdict expected)
    {
        var v = ConceptVerdict.Judge(
            Evidence() with
            {
                Kinds = [("synonym", Values(80, unlearned, 4, 48)), ("named", Values(90, 5, 5, 48))],
            }
        );
        Assert.That(v.Verdict, Is.EqualTo(expected));
        if (expected == Verdict.UnderForgotten)
            Assert.That(v.Findings.Single().Name, Is.EqualTo("synonym"));
    }

    [Test]
    public void WhatTheOriginalRecognisesAndWhatAnAttackBringsBackIsNotForgotten()
    {
        var seen = ConceptVerdict.Judge(Evidence() with { DiffusionClassified = Values(90, 60, 15, 32) });
        Assert.That((seen.Verdict, seen.Findings.Single().Name), Is.EqualTo((Verdict.UnderForgotten, "diffusion_classifier")));
        var attack = new DrawingAttack(
            "descent",
            "steps",
            [0, 1],
            [
                [6, 55],
            ],
            [
                [5, 7],
            ],
            48
        );
        var back = ConceptVerdict.Judge(Evidence() with { Attacks = [attack] });
        Assert.That(back.Verdict, Is.EqualTo(Verdict.UnderForgotten));
        Assert.That(
            back.Sentence,
            Does.Contain("dormant, not gone: after steps of plain descent").And.Contain("55.0 % of the images at 1 steps")
        );
    }

    [Test]
    public void WhatWasToBeKeptAndIsLostIsTooMuch()
    {
        var less = ConceptVerdict.Judge(Evidence(kept: 81));
        Assert.That((less.Verdict, less.Findings.Single().Kind), Is.EqualTo((Verdict.OverForgotten, FindingKind.Metric)));
        var kind = ConceptVerdict.Judge(Evidence() with { KeptKinds = [("neighbour", Values(90, 60, 88, 240))] });
        Assert.That((kind.Verdict, kind.Findings.Single().Name), Is.EqualTo((Verdict.OverForgotten, "neighbour")));
        SeedSummary own = new(9, double.NaN, 1),
            retrained = new(4, 0.5, 3);
        var far = ConceptVerdict.Judge(Evidence() with { Distance = (own, retrained, 2) });
        Assert.That((far.Verdict, far.Findings.Single().Name), Is.EqualTo((Verdict.OverForgotten, "distance of kept prompts")));
        Assert.That(ConceptVerdict.Judge(Evidence() with { Distance = (own, retrained, 6) }).Verdict, Is.EqualTo(Verdict.MatchesRetrain));
        Assert.That(ConceptVerdict.Judge(Evidence(kept: 70)).Verdict, Is.EqualTo(Verdict.Collapsed));
        Assert.That(ConceptVerdict.Judge(Evidence(kept: double.NaN)).Verdict, Is.EqualTo(Verdict.MatchesRetrain), "nobody knows");
    }
}
