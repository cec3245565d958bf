using Lur.Device;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>vector.cu on every device, block size and precision.</summary>
public class VectorTests
{
    // 1, primes, the 64 elements that chunks are cut by and one above, one above a block of 256.
    private static readonly int[] Sizes = [1, 2, 31, 64, 65, 257, 1009, 5003];
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];

    // A chunk has at most n terms, added in some order: |error| <= (n + 12) u sum |terms| to first order (Higham 2002,
    // section 4.2; 12 for the block's tree and the products), and the second stage, in double, adds nothing visible.
    private static double SumTolerance(Precision precision, int n) => (n + 12) * precision.Unit();

    [Test]
    public void SumsAreRightAndDoNotDependOnTheGrid(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int n,
        [Values(1, 3, 16)] int count
    )
    {
        var random = TestRandom.ForCurrentTest();
        var (x, y) = (precision.Round(random.NormalArray(n, 0.3)), precision.Round(random.NormalArray(n)));
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var (dx, dy, k) = (scope.Vector(x), scope.Vector(y), scope.Kernels.Vector);
            Check(scope, count, n, [.. x.Select(a => a * a)], "square sum", (s, p) => k.VectorSquareSum(s, p, dx.Pointer, n, count));
            Check(scope, count, n, [.. x.Zip(y, (a, b) => a * b)], "dot", (s, p) => k.VectorDot(s, p, dx.Pointer, dy.Pointer, n, count));
        }
    }

    private static void Check(
        KernelScope scope,
        int count,
        int n,
        double[] terms,
        string what,
        Action<LaunchShape, DevicePointer<double>> launch
    )
    {
        var tolerance = SumTolerance(scope.Precision, n) * terms.Sum(Math.Abs);
        double[]? first = null;
        foreach (var grid in scope.Grids)
        {
            var partials = scope.Unwritten<double>(count);
            launch(scope.Grid(grid), partials.Pointer());
            var bits = partials.Download();
            Errors.AssertSame(bits, first ??= bits, $"{what}, grid {grid}");
            var result = scope.FinishSum(partials, count, 1);
            Assert.That(result[0], Is.EqualTo(terms.Sum()).Within(tolerance), $"{what} of {n} in {count} parts");
        }
    }

    // The last block adds up in the order of the second launch: the same bits, however often, whatever the grid.
    [Test]
    public void ATotalInOneLaunchIsThatOfTwo(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int n,
        [Values(1, 3, 16)] int count
    )
    {
        var x = precision.Round(TestRandom.ForCurrentTest().NormalArray(n, 0.3));
        x[n / 2] = n > 2 ? double.NaN : x[0];
        var finite = Array.ConvertAll(x, v => double.IsNaN(v) ? 1 : v);
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var (dx, bad, k) = (scope.Vector(finite), scope.Vector(x), scope.Kernels.Vector);
            var (partials, done) = (scope.Unwritten<double>(count), scope.Array(new int[1]));
            k.VectorSquareSum(scope.Device.Blocks(count), partials.Pointer(), dx.Pointer, n, count);
            var expected = scope.FinishSum(partials, count, 1);
            foreach (var grid in scope.Grids)
            {
                var (total, shape) = (scope.Unwritten<double>(1), scope.Grid(grid));
                k.VectorSquareTotal(shape, total.Pointer(), partials.Pointer(), done.Pointer(), dx.Pointer, n, count);
                Errors.AssertSame(total.Download(), expected, $"{scope.Name} squares, grid {grid}");
                k.VectorNonfiniteTotal(shape, total.Pointer(), partials.Pointer(), done.Pointer(), bad.Pointer, n, count);
                Errors.AssertSame(total.Download(), [n > 2 ? 1 : 0], $"{scope.Name} nonfinite, grid {grid}");
                Assert.That(done.Download(), Is.All.Zero, $"{scope.Name} counter, grid {grid}");
            }
        }
    }

    [Test]
    public void TheCountOfNonfiniteSeesEveryElement(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int n,
        [Values(1, 5)] int count
    )
    {
        var random = TestRandom.ForCurrentTest();
        var x = precision.Round(random.NormalArray(n));
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            Assert.That(Nonfinite(scope, x, count), Is.Zero);
            foreach (var at in test.ChecksMemory ? [n - 1] : new[] { 0, n / 2, n - 1 })
            {
                var changed = (double[])x.Clone();
                changed[at] = -1e30;
                Assert.That(Nonfinite(scope, changed, count), Is.Zero, $"element {at}");
                foreach (var bad in new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity })
                {
                    changed[at] = bad;
                    Assert.That(Nonfinite(scope, changed, count), Is.EqualTo(1.0), $"{bad} at {at}");
                }
            }
        }
    }

    private static double Nonfinite(KernelScope scope, double[] x, int count)
    {
        var partials = scope.Unwritten<double>(count);
        scope.Kernels.Vector.VectorCountNonfinite(scope.Device.Blocks(count), partials.Pointer(), scope.Vector(x).Pointer, x.Length, count);
        return scope.FinishSum(partials, count, 1)[0];
    }

    // Whole numbers: every order of summation gives the same sum, so the comparison is exact.
    [Test]
    public void FinishingFoldsSeveralReductionsAtOnce([Values(1, 2, 31, 257, 512)] int count, [Values(1, 2, 7)] int values)
    {
        var random = TestRandom.ForCurrentTest();
        var partials = Array.ConvertAll(new double[count * values], _ => (double)random.Below(2_000_001) - 1_000_000);
        var rows = Enumerable.Range(0, values).Select(v => partials[(v * count)..((v + 1) * count)]).ToArray();
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, Precision.Float32);
            var (input, sum) = (scope.Array(partials), scope.Unwritten<double>(values));
            foreach (var grid in scope.Grids)
            {
                scope.Kernels.Vector.VectorFinishSum(scope.Grid(grid), sum.Pointer(), input.Pointer(), count, values);
                Errors.AssertSame(sum.Download(), [.. rows.Select(r => r.Sum())], $"sums, grid {grid}");
            }
        }
    }

    // One rounding each, so the expected bits are known.
    [Test]
    public void UpdatesAreExact([ValueSource(nameof(Precisions))] Precision precision, [ValueSource(nameof(Sizes))] int n)
    {
        var random = TestRandom.ForCurrentTest();
        var (x, y) = (precision.Round(random.NormalArray(n)), precision.Round(random.NormalArray(n)));
        var a = precision.Round(random.Normal());
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            foreach (var grid in scope.Grids)
            {
                var (k, shape, dx) = (scope.Kernels.Vector, scope.Grid(grid), scope.Vector(x));
                var (axpy, absolute, scaled, filled) = (scope.Vector(y), scope.Vector(y), scope.Vector(n), scope.Vector(n));
                k.VectorAxpy(shape, axpy.Pointer, dx.Pointer, n, a);
                k.VectorAbsAccumulate(shape, absolute.Pointer, dx.Pointer, n);
                k.VectorScale(shape, scaled.Pointer, dx.Pointer, n, a);
                k.VectorFill(shape, filled.Pointer, n, a);
                k.VectorScale(shape, dx.Pointer, dx.Pointer, n, -a);
                Errors.AssertSame(axpy.Get(), [.. x.Zip(y, (s, t) => precision.Fma(a, s, t))], "axpy");
                Errors.AssertSame(absolute.Get(), [.. x.Zip(y, (s, t) => precision.Round(t + Math.Abs(s)))], "abs accumulate");
                Errors.AssertSame(scaled.Get(), [.. x.Select(s => precision.Round(a * s))], "scale");
                Errors.AssertSame(filled.Get(), [.. x.Select(_ => a)], "fill");
                Errors.AssertSame(dx.Get(), [.. x.Select(s => precision.Round(-a * s))], "scale in place");
            }
        }
    }
}
