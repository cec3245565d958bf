using Lur.Device;
using Lur.Layers;
using Lur.Losses;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tasks.Classification;
using Lur.Tensors;
using Lur.Tests.Device;

namespace Lur.Tests.Unlearning;

/// <summary>T7 of the acceptance tests, the mask of SalUn against a ranking on the host, and random labels.</summary>
public class SalUnTests
{
    private static readonly string[] s_loop = ["batch", "16", "epochs", "2", "lr", "0.02"];

    /// <summary>|sum of the batch gradients|, by the definition, with a program of its own.</summary>
    private static double[] Saliency(MethodScope scope, int batch)
    {
        var model = scope.Model;
        using var feed = new BatchFeed(
            scope.Task.Data,
            scope.Task.Set.Forget,
            batch,
            RandomStream.StreamOf("order/saliency", (long)scope.Task.Seed)
        );
        using var p = new Program(model.Device, model.Precision);
        var stage = new ClassificationBatch(p, "saliency", batch, model, augment: true, scope.Task.Seed);
        using var gradient = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "gradient");
        _ = new GradientEvaluation(
            p,
            "reference",
            model,
            model.Parameters,
            stage,
            ClassificationTask.CrossEntropy(LossSpec.CrossEntropy),
            NormalizationMode.Frozen,
            gradient
        );
        p.Plan();
        var sum = new double[model.Parameters.Count];
        for (var b = 0; b < feed.BatchesPerEpoch; b++)
        {
            feed.Fill(stage);
            p.Run();
            var g = gradient.ToArray();
            for (var i = 0; i < sum.Length; i++)
                sum[i] -= g[i];
        }

        return Array.ConvertAll(sum, Math.Abs);
    }

    [Test]
    public void MaskedOutWeightsKeepTheirBits([Values("batch", "concat")] string relabel, [Values(0.1, 0.5)] double ratio)
    {
        using var scope = new MethodScope(Precision.Float64);
        var saliency = Saliency(scope, 16);
        var statistics = scope.Model.Buffers.ToArray();
        using var method = scope.Create(
            "salun",
            [.. s_loop, "relabel", relabel, "mask-ratio", ratio.ToString(System.Globalization.CultureInfo.InvariantCulture)]
        );
        var report = method.Preparations.Single().Run();
        Errors.AssertSame(scope.Model.Buffers.ToArray(), statistics, "running statistics after the saliency pass");
        while (method.Step < method.Steps)
            method.RunStep();
        method.Finish();
        var after = scope.Model.Parameters.ToArray();
        var kept = (int)(ratio * after.Length);
        var mask = new bool[after.Length];
        foreach (var i in Enumerable.Range(0, mask.Length).OrderByDescending(i => saliency[i]).ThenBy(i => i).Take(kept))
            mask[i] = true;
        Assert.That(report.Facts.Single(f => f.Name == "kept").Value, Is.EqualTo(kept));
        var moved = 0;
        for (var i = 0; i < after.Length; i++)
        {
            if (!mask[i])
                Assert.That(
                    BitConverter.DoubleToInt64Bits(after[i]),
                    Is.EqualTo(BitConverter.DoubleToInt64Bits(scope.Start[i])),
                    $"weight {i}"
                );
            else
                moved += after[i] != scope.Start[i] ? 1 : 0;
        }

        // Weight decay moves every weight that may move, unless it is 0 with a gradient of 0.
        Assert.That(moved, Is.GreaterThan(0.95 * kept));
    }

    [Test]
    public void CompatDecaysMaskedOutWeights()
    {
        using MethodScope frozen = new(),
            compat = new();
        var nothing = new[] { "mask-ratio", "1e-9", "momentum", "0", "weight-decay", "0.5" };
        frozen.Run("salun", [.. s_loop, .. nothing]);
        using var method = compat.Create("salun", [.. s_loop, .. nothing, "compat", "true"]);
        MethodScope.Run(method);
        // One weight may move; the others shrink by (1 - rate decay) every step and nothing else.
        var factor = Math.Pow(1 - (0.02 * 0.5), method.Steps);
        double[] shrunk = [.. compat.Start.Select(t => t * factor)];
        var (a, f) = (compat.Model.Parameters.ToArray(), frozen.Model.Parameters.ToArray());
        Assert.That(
            Enumerable.Range(0, a.Length).Count(i => Math.Abs(a[i] - shrunk[i]) > 1e-5 * Math.Abs(shrunk[i])),
            Is.LessThanOrEqualTo(1)
        );
        Assert.That(Enumerable.Range(0, f.Length).Count(i => f[i] != frozen.Start[i]), Is.EqualTo(1));
    }

    [Test]
    public void TheWholeMaskIsRandomLabellingBitForBit([Values("batch", "concat")] string relabel)
    {
        using MethodScope salun = new(),
            rl = new();
        salun.Run("salun", [.. s_loop, "mask-ratio", "1", "relabel", relabel]);
        rl.Run("rl", [.. s_loop, "relabel", relabel]);
        Errors.AssertSame(salun.Model.Parameters.ToArray(), rl.Model.Parameters.ToArray(), "parameters");
        Assert.That(rl.Model.Parameters.ToArray(), Is.Not.EqualTo(rl.Start));
    }

    [Test]
    public void AnEpochIsForgetBatchesThenRetainBatches()
    {
        using var scope = new MethodScope();
        var telemetry = scope.Run("rl", s_loop); // 40 to forget, 56 to retain, batches of 16
        bool[] expected = [true, true, true, false, false, false, false];
        Assert.That(telemetry.Select(t => double.IsNaN(t.RetainLoss)), Is.EqualTo(expected.Concat(expected)));
        Assert.That(scope.Model.BatchesTracked, Is.EqualTo(8), "forget batches do not move running statistics");
    }

    [Test]
    public void DrawnLabelsAreTheOthersAndUniform([Values] LabelDraw draw, [Values(2, 10)] int classes)
    {
        const int n = 20000;
        var labels = Enumerable.Range(0, n).Select(i => i % classes).ToArray();
        RandomLabels.Redraw(labels, 5, 1234, classes, draw);
        var shift = labels.Select((l, i) => (l - (i % classes) + classes) % classes).CountBy(d => d).ToDictionary(p => p.Key, p => p.Value);
        var choices = draw == LabelDraw.Any ? classes : classes - 1;
        Assert.That(shift.Keys.Order(), Is.EqualTo(Enumerable.Range(classes - choices, choices)));
        // Five standard deviations of a binomial count.
        Assert.That(shift.Values, Is.All.EqualTo((double)n / choices).Within(5 * Math.Sqrt(n / (double)choices)));
        var again = Enumerable.Range(0, n).Select(i => i % classes).ToArray();
        RandomLabels.Redraw(again.AsSpan(classes), 5, 1234 + (ulong)classes, classes, draw);
        Assert.That(again[classes..], Is.EqualTo(labels[classes..]), "a label depends on the sample's number alone");
    }
}
