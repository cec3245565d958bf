using Lur.Device;
using Lur.Layers;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

/// <summary>bias.cu: one rounding, and sums.</summary>
public class BiasTests
{
    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void Bias(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var (rows, channels, chunks) in new[] { (1, 1, 1), (5, 10, 2), (33, 125, 4), (257, 3, 2), (3, 64, 7) })
        {
            using var bench = new KernelScope(test, precision);
            var kernel = bench.Kernels.Bias;
            var n = rows * channels;
            var (x, bias, before) = (
                bench.Precision.Round(random.NormalArray(n)),
                bench.Precision.Round(random.NormalArray(channels)),
                bench.Precision.Round(random.NormalArray(channels))
            );
            var (y, dbias, partial) = (bench.Vector(n), bench.Vector(before), bench.Vector(chunks * channels));
            kernel.BiasForward(
                bench.Device.Rows(rows, channels),
                y.Pointer,
                bench.Vector(x).Pointer,
                bench.Vector(bias).Pointer,
                rows,
                channels
            );
            Errors.AssertSame(
                y.Get(),
                bench.Precision.Round([.. x.Select((v, i) => v + bias[i % channels])]),
                $"{bench.Name} y[{rows}, {channels}]"
            );

            var sum = new double[channels];
            for (var i = 0; i < n; i++)
                sum[i % channels] += x[i];
            kernel.BiasBackwardSums(bench.Device.Rows(chunks, channels), partial.Pointer, bench.Vector(x).Pointer, rows, channels, chunks);
            kernel.BiasBackwardFinish(bench.Device.Blocks(channels), dbias.Pointer, partial.Pointer, channels, chunks, 1);
            // At most `rows` roundings, of partial sums that stay below 4 sqrt(rows).
            var (tolerance, scale) = ((rows + 2) * bench.Precision.Unit(), 4 * Math.Sqrt(rows));
            Vectors.AssertClose(
                dbias.Get(),
                Vectors.Along(before, 1, sum),
                tolerance,
                scale,
                $"{bench.Name} dbias[{rows}, {channels}] added"
            );
            kernel.BiasBackwardFinish(bench.Device.Blocks(channels), dbias.Pointer, partial.Pointer, channels, chunks, 0);
            Vectors.AssertClose(dbias.Get(), sum, tolerance, scale, $"{bench.Name} dbias[{rows}, {channels}] written");
            var (totals, done) = (bench.Vector(channels), bench.Array(new int[(channels + 63) / 64]));
            kernel.BiasBackwardTotals(
                ColumnTotals.Shape(bench.Device, channels, chunks),
                totals.Pointer,
                partial.Pointer,
                done.Pointer(),
                bench.Vector(x).Pointer,
                rows,
                channels,
                chunks
            );
            Vectors.AssertClose(totals.Get(), sum, tolerance, scale, $"{bench.Name} dbias[{rows}, {channels}] at once");
            Assert.That(done.Download(), Is.All.Zero, $"{bench.Name} counters");
        }
    }
}
