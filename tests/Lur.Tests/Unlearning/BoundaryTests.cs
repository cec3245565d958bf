using System.Globalization;
using Lur.Device;
using Lur.Tests.Device;

namespace Lur.Tests.Unlearning;

/// <summary>Boundary shrink and expand, and SCRUB, against what they must be in simple cases.</summary>
public class BoundaryTests
{
    private static (string, string)[] Plain(MethodBench bench, params (string, string)[] more) =>
        [
            ("batch", bench.Set.Forget.Length.ToString(CultureInfo.InvariantCulture)),
            ("epochs", "1"),
            ("bn", "frozen"),
            ("no-augment", "true"),
            .. more,
        ];

    [Test]
    public void WithoutAnAttackTheTargetIsTheOriginalsBestClass([Values] bool compat)
    {
        using var bench = new MethodBench(forget: "class:3");
        // One batch is the whole forget set: the first loss is the mean of -log of the probability of each target.
        var expected = bench.Set.Forget.Average(i => -Math.Log(bench.Sample(i).Probabilities.Where((_, c) => compat || c != 3).Max()));
        bench.Run("boundary-shrink", Plain(bench, ("epsilon", "0"), ("compat", compat ? "true" : "false")));
        Assert.That(bench.Telemetry[0].ForgetLoss, Is.EqualTo(expected).Within(1e-9));
    }

    [Test]
    public void TheTargetIsTheBestClassAtTheAttackedImage([Values] bool compat)
    {
        using var bench = new MethodBench(forget: "random:40");
        var (matters, weights, fc) = (0, bench.Model.Parameters.ToArray(), bench.Model.Parameters.Layout["fc.weight"]);
        // So that the image, not the bias, decides the class.
        for (var i = fc.Offset; i < fc.End; i++)
            weights[i] *= 10;
        bench.Model.Parameters.Set(weights);
        var expected = bench.Set.Forget.Average(i =>
        {
            var (label, original) = (bench.Data.Label(i), bench.Sample(i));
            var attacked = bench.Evaluate(Attack(bench, bench.Bytes(i), original.ImageGradient, 0.2), label).Probabilities;
            int Best(double[] p, bool own) => Enumerable.Range(0, p.Length).Where(c => own || c != label).MaxBy(c => p[c]);
            // Samples of which the attack changes the class, and samples that it leaves in their own.
            matters += (compat ? Best(attacked, true) != Best(original.Probabilities, true) : Best(attacked, true) == label) ? 1 : 0;
            return -Math.Log(original.Probabilities[Best(attacked, compat)]);
        });
        bench.Run("boundary-shrink", Plain(bench, ("epsilon", "0.2"), ("compat", compat ? "true" : "false")));
        Assert.That(bench.Telemetry[0].ForgetLoss, Is.EqualTo(expected).Within(1e-9));
        Assert.That(matters, Is.GreaterThan(0), "there is a sample on which the two ways differ");
    }

    /// <summary>One step along the sign of the gradient [H, W, C], on the bytes of an image [C, H, W].</summary>
    private static byte[] Attack(MethodBench bench, byte[] image, double[] gradient, double epsilon)
    {
        var (pixels, channels) = (bench.Data.Height * bench.Data.Width, bench.Data.Channels);
        return
        [
            .. image.Select(
                (b, i) =>
                    (byte)
                        Math.Floor(
                            Math.Clamp(b + (255 * epsilon * Math.Sign(gradient[(i % pixels * channels) + (i / pixels)])), 0, 255) + 0.5
                        )
            ),
        ];
    }

    [Test]
    public void ShrinkingMovesTheForgetSetAway()
    {
        using var bench = new MethodBench();
        bench.Run("boundary-shrink", ("epochs", "10"), ("batch", "6"), ("lr", "0.01"), ("bn", "frozen"), ("no-augment", "true"));
        Assert.That(bench.Telemetry[^1].ForgetLoss, Is.LessThan(bench.Telemetry[0].ForgetLoss));
    }

    [Test]
    public void ExpandingWritesBackAllButItsRow()
    {
        using var bench = new MethodBench(Precision.Float32);
        var (weights, statistics) = (bench.Model.Parameters.ToArray(), bench.Model.Buffers.ToArray());
        bench.Run("boundary-expand", ("epochs", "0"));
        Errors.AssertSame(bench.Model.Parameters.ToArray(), weights, "no step, no change");
        bench.Run("boundary-expand", ("epochs", "20"), ("lr", "0.01"), ("batch", "6"));
        Assert.That(bench.Telemetry[^1].ForgetLoss, Is.LessThan(bench.Telemetry[0].ForgetLoss), "the extra class is learnt");
        Errors.AssertSame(bench.Model.Buffers.ToArray(), statistics, "forget batches leave the running statistics alone");
        var after = bench.Model.Parameters.ToArray();
        foreach (var name in new[] { "conv1.weight", "fc.weight", "fc.bias" })
        {
            var slot = bench.Model.Parameters.Layout[name];
            Assert.That(after[slot.Offset..slot.End], Is.Not.EqualTo(weights[slot.Offset..slot.End]), name);
        }
    }

    [Test]
    public void ScrubWithoutDivergenceIsFineTuningBitForBit()
    {
        double[] Run(string method, params (string, string)[] options)
        {
            using var bench = new MethodBench(Precision.Float32);
            bench.Run(method, [("epochs", "2"), ("batch", "16"), ("lr", "0.01"), .. options]);
            return [.. bench.Model.Parameters.ToArray(), .. bench.Model.Buffers.ToArray()];
        }

        Errors.AssertSame(Run("scrub", ("max-epochs", "0"), ("alpha", "0"), ("gamma", "1")), Run("ft"), "model");
    }

    [Test]
    public void ScrubLeavesItsTeacherOnTheForgetSet()
    {
        using var bench = new MethodBench();
        bench.Run(
            "scrub",
            ("epochs", "2"),
            ("max-epochs", "2"),
            ("batch", "16"),
            ("forget-batch", "2"),
            ("lr", "0.01"),
            ("bn", "frozen"),
            ("no-augment", "true")
        );
        var forget = bench.Telemetry.Where(t => !double.IsNaN(t.ForgetLoss)).ToArray();
        Assert.That(forget, Has.Length.EqualTo(2 * bench.Set.Forget.Chunk(2).Count()));
        Assert.That(bench.Telemetry, Has.Count.EqualTo(forget.Length + (2 * bench.Set.Retain.Chunk(16).Count())));
        Assert.That(forget[0].ForgetLoss, Is.EqualTo(0).Within(1e-12), "the student starts as the teacher");
        Assert.That(forget[^1].ForgetLoss, Is.LessThan(-1e-9));
    }

    [Test]
    public void ScrubCountsEpochsOfUnequalLength()
    {
        using var bench = new MethodBench();
        using var method = MethodScope.Create(
            new Lur.Unlearning.UnlearningTask(bench.Model, bench.Data, bench.Set, 7),
            "scrub",
            ["epochs", "3", "max-epochs", "1", "batch", "16", "forget-batch", "2"]
        );
        var (f, r) = (bench.Set.Forget.Chunk(2).Count(), bench.Set.Retain.Chunk(16).Count());
        Assert.That(method.Steps, Is.EqualTo(f + (3 * r)));
        var counts = Enumerable.Range(0, (int)method.Steps).GroupBy(s => method.EpochOf(s)).Select(g => (g.Key, g.Count()));
        Assert.That(counts, Is.EqualTo(new[] { (0L, f + r), (1L, r), (2L, r) }));
    }
}
