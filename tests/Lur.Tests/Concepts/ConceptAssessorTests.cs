using Lur.Data;
using Lur.Device;
using Lur.Tasks.Diffusion;
using Lur.Verification.Concepts;
using Lur.Verification.Generation;

namespace Lur.Tests.Concepts;

/// <summary>What is counted of a model's images, by a detector whose answers are known.</summary>
public class ConceptAssessorTests
{
    private static readonly int s_star = CaptionContents.ShapesOf("a red star"),
        s_ring = CaptionContents.ShapesOf("a red ring");

    [Test]
    public void RatesAreCountedByKind()
    {
        using var model = TinyPrompts.Create(Precision.Float32, TinyPrompts.Captions, 3);
        using var test = new CaptionedPictures(20);
        // Red stars and half of the paraphrases are stars, and every third image of a kind else is a ring.
        var eye = new RuleEye(
            (set, i) =>
                model.ClassNames[set.Labels[i]] switch
                {
                    "a red star" => (true, s_star),
                    "a red five pointed shape" => (i % 2 == 0, i % 2 == 0 ? s_star : s_ring),
                    _ => (false, i % 3 == 0 ? s_ring : 20),
                }
        );
        var a = new ConceptAssessor(eye, TinyPrompts.Asked, TinyPrompts.Plan, test).Assess(model);
        Assert.That(a.Kinds.Select(k => (k.Images, k.Shown, k.AsAsked)), Is.EqualTo(new[] { (8, 4, 4), (4, 2, 2), (12, 0, 4) }));
        // Rings are at 0, 3, 6, 9, which are all of the first of three prompts.
        Assert.That(a.ConceptRate, Is.EqualTo(50));
        Assert.That(a.UnnamedRate, Is.EqualTo(50));
        Assert.That(a.Background, Is.Zero);
        Assert.That(a.KeptAlignment, Is.EqualTo(100 / 3.0).Within(1e-12));
        Assert.That(a.Kinds[0].MeanScore, Is.EqualTo(0.5));
        var (low, high) = Metrics(4, 8);
        Assert.That((a.Kinds[0].RateInterval.Low, a.Kinds[0].RateInterval.High), Is.EqualTo((low, high)).Within(1e-9));
        Assert.That(a.Kinds.Select(k => k.ScoreDistance), Is.All.Positive);
        Assert.That(a.Kept, Is.EqualTo(FeatureQuality.None));
        Assert.That(a.Losses, Has.Length.EqualTo(20).And.All.Positive);
        Assert.That(a.DiffusionClassified, Is.NaN);
        // Image k of a kind is of prompt k mod their number.
        Assert.That(a.Pictures.Select(kind => kind.Count), Is.EqualTo(new[] { 2, 1, 3 }));
        Assert.That(a.Pictures[2][1][2], Is.EqualTo(eye.Shown[2][(7 * 192)..(8 * 192)]));
    }

    // Wilson's interval at 95 %, in percent.
    private static (double Low, double High) Metrics(int of, int n)
    {
        const double z = 1.959963984540054;
        double p = of / (double)n,
            middle = (p + (z * z / (2 * n))) / (1 + (z * z / n)),
            half = z * Math.Sqrt((p * (1 - p) / n) + (z * z / (4.0 * n * n))) / (1 + (z * z / n));
        return (100 * (middle - half), 100 * (middle + half));
    }

    [Test]
    public void TwoModelsStartFromTheSameNoiseAndPrompts()
    {
        using var model = TinyPrompts.Create(Precision.Float32, TinyPrompts.Captions, 3);
        using var copy = model.Clone();
        // Another prompt's rows change its images alone.
        PromptRows.Write(copy, 0, PromptRows.Read(copy, 2));
        using var test = new CaptionedPictures(20);
        var eye = new RuleEye((_, _) => (false, 0));
        var assessor = new ConceptAssessor(eye, TinyPrompts.Asked, TinyPrompts.Plan, test);
        var (one, two) = (assessor.Assess(model), assessor.Assess(copy));
        Assert.That(eye.Shown[3], Is.Not.EqualTo(eye.Shown[0]));
        Assert.That(two.Pictures[0][1], Is.EqualTo(one.Pictures[0][1]), "the other prompt of the kind");
        Assert.That(eye.Shown[4], Is.EqualTo(eye.Shown[1]));
        Assert.That(eye.Shown[5], Is.EqualTo(eye.Shown[2]));
        int[] changed =
        [
            .. assessor.TestImages.Index().Where(i => two.Losses[i.Index] != one.Losses[i.Index]).Select(i => test.Label(i.Item)),
        ];
        Assert.That(changed, Is.Not.Empty.And.All.Zero, "losses of its caption alone");
        Assert.That(
            () => new ConceptAssessor(eye, ConceptPrompts.OfCaptions("star"), TinyPrompts.Plan, test).Assess(model),
            Throws.TypeOf<UserErrorException>().With.Message.Contains("does not know the prompt 'a green star'")
        );
    }

    /// <summary>Against losses that are taken one candidate and one image at a time.</summary>
    [Test]
    public void TheOriginalTakesTheCandidateItDenoisesBest()
    {
        string[] prompts = [.. TinyPrompts.Captions, "a blue disc"];
        using var model = TinyPrompts.Create(Precision.Float32, prompts, 4);
        using var like = new CaptionedPictures(12);
        var pixels = new byte[12 * 192];
        for (var i = 0; i < 12; i++)
            like.CopyImage(i, pixels.AsSpan(i * 192, 192));
        string[] asked =
        [
            .. Enumerable
                .Range(0, 12)
                .Select(i =>
                    i == 5 ? "a blue hoop"
                    : i % 2 == 0 ? "a red star"
                    : "a blue star"
                ),
        ];
        var set = new GeneratedSet(new int[12], pixels, new double[12]);
        using var classifier = new PromptClassifier(model, TinyPrompts.Asked, draws: 2);
        using var evaluator = new DenoisingEvaluator(model);
        int[] chosen = [.. Enumerable.Range(0, 12).Where(i => i != 5)];
        var taken = 0;
        for (var place = 0; place < chosen.Length; place++)
        {
            // The draws go by the place among those that have candidates.
            var losses = TinyPrompts
                .Asked.Candidates(asked[chosen[place]])
                .Select(candidate =>
                {
                    var images = new MemoryImages("one", like, pixels, [.. Enumerable.Repeat(Array.IndexOf(prompts, candidate), 12)]);
                    return evaluator.Losses(images, chosen, 2)[place];
                })
                .ToArray();
            taken += losses[0] <= losses.Min() ? 1 : 0;
        }

        Assert.That(taken, Is.InRange(1, 10), "some of them and not all");
        Assert.That(classifier.Share(set, asked, like, default), Is.EqualTo(100.0 * taken / 11).Within(1e-9));
        Assert.That(classifier.Share(set, [.. asked.Select(_ => "a red disc")], like, default), Is.NaN);
        // What it cannot tell apart is what was asked for.
        foreach (var label in new[] { 2, 4 })
            PromptRows.Write(model, label, PromptRows.Read(model, 0));
        string[] red = [.. asked.Select(_ => "a red star")];
        Assert.That(classifier.Share(set, red, like, default), Is.EqualTo(100));
    }
}
