using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Tasks;
using Lur.Tests.Device;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>T2 of the acceptance tests: the trim stage.</summary>
public class TrimTests
{
    private static Model CreateModel()
    {
        var spec = ModelFamilies.Parse("resnet[1,1,1]:w4", new ImageSize(32, 32, 3), 10);
        var model = new Model(
            TestDevices.Default,
            Precision.Float32,
            spec,
            [.. Enumerable.Range(0, 10).Select(i => $"c{i}")],
            new InputNormalization([0.5, 0.5, 0.5], [0.25, 0.25, 0.25])
        );
        model.Initialize(7);
        return model;
    }

    private static (TrimReport Report, double[] Before, double[] After) Run(Model model, TrimOptions options)
    {
        using var source = DataSource.Open("synthetic:train=200,test=20,seed=3");
        using var feed = new BatchFeed(source.Train, [.. Enumerable.Range(0, 64)], options.BatchSize, 1);
        var before = model.Parameters.ToArray();
        var statistics = model.Buffers.ToArray();
        var copied = model.Device.BlockingCopyBytes;
        var report = Trim.Run(model, options, feed.Fill);
        // Figures only: the threshold, its range, one count of each tensor.
        Assert.That(model.Device.BlockingCopyBytes - copied, Is.LessThan(model.Parameters.Bytes / 20), "bytes copied");
        if (!options.Compat)
            Errors.AssertSame(model.Buffers.ToArray(), statistics, "running statistics");
        else
            Assert.That(model.Buffers.ToArray(), Is.Not.EqualTo(statistics), "the public code's way");
        Assert.That(model.BatchesTracked, Is.EqualTo(options.Compat ? options.Batches : 0));
        return (report, before, model.Parameters.ToArray());
    }

    [Test]
    public void EligibleScopeResetsExactlyTheTopShare([Values(0.97, 0.5)] double sparsity)
    {
        using var model = CreateModel();
        var (report, before, after) = Run(
            model,
            new TrimOptions
            {
                BatchSize = 16,
                Sparsity = sparsity,
                Scope = ThresholdScope.Eligible,
            }
        );
        var m = Trim.EligibleTensors(model, new TrimOptions()).Sum(s => s.Count);
        // Dead ReLUs give saliencies of exactly zero, which tie at the bottom, not at the threshold.
        Assert.That(report.Reset, Is.EqualTo(m - (int)(sparsity * m)));
        // A bias reset to 0 from 0 or a redraw of the same value does not occur with these weights.
        Assert.That(before.Where((x, i) => x != after[i]).Count(), Is.EqualTo(report.Reset));
    }

    [Test]
    public void OneEntryAtTheHighestSparsity()
    {
        using var model = CreateModel();
        var (report, _, _) = Run(
            model,
            new TrimOptions
            {
                BatchSize = 16,
                Sparsity = 0.9999999,
                Scope = ThresholdScope.Eligible,
            }
        );
        Assert.That(report.Reset, Is.EqualTo(1));
    }

    [Test]
    public void NormalizationAndEarlyLayersAreUntouched([Values] ThresholdScope scope, [Values] bool compat)
    {
        using var model = CreateModel();
        var options = new TrimOptions
        {
            BatchSize = 16,
            Sparsity = 0.6,
            Scope = scope,
            Compat = compat,
        };
        var (report, before, after) = Run(model, options);
        Assert.That(report.Reset, Is.GreaterThan(0));
        var eligible = Trim.EligibleTensors(model, options);
        foreach (var slot in model.Parameters.Layout.Slots)
        {
            var changed = Enumerable.Range(slot.Offset, slot.Count).Count(i => before[i] != after[i]);
            if (!eligible.Contains(slot))
                Assert.That(changed, Is.Zero, slot.Name);
            if (slot.IsNormalization)
                Assert.That(
                    eligible.Contains(slot),
                    Is.EqualTo(
                        compat
                            && slot.Name.Contains("downsample", StringComparison.Ordinal)
                            && !slot.Name.StartsWith("layer1", StringComparison.Ordinal)
                    ),
                    slot.Name
                );
            var bound = slot.Kind == Lur.Tensors.ParameterKind.Bias ? 0 : 1 / Math.Sqrt(slot.FanIn);
            for (var i = slot.Offset; i < slot.End; i++)
            {
                if (before[i] != after[i] && !slot.IsNormalization)
                    Assert.That(Math.Abs(after[i]), Is.LessThanOrEqualTo(bound * (1 + 1e-6)), slot.Name);
            }
        }
    }

    [Test]
    public void SameSeedSameResult()
    {
        var results = new double[2][];
        for (var i = 0; i < 2; i++)
        {
            using var model = CreateModel();
            results[i] = Run(model, new TrimOptions { BatchSize = 16 }).After;
        }

        Errors.AssertSame(results[0], results[1], "parameters");
    }

    [Test]
    public void UnknownLayersAreRefused()
    {
        using var model = CreateModel();
        Assert.That(
            () => Trim.EligibleTensors(model, new TrimOptions { Layers = ["layer9"] }),
            Throws.TypeOf<OptionException>().With.Message.Contains("TrimOptions.Layers layer9")
        );
    }
}
