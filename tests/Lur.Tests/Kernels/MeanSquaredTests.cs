using Lur.Device;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>mean_squared.cu against its definition in float64.</summary>
public class MeanSquaredTests
{
    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void AllPasses(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var (n, size) in new[] { (1, 1), (3, 31), (5, 1009) })
        foreach (var (coefficient, weighted) in new[] { (1.0, false), (-1.0, false), (0.5, true) })
        {
            using var bench = new KernelScope(test, precision);
            var (device, kernel) = (bench.Device, bench.Kernels.MeanSquared);
            double[] Draw(int count) => precision.Round(random.NormalArray(count));
            var (x, y, tx, w) = (Draw(n * size), Draw(n * size), Draw(n * size), Draw(n));
            var weight = weighted ? w : [.. Enumerable.Repeat(1.0, n)];
            var (inX, inY, inTx, inW) = (bench.Vector(x), bench.Vector(y), bench.Vector(tx), bench.Vector(w));
            var weights = weighted ? inW.Pointer : default;
            var (loss, dx, tdx) = (bench.Vector(n), bench.Vector(n * size), bench.Vector(n * size));
            kernel.MeanSquaredForward(device.Blocks(n), loss.Pointer, inX.Pointer, inY.Pointer, weights, n, size, coefficient);
            var rows = LongRows.Shape(device, n, size);
            kernel.MeanSquaredBackward(rows, dx.Pointer, inX.Pointer, inY.Pointer, weights, n, size, coefficient, 1.0 / n);
            kernel.MeanSquaredBackwardTangent(rows, tdx.Pointer, inTx.Pointer, weights, n, size, coefficient, 1.0 / n);

            double Square(int row) => Enumerable.Range(row * size, size).Sum(i => (x[i] - y[i]) * (x[i] - y[i])) / size;
            double[] expected = [.. Enumerable.Range(0, n).Select(r => coefficient * weight[r] * Square(r))];
            double[] Scaled(Func<int, double> of) =>
                [.. Enumerable.Range(0, n * size).Select(i => 2 * coefficient * weight[i / size] / (n * (double)size) * of(i))];
            // Sums of squares: at most some square roots of a thousand roundings; the rest are five operations.
            var unit = precision.Unit();
            Errors.AssertClose(loss.Get(), expected, 200 * unit, $"{bench.Name} loss[{n}, {size}]");
            Errors.AssertClose(dx.Get(), Scaled(i => x[i] - y[i]), 10 * unit, $"{bench.Name} dx");
            Errors.AssertClose(tdx.Get(), Scaled(i => tx[i]), 10 * unit, $"{bench.Name} tdx");

            var pieces = LongRows.PiecesOf(size);
            var (partials, done, again) = (bench.Unwritten<double>(n * pieces), bench.Array(new int[n]), bench.Vector(n));
            kernel.MeanSquaredPiecesForward(
                device.Blocks(n * pieces),
                again.Pointer,
                partials.Pointer(),
                done.Pointer(),
                inX.Pointer,
                inY.Pointer,
                weights,
                n,
                size,
                coefficient
            );
            Errors.AssertClose(again.Get(), expected, 200 * unit, $"{bench.Name} loss[{n}, {size}] in pieces");
            Assert.That(done.Download(), Is.All.Zero, $"{bench.Name} counters");

            var totals = bench.Array(1.0, 2.0, 3.0);
            kernel.MeanSquaredTotals(device.Blocks(1), totals.Pointer(), loss.Pointer, n);
            double[] sums = [1 + loss.Get().Sum(), 2, 3 + n];
            Errors.AssertClose(totals.Download(), sums, 1e-14, $"{bench.Name} totals");
        }
    }
}
