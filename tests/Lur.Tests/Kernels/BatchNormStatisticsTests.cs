using Lur.Device;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

public class BatchNormStatisticsTests
{
    [Test]
    public void LargeMeanDoesNotCancel([Values] bool atOnce)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.All)
        {
            using var bench = new KernelScope(test, Precision.Float32);
            const int rows = 512,
                channels = 9;
            var x = bench.Precision.Round(random.NormalArray(rows * channels, 1e4, 1));
            var inputs = new BatchNormInputs(x, Ones(channels), new double[channels], null);
            var layer = new BatchNormBench(bench, inputs, 2, false, null, null, atOnce);
            var expected = new BatchNormReference(x, channels, BatchNormBench.Eps);
            // The float sum of squares would be wrong in the first digit: 1e8 * 6e-8 = 6 against a variance of 1. About the
            // first row nothing of the mean is left but its own rounding, 1e4 * 6e-8 = 6e-4 standard deviations, of which the
            // variance sees the square; sums of 256 terms give the rest.
            Errors.AssertClose(layer.Rstd, Bounded.Values(expected.Rstd), 256 * bench.Precision.Unit(), $"{bench.Name} rstd");
            Errors.AssertClose(layer.Mean, Bounded.Values(expected.Mean), 2 * bench.Precision.Unit(), $"{bench.Name} mean");
        }
    }

    [Test]
    public void AnOutlierAsFirstRowLosesAtMostTheChunkLength([Values] bool atOnce)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.All)
        {
            using var bench = new KernelScope(test, Precision.Float32);
            const int rows = 512,
                channels = 5,
                chunks = 4;
            var x = random.NormalArray(rows * channels);
            x.AsSpan(0, channels).Fill(1000);
            x = bench.Precision.Round(x);
            var inputs = new BatchNormInputs(x, Ones(channels), new double[channels], null);
            var layer = new BatchNormBench(bench, inputs, chunks, false, null, null, atOnce);
            // The bound of batch_norm.cu: cancellation in M2 by at most m = 128, the rows of a chunk; the sum that cancels
            // has m equal terms, which round by m / 2 units at worst; the square root halves it.
            var expected = new BatchNormReference(x, channels, BatchNormBench.Eps);
            Errors.AssertClose(layer.Rstd, Bounded.Values(expected.Rstd), 128 * 128 / 4 * bench.Precision.Unit(), $"{bench.Name} rstd");
        }
    }

    [Test]
    public void ChunksAreJoinedInDouble([Values(0, 1e6)] double centre, [Values] bool atOnce)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.All)
        {
            using var bench = new KernelScope(test, Precision.Float32);
            const int rows = 4096,
                channels = 3;
            // A chunk of one row has no error of its own: its offset and its squares are 0, and its sum is the row. All that is
            // left is the joining of 4096 chunks. In double it is rounded once, at the end; in float a sum of as many positive
            // terms is off by tens of units, and so is the mean of a chunk about 1e6, which is worth 0.06.
            var x = bench.Precision.Round(random.UniformArray(rows * channels, centre + 0.5, centre + 1.5));
            var dy = bench.Precision.Round(random.UniformArray(rows * channels, 0.5, 1.5));
            var (mean, variance) = (new double[channels], bench.Precision.Round(random.UniformArray(channels, 0.5, 2)));
            var running = (Mean: bench.Vector(mean), Var: bench.Vector(variance));
            var layer = new BatchNormBench(
                bench,
                new BatchNormInputs(x, Ones(channels), new double[channels], null),
                rows,
                false,
                null,
                running,
                atOnce
            );
            var expected = new BatchNormReference(x, channels, BatchNormBench.Eps);
            var u = bench.Precision.Unit();
            Errors.AssertClose(layer.Mean, Bounded.Values(expected.Mean), 1.01 * u, $"{bench.Name} mean");
            Errors.AssertClose(layer.Rstd, Bounded.Values(expected.Rstd), 1.01 * u, $"{bench.Name} rstd");
            // The step towards the batch is rounded, and the sum.
            double[] expectedMean = [.. expected.Mean.Select(m => 0.1 * m.Value)];
            double[] expectedVar = [.. expected.Variance.Zip(variance, (b, v) => v + (0.1 * ((b.Value * rows / (rows - 1)) - v)))];
            Errors.AssertClose(running.Mean.Get(), expectedMean, 2.01 * u, $"{bench.Name} running mean");
            Errors.AssertClose(running.Var.Get(), expectedVar, 2.01 * u, $"{bench.Name} running variance");
            Errors.AssertClose(
                layer.Backward(dy).Beta,
                Bounded.Values(expected.Backward(dy, null, Ones(channels)).Dbeta),
                1.01 * u,
                $"{bench.Name} dbeta"
            );
        }
    }

    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void RunningStatisticsFollowTorch(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.All)
        foreach (var atOnce in new[] { false, true })
        foreach (var rows in new[] { 1, 2, 37 })
        {
            using var bench = new KernelScope(test, precision);
            const int channels = 7;
            var inputs = BatchNormInputs.Random(random, rows, channels, false).Rounded(bench);
            var (mean, variance) = (
                bench.Precision.Round(random.NormalArray(channels)),
                bench.Precision.Round(random.UniformArray(channels, 0.5, 2))
            );
            var running = (Mean: bench.Vector(mean), Var: bench.Vector(variance));
            _ = new BatchNormBench(bench, inputs, 3, false, null, running, atOnce);
            var batch = new BatchNormReference(inputs.X, channels, BatchNormBench.Eps);
            // momentum 0.1; unbiased variance, which one row does not have: then it stays.
            var expectedMean = mean.Zip(batch.Mean, (o, b) => 0.9 * o + 0.1 * b.Value).ToArray();
            var expectedVar =
                rows == 1 ? variance : [.. variance.Zip(batch.Variance, (o, b) => 0.9 * o + 0.1 * b.Value * rows / (rows - 1))];
            var tolerance = (rows + 20) * bench.Precision.Unit();
            Errors.AssertClose(running.Mean.Get(), expectedMean, tolerance, $"{bench.Name} {rows} rows, running mean");
            Errors.AssertClose(running.Var.Get(), expectedVar, tolerance, $"{bench.Name} {rows} rows, running variance");
        }
    }

    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void StatisticsOfAChunkDoNotDependOnTheLaunch(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        const int rows = 97,
            channels = 33,
            chunks = 6;
        var x = random.NormalArray(rows * channels, 1, 2);
        var first = new Dictionary<string, double[]>();
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var bench = new KernelScope(test, precision);
            var (mean, m2) = (bench.Vector(chunks * channels), bench.Vector(chunks * channels));
            bench.Kernels.BatchNorm.BatchNormStatistics(
                bench.Device.Rows(chunks, channels),
                mean.Pointer,
                m2.Pointer,
                bench.Vector(x).Pointer,
                rows,
                channels,
                chunks
            );
            double[] result = [.. mean.Get(), .. m2.Get()];
            if (!first.TryAdd(test.Name, result))
                Errors.AssertSame(result, first[test.Name], bench.Name);
        }
    }

    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void TotalsDoNotDependOnTheLaunch(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        const int rows = 97,
            channels = 133, // three tiles, the last of 5
            chunks = 6;
        var inputs = BatchNormInputs.Random(random, rows, channels, false);
        var (t, dy, tdy) = (BatchNormInputs.Random(random, rows, channels, false), random.NormalArray(rows * channels), inputs.X);
        var first = new Dictionary<string, double[]>();
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var bench = new KernelScope(test, precision);
            var layer = new BatchNormBench(bench, inputs, chunks, true, null, null, atOnce: true);
            var (gradient, tangent) = (layer.Backward(dy), layer.BackwardTangent(dy, tdy, t, false).Tangent);
            double[] result = [.. layer.Mean, .. layer.Rstd, .. gradient.Gamma, .. gradient.Beta, .. tangent.Gamma, .. tangent.Beta];
            if (!first.TryAdd(test.Name, result))
                Errors.AssertSame(result, first[test.Name], bench.Name);
        }
    }

    [Test]
    public void NotANumberReachesTheOutput([Values] bool atOnce)
    {
        foreach (var test in TestDevices.All)
        {
            using var bench = new KernelScope(test, Precision.Float32);
            var x = TestRandom.ForCurrentTest().NormalArray(40);
            x[13] = double.NaN;
            var layer = new BatchNormBench(bench, new BatchNormInputs(x, Ones(4), new double[4], null), 1, true, null, null, atOnce);
            // Channel 13 % 4 = 1 and no other: a ReLU that turned NaN into 0 would hide a run that has gone wrong.
            Assert.That(layer.Y.Select((v, i) => double.IsNaN(v) == (i % 4 == 1)), Has.All.True, bench.Name);
        }
    }

    private static double[] Ones(int n) => [.. Enumerable.Repeat(1.0, n)];
}
