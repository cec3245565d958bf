using Lur.Device;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

/// <summary>silu.cu against its definition in float64; the derivatives by central differences of the definition.</summary>
public class SiluTests
{
    private static double F(double x) => x / (1 + Math.Exp(-x));

    // Of order h^2 and u / h: 1e-9 for the first derivative, 1e-6 for the second.
    private static double First(double x) => (F(x + 1e-5) - F(x - 1e-5)) / 2e-5;

    private static double Second(double x) => (F(x + 1e-3) - (2 * F(x)) + F(x - 1e-3)) / 1e-6;

    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void AllPasses(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var n in new[] { 1, 31, 1009 })
        {
            using var bench = new KernelScope(test, precision);
            var (kernel, shape) = (bench.Kernels.Silu, bench.Device.Elements(n));
            double[] Draw() => bench.Precision.Round(random.NormalArray(n, 0, 2));
            double[] x = Draw(),
                tx = Draw(),
                dy = Draw(),
                tdy = Draw(),
                before = Draw();
            var (inX, inDy, inTx, inTdy) = (bench.Vector(x), bench.Vector(dy), bench.Vector(tx), bench.Vector(tdy));
            var (y, dx, tdx) = (bench.Vector(n), bench.Vector(before), bench.Vector(before));
            // A dozen operations on values of order 10; the double runs see the differences instead.
            var (exact, rounded) = (40 * bench.Precision.Unit(), Math.Max(40 * bench.Precision.Unit(), 1e-8));
            kernel.SiluForward(shape, y.Pointer, inX.Pointer, n);
            Vectors.AssertClose(y.Get(), [.. x.Select(F)], exact, 10, $"{bench.Name} y[{n}]");

            double[] d = [.. x.Zip(dy, (a, b) => First(a) * b)];
            kernel.SiluBackward(shape, dx.Pointer, inX.Pointer, inDy.Pointer, n, 1);
            Vectors.AssertClose(dx.Get(), Vectors.Along(before, 1, d), rounded, 10, $"{bench.Name} dx[{n}] added");
            kernel.SiluBackward(shape, dx.Pointer, inX.Pointer, inDy.Pointer, n, 0);
            Vectors.AssertClose(dx.Get(), d, rounded, 10, $"{bench.Name} dx[{n}] written");

            double[] td = [.. Enumerable.Range(0, n).Select(i => (First(x[i]) * tdy[i]) + (Second(x[i]) * tx[i] * dy[i]))];
            var second = Math.Max(rounded, 1e-6);
            void Run(int add) =>
                kernel.SiluBackwardTangent(shape, tdx.Pointer, inX.Pointer, inTx.Pointer, inDy.Pointer, inTdy.Pointer, n, add);
            Run(1);
            Vectors.AssertClose(tdx.Get(), Vectors.Along(before, 1, td), second, 10, $"{bench.Name} tdx[{n}] added");
            Run(0);
            Vectors.AssertClose(tdx.Get(), td, second, 10, $"{bench.Name} tdx[{n}] written");
        }
    }
}
