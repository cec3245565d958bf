using Lur.Data;
using Lur.Device;
using Lur.Tasks.Diffusion;
using Lur.Tensors;
using Lur.Tests.Device;
using Lur.Tests.Diffusion;
using Lur.Tests.Reference;
using Lur.Verification.Concepts;

namespace Lur.Tests.Concepts;

/// <summary>Attacks that try to bring a concept back, and the gradient that those on prompts descend.</summary>
public class ConceptAttackTests
{
    private static readonly ConceptAttackOptions s_options = new()
    {
        Steps = [0, 1, 3],
        BatchSize = 4,
        RowsSteps = [0, 3],
        RowsBatch = 2,
        RowsImages = 3,
        Samples = 5,
        Noise = [10, 90],
        RelearningRate = 0.01,
        RowsRate = 0.5,
    };

    private static ConceptAttack Attack(RuleEye eye, CaptionedPictures data, ConceptAttackOptions? options = null)
    {
        var set = ForgetSet.Resolve(["caption:star,five pointed"], data, [.. Enumerable.Range(0, data.Count)], 1);
        return new ConceptAttack(eye, TinyPrompts.Asked, data, set, TinyPrompts.Plan, options ?? s_options);
    }

    private static bool IsStar(CaptionedPictures data, int sample) =>
        data.ClassNames[data.Label(sample)].Contains("star", StringComparison.Ordinal) || data.Label(sample) == 5;

    [TestCase(0)]
    [TestCase(3)]
    [TestCase(9)] // more than a batch
    public void RelearningReadsTheShotsAndTheRetainSet(int shots)
    {
        using var model = TinyPrompts.Create(Precision.Float32, TinyPrompts.Captions, 3);
        using var data = new CaptionedPictures(70);
        var before = model.Parameters.ToArray();
        var eye = new RuleEye((_, i) => (i < 2, 0));
        Assert.That(Attack(eye, data).Relearn(model, shots), Is.EqualTo(new[] { 40, 40, 40 }));
        Assert.That(data.Seen.Count(i => IsStar(data, i)), Is.EqualTo(Math.Min(shots, 4)), "the same ones in every batch");
        Assert.That(data.Seen.Count(i => !IsStar(data, i)), Is.EqualTo(3 * Math.Max(0, 4 - shots)));
        Assert.That(model.Parameters.ToArray(), Is.EqualTo(before), "it was a copy");
        Assert.That(eye.Shown.Select(Convert.ToBase64String), Is.Unique, "every point draws anew");
    }

    /// <summary>A step of descent is rate times the gradient, whose norm does not matter to Adam: at a rate of 1e-12 nothing
    /// moves.</summary>
    [Test]
    public void DescentIsPlain()
    {
        using var model = TinyPrompts.Create(Precision.Float32, TinyPrompts.Captions, 3);
        using var data = new CaptionedPictures(70);
        var eye = new RuleEye((_, _) => (false, 0));
        Assert.That(Attack(eye, data, s_options with { DescentRate = 1e-12 }).Descend(model), Is.EqualTo(new[] { 0, 0, 0 }));
        Assert.That(eye.Shown[2], Is.EqualTo(eye.Shown[0]));
        Assert.That(data.Seen.Where(i => IsStar(data, i)), Is.Empty);
        _ = Attack(eye, data, s_options with { DescentRate = 0.1 }).Descend(model);
        Assert.That(eye.Shown[3], Is.EqualTo(eye.Shown[0]));
        Assert.That(eye.Shown[5], Is.Not.EqualTo(eye.Shown[0]));
    }

    [Test]
    public void AnImageWithLittleNoiseStaysWhatItIs()
    {
        using var model = TinyPrompts.Create(Precision.Float32, TinyPrompts.Captions, 3);
        using var data = new CaptionedPictures(70);
        var labels = new HashSet<int>();
        var eye = new RuleEye(
            (set, i) =>
            {
                labels.Add(set.Labels[i]);
                return (i == 0, 0);
            }
        );
        Assert.That(Attack(eye, data).Denoise(model), Is.EqualTo(new[] { 20, 20 }));
        Assert.That(data.Seen.Select(i => IsStar(data, i)), Is.All.True);
        Assert.That(labels, Is.EquivalentTo(data.Seen.Select(data.Label).Distinct()), "each under its caption");
        Assert.That(eye.Shown[1], Is.Not.EqualTo(eye.Shown[0]));
    }

    [Test]
    public void RowsAreLearntOnACopyFromImagesOfTheConcept()
    {
        using var model = TinyPrompts.Create(Precision.Float32, TinyPrompts.Captions, 3);
        using var data = new CaptionedPictures(70);
        var (weights, rows) = (model.Parameters.ToArray(), model.Buffers.ToArray());
        var eye = new RuleEye((set, i) => (set.Labels[i] == 0, 0));
        Assert.That(Attack(eye, data).Rows(model), Is.EqualTo(new[] { 100, 100 }), "all of the first prompt");
        Assert.That(data.Seen.Count, Is.EqualTo(3));
        Assert.That(data.Seen.Select(i => IsStar(data, i)), Is.All.True);
        Assert.That(model.Parameters.ToArray(), Is.EqualTo(weights));
        Assert.That(model.Buffers.ToArray(), Is.EqualTo(rows));
        Assert.That(eye.Shown[1], Is.Not.EqualTo(eye.Shown[0]));
        using var images = new Verification.Generation.GeneratedImages(model, TinyPrompts.Plan);
        Assert.That(eye.Shown[0], Is.EqualTo(images.Draw([0, 0, 0, 0, 0]).Pixels), "before the first step");
    }

    /// <summary>Central differences in double: errors of h^2 and of 1e-16 / h, both below 1e-8 of a gradient of order 1e-3.</summary>
    [Test]
    public void TheGradientOfTheRowsIsThatOfTheLoss()
    {
        using var model = TinyPrompts.Create(Precision.Float64, TinyPrompts.Captions, 5);
        using var data = new CaptionedPictures(7);
        using var loss = new ContextLoss(model, 3);
        var batch = new NoisyDraws(model, data, [0, 1, 5], new RandomStream(2, "test")).Next(3);
        var rows = PromptRows.Read(model, 1);
        double[] gradient = new double[rows.Length],
            unused = new double[rows.Length];
        var value = loss.Evaluate(batch, rows, gradient);
        const double h = 1e-4;
        double[] differences =
        [
            .. rows.Select(
                (x, i) =>
                {
                    double At(double to)
                    {
                        double[] moved = [.. rows];
                        moved[i] = to;
                        return loss.Evaluate(batch, moved, unused);
                    }

                    return (At(x + h) - At(x - h)) / (2 * h);
                }
            ),
        ];
        Assert.That(gradient.Max(Math.Abs), Is.GreaterThan(1e-4), "a prompt matters");
        Assert.That(gradient, Is.EqualTo(differences).Within(1e-4 * gradient.Max(Math.Abs)));
        // The same network that is told numbers, an image at a time.
        using var asked = new AskedNetwork(model);
        var size = batch.Noisy.Length / 3;
        var sum = 0.0;
        for (var i = 0; i < 3; i++)
        {
            var output = asked.Ask(batch.Noisy[(i * size)..((i + 1) * size)], batch.Times[i], 1);
            sum += output.Select((y, j) => Math.Pow(y - batch.Target[(i * size) + j], 2)).Average() / 3;
        }

        Assert.That(value, Is.EqualTo(sum).Within(1e-12 * sum));
        // A hundred steps of Adam on one batch go down.
        var adam = new HostAdam(rows.Length, 0.05, 0);
        for (var step = 0; step < 100; step++)
        {
            _ = loss.Evaluate(batch, rows, gradient);
            adam.Step(rows, gradient);
        }

        Assert.That(loss.Evaluate(batch, rows, unused), Is.LessThan(value));
    }

    [TestCase(PredictionType.Epsilon)]
    [TestCase(PredictionType.Sample)]
    [TestCase(PredictionType.VPrediction)]
    public void NoiseIsThatOfTheModel(PredictionType prediction)
    {
        using var model = TinyPrompts.Create(Precision.Float32, TinyPrompts.Captions, 3);
        var noise = DiffusionNoise.Of(model);
        (noise with { Config = noise.Config with { Prediction = prediction } }).Save(model);
        using var data = new CaptionedPictures(7);
        var bytes = new byte[192];
        data.CopyImage(4, bytes);
        var batch = new NoisyDraws(model, data, [4], new RandomStream(2, "test")).Next(40);
        Assert.That(batch.Times, Is.All.InRange(0, noise.Schedule.Count - 1));
        Assert.That(batch.Times.Distinct().Count(), Is.GreaterThan(30));
        var (sum, count) = (0.0, 0);
        for (var i = 0; i < 40; i++)
        for (var j = 0; j < 192; j++)
        {
            // Channel j mod 3 of pixel j / 3, in [-1, 1].
            var clean = (bytes[((j % 3) * 64) + (j / 3)] / 127.5) - 1;
            var kept = noise.Schedule.AlphasCumprod[batch.Times[i]];
            double a = Math.Sqrt(kept),
                b = Math.Sqrt(1 - kept),
                e = (batch.Noisy[(i * 192) + j] - (a * clean)) / b,
                expected = prediction switch
                {
                    PredictionType.Epsilon => e,
                    PredictionType.Sample => clean,
                    _ => (a * e) - (b * clean),
                };
            // b is 0.01 at least, so that a rounding is a hundred at most.
            Assert.That(batch.Target[(i * 192) + j], Is.EqualTo(expected).Within(1e-12));
            (sum, count) = (sum + (e * e), count + 1);
        }

        // The variance of 7,680 normals has a deviation of sqrt(2 / 7680) = 0.016; five of them.
        Assert.That(sum / count, Is.EqualTo(1).Within(0.08));
        Assert.That(new NoisyDraws(model, data, [4], new RandomStream(2, "test")).Next(3, 17).Times, Is.All.EqualTo(17));
    }

    [Test]
    public void AdamIsTheDecoupledOne()
    {
        var random = TestRandom.ForCurrentTest();
        var x = random.NormalArray(3);
        var reference = new AdamReference(x, new AdamReference.Options(0.1, 0.9, 0.999, 1e-8, 0.2, Decoupled: true));
        var adam = new HostAdam(3, 0.1, 0.2);
        for (var t = 0; t < 5; t++)
        {
            var gradient = random.NormalArray(3);
            reference.Step(gradient);
            adam.Step(x, gradient);
        }

        Assert.That(x, Is.EqualTo(reference.Theta).Within(1e-12));
    }

    [Test]
    public void StepsThatDescendAreRefused() =>
        Assert.That(
            () => (s_options with { RowsSteps = [0, 3, 3] }).Validate(),
            Throws.TypeOf<UserErrorException>().With.Message.Contains("must ascend")
        );
}
