using Lur.Device;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>packs.cuh: flat vectors that begin anywhere, 16 bytes at a time where they can be.</summary>
public class PackTests
{
    private const int Around = 8; // elements before and behind, which nothing may touch

    // Places of y and x behind a boundary of 16 bytes, in elements: at it, alike behind it, and not alike.
    private static readonly (int Y, int X)[] s_places = [(0, 0), (1, 1), (3, 3), (1, 3), (0, 1), (2, 3)];

    [Test]
    public void VectorsAreUpdatedWhereverTheyBegin([Values] Precision precision, [Values(1, 2, 3, 4, 5, 7, 8, 9, 31, 257, 1031)] int n)
    {
        var random = TestRandom.ForCurrentTest();
        var (x, y) = (precision.Round(random.NormalArray(n + (2 * Around))), precision.Round(random.NormalArray(n + (2 * Around))));
        var mask = Array.ConvertAll(new byte[n + (2 * Around)], _ => (byte)random.Below(2));
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var (atY, atX) in s_places)
        {
            using var scope = new KernelScope(test, precision);
            var (size, what) = (precision.Size(), $"{scope.Name} {n} elements at {atY} and {atX}");
            var (dx, dy, theta) = (scope.Vector(x), scope.Vector(y), scope.Vector(y));
            DevicePointer<Real> X = dx.Pointer.At(atX, size),
                Y = dy.Pointer.At(atY, size),
                T = theta.Pointer.At(atY, size);
            scope.Kernels.Vector.VectorAxpy(scope.Device.Elements(n), Y, X, n, 0.75);
            double[] Inside(Func<int, double, double> of) => [.. y.Select((v, i) => i >= atY && i < atY + n ? of(i - atY, v) : v)];
            Errors.AssertSame(dy.Get(), Inside((i, v) => precision.Fma(0.75, x[atX + i], v)), $"axpy, {what}");

            // theta - 0.5 g where the mask is 1, a number of bytes that goes along with the elements.
            var (on, step) = (scope.Array(mask), scope.Array(0.5, 0, 0, 0, 0, 0, 0, 0, 0));
            var keep = on.Pointer().At(atX, 1);
            scope.Kernels.Sgd.SgdStep(scope.Device.Elements(n), T, default, X, keep, step.Pointer(), default, n, 0);
            var expected = Inside((i, v) => mask[atX + i] == 0 ? v : precision.Fma(-0.5, x[atX + i], v));
            Errors.AssertSame(theta.Get(), expected, $"sgd, {what}");
        }
    }

    // Whole numbers: every order of summation gives the same sum.
    [Test]
    public void SumsSeeEveryElementWhereverTheVectorBegins(
        [Values] Precision precision,
        [Values(1, 3, 4, 5, 65, 1031)] int n,
        [Values(1, 3)] int count
    )
    {
        var random = TestRandom.ForCurrentTest();
        var x = Array.ConvertAll(new double[n + (2 * Around)], _ => (double)random.Below(17) - 8);
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var (at, other) in s_places)
        {
            using var scope = new KernelScope(test, precision);
            var (dx, partials, size) = (scope.Vector(x), scope.Unwritten<double>(count), precision.Size());
            var (a, b) = (dx.Pointer.At(at, size), dx.Pointer.At(other, size));
            scope.Kernels.Vector.VectorSquareSum(scope.Device.Blocks(count), partials.Pointer(), a, n, count);
            var squares = scope.FinishSum(partials, count, 1)[0];
            scope.Kernels.Vector.VectorDot(scope.Device.Blocks(count), partials.Pointer(), a, b, n, count);
            var dot = scope.FinishSum(partials, count, 1)[0];
            var range = Enumerable.Range(0, n);
            double[] expected = [range.Sum(i => x[at + i] * x[at + i]), range.Sum(i => x[at + i] * x[other + i])];
            Errors.AssertSame([squares, dot], expected, $"{scope.Name} {n} elements at {at} and {other}");
        }
    }
}
