using Lur.Device;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>relu.cu, add.cu, bias.cu: exact, or one rounding.</summary>
public class ElementwiseTests
{
    private static readonly int[] Lengths = [1, 2, 31, 257, 1009];

    [TestCaseSource(typeof(KernelBench), nameof(KernelBench.Precisions))]
    public void Relu(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var n in Lengths)
        {
            using var bench = new KernelBench(test, precision);
            var (x, dy) = (bench.Rounded(random.NormalArray(n)), bench.Rounded(random.NormalArray(n)));
            // The values where implementations differ: the kink, both infinities, NaN.
            double[] special = [0, double.PositiveInfinity, double.NegativeInfinity, double.NaN];
            for (var i = 0; i < special.Length && n > 2 * i + 1; i++)
                x[2 * i + 1] = special[i];
            var (y, dx, shape) = (bench.Out(n), bench.Out(n), bench.Device.Elements(n));
            bench.Kernels.Relu.ReluForward(shape, y.Pointer, bench.In(x).Pointer, n);
            Errors.AssertSame(y.Get(), [.. x.Select(v => v < 0 ? 0 : v)], $"{bench.Name} y[{n}]");
            bench.Kernels.Relu.ReluBackward(shape, dx.Pointer, bench.In(dy).Pointer, y.Pointer, n);
            Errors.AssertSame(dx.Get(), [.. dy.Select((v, i) => x[i] <= 0 ? 0 : v)], $"{bench.Name} dx[{n}]");
            var inPlace = bench.In(x);
            bench.Kernels.Relu.ReluForward(shape, inPlace.Pointer, inPlace.Pointer, n);
            Errors.AssertSame(inPlace.Get(), y.Get(), $"{bench.Name} y in place of x[{n}]");
        }
    }

    [TestCaseSource(typeof(KernelBench), nameof(KernelBench.Precisions))]
    public void Add(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var n in Lengths)
        {
            using var bench = new KernelBench(test, precision);
            var (a, b) = (bench.Rounded(random.NormalArray(n)), bench.Rounded(random.NormalArray(n)));
            var sum = bench.Rounded(Vectors.Along(a, 1, b)); // a double holds the sum of two floats well enough to round it once
            var (y, da, shape) = (bench.Out(n), bench.Out(n), bench.Device.Elements(n));
            bench.Kernels.Add.AddForward(shape, y.Pointer, bench.In(a).Pointer, bench.In(b).Pointer, n);
            Errors.AssertSame(y.Get(), sum, $"{bench.Name} y[{n}]");
            bench.Kernels.Add.AddBackward(shape, da.Pointer, bench.In(a).Pointer, n, 0);
            Errors.AssertSame(da.Get(), a, $"{bench.Name} da[{n}] written");
            bench.Kernels.Add.AddBackward(shape, da.Pointer, bench.In(b).Pointer, n, 1);
            Errors.AssertSame(da.Get(), sum, $"{bench.Name} da[{n}] added");
        }
    }

    [TestCaseSource(typeof(KernelBench), nameof(KernelBench.Precisions))]
    public void Bias(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var (rows, channels, chunks) in new[] { (1, 1, 1), (5, 10, 2), (33, 125, 4), (257, 3, 2), (3, 64, 7) })
        {
            using var bench = new KernelBench(test, precision);
            var kernel = bench.Kernels.Bias;
            var n = rows * channels;
            var (x, bias, before) = (
                bench.Rounded(random.NormalArray(n)),
                bench.Rounded(random.NormalArray(channels)),
                bench.Rounded(random.NormalArray(channels))
            );
            var (y, dbias, partial) = (bench.Out(n), bench.In(before), bench.Out(chunks * channels));
            kernel.BiasForward(bench.Device.Rows(rows, channels), y.Pointer, bench.In(x).Pointer, bench.In(bias).Pointer, rows, channels);
            Errors.AssertSame(
                y.Get(),
                bench.Rounded([.. x.Select((v, i) => v + bias[i % channels])]),
                $"{bench.Name} y[{rows}, {channels}]"
            );

            var sum = new double[channels];
            for (var i = 0; i < n; i++)
                sum[i % channels] += x[i];
            kernel.BiasBackwardSums(bench.Device.Rows(chunks, channels), partial.Pointer, bench.In(x).Pointer, rows, channels, chunks);
            kernel.BiasBackwardFinish(bench.Device.Blocks(channels), dbias.Pointer, partial.Pointer, channels, chunks, 1);
            // At most `rows` roundings, of partial sums that stay below 4 sqrt(rows).
            var (tolerance, scale) = ((rows + 2) * bench.UnitRoundoff, 4 * Math.Sqrt(rows));
            Vectors.AssertClose(
                dbias.Get(),
                Vectors.Along(before, 1, sum),
                tolerance,
                scale,
                $"{bench.Name} dbias[{rows}, {channels}] added"
            );
            kernel.BiasBackwardFinish(bench.Device.Blocks(channels), dbias.Pointer, partial.Pointer, channels, chunks, 0);
            Vectors.AssertClose(dbias.Get(), sum, tolerance, scale, $"{bench.Name} dbias[{rows}, {channels}] written");
        }
    }
}
