using Lur.Metrics;

namespace Lur.Tests.Metrics;

/// <summary>What a verdict goes by beside the four numbers: classes, attacks, relearning, and how many references there are.</summary>
public class VerdictEvidenceTests
{
    [Test]
    public void AClassThatWasLostIsNoMatchAndIsNamed()
    {
        // One class of ten that falls from 87 to 25 % costs 6 points of TA, here made up for by the others: all four numbers are inside.
        var evidence = new VerdictEvidence
        {
            Classes = [.. Enumerable.Range(0, 10).Select(c => ($"class{c}", Seeds(c == 4 ? 25 : 87, 87, 1000)))],
        };
        var verdict = Judge(evidence);
        Assert.That(verdict.Verdict, Is.EqualTo(Verdict.OverForgotten));
        Assert.That(verdict.Sentence, Does.StartWith("Over-forgotten: the class 'class4' is 62.0 points below Retrain's"));
        Assert.That(verdict.Findings.Select(f => (f.Kind, f.Name)), Is.EqualTo(new[] { (FindingKind.Class, "class4") }));
    }

    [Test]
    public void OfManyLostClassesTheWorstThreeAreNamed()
    {
        var evidence = new VerdictEvidence
        {
            Classes = [.. Enumerable.Range(0, 10).Select(c => ($"class{c}", Seeds(c < 5 ? 60 - c : 87, 87, 1000)))],
        };
        var sentence = Judge(evidence).Sentence;
        foreach (var named in new[] { "class4", "class3", "class2", "2 more classes are below Retrain's" })
            Assert.That(sentence, Does.Contain(named));
        Assert.That(sentence, Does.Not.Contain("class1"));
    }

    [Test]
    public void ClassesThatVaryAsSamplesDoAreAMatch()
    {
        // A hundred classes of a hundred images: gaps of 4 points are within what their samples allow, and less than 5 count for nothing.
        var evidence = new VerdictEvidence { Classes = [.. Enumerable.Range(0, 100).Select(c => ($"{c}", Seeds(83 + (c % 5), 87, 100)))] };
        Assert.That(Judge(evidence).Verdict, Is.EqualTo(Verdict.MatchesRetrain));
    }

    [Test]
    public void ForgottenClassesThatAreRecognisedAreNotForgotten()
    {
        var verdict = Judge(new VerdictEvidence { ForgottenClasses = Seeds(20, 0, 1000) });
        Assert.That(verdict.Verdict, Is.EqualTo(Verdict.UnderForgotten));
        Assert.That(verdict.Sentence, Does.Contain("20.0 % are still classified as it, against 0.0 % by Retrain"));
    }

    [TestCase(40, Verdict.UnderForgotten, TestName = "the forget set passes for seen")]
    [TestCase(90, Verdict.OverForgotten, TestName = "the forget set is stranger than unseen images")]
    [TestCase(61, Verdict.MatchesRetrain, TestName = "the attack finds what it finds on Retrain")]
    public void AnAttackThatTellsThemApartIsNoMatch(double efficacy, Verdict expected)
    {
        var attack = new AttackEvidence("entropy", Seeds(efficacy, 60, 1000), new AttackPower(0.7, 0.7, 1000));
        var verdict = Judge(new VerdictEvidence { Attacks = [attack] });
        Assert.That(verdict.Verdict, Is.EqualTo(expected));
        Assert.That(
            verdict.Sentence.Contains("attack on the entropy", StringComparison.Ordinal),
            Is.EqualTo(expected != Verdict.MatchesRetrain)
        );
    }

    [TestCase(true, Verdict.OverForgotten)]
    [TestCase(false, Verdict.UnderForgotten)]
    public void TheLossAttackSaysWhichWayByTheLoss(bool worse, Verdict expected)
    {
        var attack = new AttackEvidence("loss", Seeds(71, 52, 1000), null) { WorseThanRetrain = worse };
        var verdict = Judge(new VerdictEvidence { Attacks = [attack] });
        Assert.That(verdict.Verdict, Is.EqualTo(expected));
        Assert.That(verdict.Sentence, Does.Contain("in 71.0 % of the cases, against 52.0 % for Retrain"));
    }

    [Test]
    public void WhatIsDormantIsNotForgotten()
    {
        // All four numbers match, and fifty steps bring back a third of the class, where Retrain has one in a hundred.
        var verdict = Judge(Relearning([0, 8, 33, 60], [0, 0, 1, 20]));
        Assert.That(verdict.Verdict, Is.EqualTo(Verdict.UnderForgotten));
        Assert.That(
            verdict.Sentence,
            Does.StartWith("Under-forgotten: what was forgotten is dormant, not gone: trained again with 10 forget samples in every batch")
                .And.Contain("half of the original's accuracy on it is back after 100 steps, for Retrain not within 100 steps")
        );
        Assert.That(verdict.Findings.Single().Kind, Is.EqualTo(FindingKind.Relearning));
    }

    [Test]
    public void WhatComesBackAsFastAsForRetrainIsForgotten()
    {
        var evidence = Relearning([0, 1, 6, 30], [0, 0, 1, 28]);
        Assert.That(Judge(evidence).Verdict, Is.EqualTo(Verdict.MatchesRetrain));
        Assert.That(evidence.Relearning[0].UnlearnedSteps, Is.Null);
        // Half of 90 %: 45 % is enough, 44 % is not.
        Assert.That(Relearning([0, 44, 45, 60], [0, 0, 0, 50]).Relearning[0].UnlearnedSteps, Is.EqualTo(50));
        Assert.That(Relearning([0, 44, 45, 60], [0, 0, 0, 50]).Relearning[0].RetrainedSteps, Is.EqualTo(100));
    }

    [Test]
    public void AllThatIsOutsideIsNamedWithWhatDecidedFirst()
    {
        var evidence = Relearning([0, 8, 33, 60], [0, 0, 1, 20]) with { Classes = [("ship", Seeds(25, 87, 1000))] };
        var verdict = UnlearningVerdict.Judge(
            Seeds(6, 6, 10000),
            Seeds(97, 99, 10000),
            Seeds(92, 92, 10000),
            Seeds(12, 12, 10000),
            evidence
        );
        Assert.That(verdict.Verdict, Is.EqualTo(Verdict.UnderForgotten));
        Assert.That(
            verdict.Findings.Select(f => f.Kind),
            Is.EqualTo(new[] { FindingKind.Relearning, FindingKind.Metric, FindingKind.Class }),
            "what decided, then the four numbers, then the classes"
        );
        Assert.That(verdict.Sentence, Does.Contain("dormant").And.Contain("retain accuracy is 2.0 points below").And.Contain("'ship'"));
    }

    [TestCase(1, "Provisional: it rests on one retrained model")]
    [TestCase(2, "Provisional: it rests on two retrained models")]
    [TestCase(3, "")]
    public void BelowThreeReferencesAVerdictIsProvisional(int references, string expected)
    {
        MetricValues Of(double value) => new(100, SeedSummary.Of([value]), SeedSummary.Of([.. Enumerable.Repeat(value, references)]), 1000);
        var verdict = UnlearningVerdict.Judge(Of(6), Of(99), Of(92), Of(12));
        Assert.That(verdict.Verdict, Is.EqualTo(Verdict.MatchesRetrain));
        Assert.That(verdict.Provisional, expected.Length == 0 ? Is.Empty : Does.StartWith(expected));
        Assert.That(verdict.Sentence, Does.EndWith(expected.Length == 0 ? "in all four numbers." : verdict.Provisional));
    }

    [Test]
    public void AnAttackThatGuessesDecidesNothing()
    {
        // MIA is 40 points below Retrain's, and the attack cannot tell trained-on from unseen images at all.
        UnlearningVerdict Of(double power) =>
            UnlearningVerdict.Judge(
                Seeds(6, 6, 10000),
                Seeds(99, 99, 10000),
                Seeds(92, 92, 10000),
                Seeds(20, 60, 10000),
                new VerdictEvidence { Membership = new AttackPower(power, 0.6, 5000) }
            );
        var guessing = Of(0.505);
        Assert.That(guessing.Verdict, Is.EqualTo(Verdict.MatchesRetrain));
        Assert.That(
            guessing.Sentence,
            Is.EqualTo(
                "Matches Retrain within the band in unlearning, retain and test accuracy. The membership inference (MIA) is "
                    + "unable to decide: "
                    + "the attack itself tells trained-on from unseen images in 50.5 % of the cases, where guessing gives 50 % (saturated "
                    + "confidences)."
            )
        );
        Assert.That(Of(0.6).Verdict, Is.EqualTo(Verdict.UnderForgotten));
    }

    [Test]
    public void AnAttackThatMovesBetweenReferencesDecidesNothingUnlessTheGapIsLarger()
    {
        UnlearningVerdict Of(double own, params double[] references) =>
            UnlearningVerdict.Judge(
                Seeds(6, 6, 10000),
                Seeds(99, 99, 10000),
                Seeds(92, 92, 10000),
                new MetricValues(100, SeedSummary.Of([own]), SeedSummary.Of(references), 1000)
            );
        var moving = Of(40, 30, 60, 90);
        Assert.That(moving.Undecided.Single().Name, Is.EqualTo(UndecidedAttack.Membership));
        Assert.That(moving.Sentence, Does.Contain("its value moves by 60.0 points between the retrained models themselves"));
        Assert.That(Of(60, 59, 60, 61).Undecided, Is.Empty);
        var clear = Of(5, 60, 66, 70);
        Assert.That(
            (clear.Undecided.Count, clear.Verdict),
            Is.EqualTo((0, Verdict.UnderForgotten)),
            "a gap beyond all that the references do"
        );
    }

    private static VerdictEvidence Relearning(double[] unlearned, double[] retrained)
    {
        int[] steps = [0, 20, 50, 100];
        RelearningCurve Curve(double[] accuracies) => new([.. steps.Zip(accuracies, (s, a) => new RelearningPoint(s, a, 90))]);
        return new VerdictEvidence
        {
            Relearning = [new RelearningEvidence(10, [Curve(unlearned)], [Curve(retrained)], 1000, OriginalForgetAccuracy: 90)],
        };
    }

    private static UnlearningVerdict Judge(VerdictEvidence evidence) =>
        UnlearningVerdict.Judge(Seeds(6, 6, 10000), Seeds(99, 99, 10000), Seeds(92, 92, 10000), Seeds(12, 12, 10000), evidence);

    // Three seeds around the value with a sample deviation of 0.5.
    private static MetricValues Seeds(double own, double retrain, int samples) =>
        new(100, SeedSummary.Of([own - 0.5, own, own + 0.5]), SeedSummary.Of([retrain - 0.5, retrain, retrain + 0.5]), samples);
}
