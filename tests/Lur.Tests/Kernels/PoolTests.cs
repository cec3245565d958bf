using Lur.Device;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

public class PoolTests
{
    // The stem's 3x3 stride 2 pad 1 at even and odd sizes, windows without overlap, with gaps between them (stride above
    // size), of size 1, larger than the input with its pad, and 16, whose last tap is 255.
    private static readonly PoolReference[] Shapes =
    [
        new(2, 8, 8, 3, 3, 2, 1),
        new(1, 7, 5, 17, 3, 2, 1),
        new(2, 6, 4, 5, 2, 2, 0),
        new(1, 9, 7, 2, 2, 3, 0),
        new(3, 1, 1, 1, 1, 1, 0),
        new(1, 2, 3, 4, 3, 1, 1),
        new(1, 16, 17, 2, 16, 1, 8),
        new(1, 11, 5, 33, 3, 1, 1),
    ];

    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void MaximumMatchesTheReference(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var p in Shapes)
        {
            using var bench = new KernelScope(test, precision);
            // A few distinct values, so that most windows hold ties; and a NaN, which must win.
            double[] x = [.. random.NormalArray(p.InputLength).Select(v => Math.Round(v))];
            x[random.Below(x.Length)] = double.NaN;
            var (y, tap) = p.MaxForward(x);
            var max = new MaxPoolBench(bench, p, x);
            Errors.AssertSame(max.Y, y, $"{bench.Name} {p} y");
            Assert.That(max.Tap, Is.EqualTo(tap), $"{bench.Name} {p} tap");

            var (dy, tx, before) = (
                bench.Precision.Round(random.NormalArray(y.Length)),
                bench.Precision.Round(random.NormalArray(x.Length)),
                bench.Precision.Round(random.NormalArray(x.Length))
            );
            var dx = p.MaxBackward(dy, tap);
            // At most as many terms as windows hold one element.
            var windows = (p.Size + p.Stride - 1) / p.Stride;
            var tolerance = (windows * windows + 1) * bench.Precision.Unit();
            Errors.AssertClose(max.Backward(dy), dx, tolerance, $"{bench.Name} {p} dx");
            Errors.AssertClose(max.Backward(dy, before), Vectors.Along(before, 1, dx), tolerance, $"{bench.Name} {p} dx added");
            Errors.AssertSame(max.ForwardTangent(tx), p.MaxForwardTangent(tx, tap), $"{bench.Name} {p} ty");
        }
    }

    [Test]
    public void MaximumDerivativesMatchFiniteDifferences()
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.All)
        foreach (var p in new PoolReference[] { new(1, 7, 5, 3, 3, 2, 1), new(1, 5, 4, 2, 2, 1, 0) })
        {
            using var bench = new KernelScope(test, Precision.Float64);
            // All values differ by 0.05 at least, which the stencil (4e-4 times |t|, below 5) cannot swap.
            double[] x = [.. Enumerable.Range(0, p.InputLength).Select(i => 0.05 * i).OrderBy(_ => random.Next())];
            var (tx, dy) = (random.NormalArray(x.Length), random.NormalArray(p.OutputLength));
            var max = new MaxPoolBench(bench, p, x);
            var ty = max.ForwardTangent(tx);
            Errors.AssertClose(
                ty,
                Vectors.Derivative(h => new MaxPoolBench(bench, p, Vectors.Along(x, h, tx)).Y),
                1e-9,
                $"{bench.Name} {p} ty"
            );
            Vectors.AssertSameProduct(max.Backward(dy), tx, dy, ty, 1e-13, $"{bench.Name} {p} adjoint");
        }
    }

    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void AverageMatchesTheReference(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var p in Shapes)
        {
            using var bench = new KernelScope(test, precision);
            var kernel = bench.Kernels.Pool;
            double[] Draw(int count) => bench.Precision.Round(random.NormalArray(count));
            var (x, dy, before) = (Draw(p.InputLength), Draw(p.OutputLength), Draw(p.InputLength));
            var (y, dx) = (bench.Vector(p.OutputLength), bench.Vector(p.InputLength));
            var (outputs, inputs) = (bench.Device.Rows(p.N * p.OutHeight * p.OutWidth, p.C), bench.Device.Rows(p.N * p.H * p.W, p.C));
            // Sums of a window's elements, or of the windows that hold one, and two roundings of the share.
            var tolerance = ((p.Size * p.Size) + 2) * bench.Precision.Unit();
            kernel.AveragePoolForward(outputs, y.Pointer, bench.Vector(x).Pointer, GeometryOf(p));
            Errors.AssertClose(y.Get(), p.AverageForward(x), tolerance, $"{bench.Name} {p} y");
            kernel.AveragePoolBackward(inputs, dx.Pointer, bench.Vector(dy).Pointer, GeometryOf(p), 0);
            Errors.AssertClose(dx.Get(), p.AverageBackward(dy), tolerance, $"{bench.Name} {p} dx");
            Vectors.AssertSameProduct(dx.Get(), x, dy, y.Get(), tolerance, $"{bench.Name} {p} adjoint");
            dx.Set(before);
            kernel.AveragePoolBackward(inputs, dx.Pointer, bench.Vector(dy).Pointer, GeometryOf(p), 1);
            Errors.AssertClose(dx.Get(), Vectors.Along(before, 1, p.AverageBackward(dy)), tolerance, $"{bench.Name} {p} dx added");
        }
    }

    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void MeanMatchesTheReference(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (
            var p in new PoolReference[]
            {
                new(1, 1, 1, 1, 1, 1, 0),
                new(3, 4, 4, 64, 1, 1, 0),
                new(2, 7, 7, 33, 1, 1, 0),
                new(5, 3, 5, 10, 1, 1, 0),
            }
        )
        {
            using var bench = new KernelScope(test, precision);
            var (kernel, positions) = (bench.Kernels.Pool, p.H * p.W);
            var (x, dy, before) = (
                bench.Precision.Round(random.NormalArray(p.InputLength)),
                bench.Precision.Round(random.NormalArray(p.N * p.C)),
                bench.Precision.Round(random.NormalArray(p.InputLength))
            );
            var (y, dx) = (bench.Vector(p.N * p.C), bench.Vector(p.InputLength));
            var tolerance = 2 * (positions + 2) * bench.Precision.Unit();
            kernel.MeanPoolForward(bench.Device.Rows(p.N, p.C), y.Pointer, bench.Vector(x).Pointer, p.N, positions, p.C);
            Errors.AssertClose(y.Get(), p.MeanForward(x), tolerance, $"{bench.Name} {p} y");
            kernel.MeanPoolBackward(bench.Device.Rows(p.N * positions, p.C), dx.Pointer, bench.Vector(dy).Pointer, p.N, positions, p.C, 0);
            Errors.AssertClose(dx.Get(), p.MeanBackward(dy), tolerance, $"{bench.Name} {p} dx");
            Vectors.AssertSameProduct(dx.Get(), x, dy, y.Get(), tolerance, $"{bench.Name} {p} adjoint");
            dx.Set(before);
            kernel.MeanPoolBackward(bench.Device.Rows(p.N * positions, p.C), dx.Pointer, bench.Vector(dy).Pointer, p.N, positions, p.C, 1);
            Errors.AssertClose(dx.Get(), Vectors.Along(before, 1, p.MeanBackward(dy)), tolerance, $"{bench.Name} {p} dx added");
        }
    }

    private static WindowGeometry GeometryOf(PoolReference p) =>
        new()
        {
            N = p.N,
            H = p.H,
            W = p.W,
            C = p.C,
            K = p.C,
            R = p.Size,
            S = p.Size,
            Stride = p.Stride,
            Top = p.Pad,
            Left = p.Pad,
            OH = p.OutHeight,
            OW = p.OutWidth,
        };

    private sealed class MaxPoolBench
    {
        private readonly KernelScope _bench;
        private readonly PoolReference _p;
        private readonly GuardedBuffer _y;
        private readonly GuardedArray<byte> _tap;

        public MaxPoolBench(KernelScope bench, PoolReference p, double[] x)
        {
            (_bench, _p, _y, _tap) = (bench, p, bench.Vector(p.OutputLength), bench.Array(new byte[p.OutputLength]));
            bench.Kernels.Pool.MaxPoolForward(Outputs, _y.Pointer, Taps, bench.Vector(x).Pointer, Geometry);
        }

        public double[] Y => _y.Get();

        public byte[] Tap => _tap.Download();

        private DevicePointer<byte> Taps => new(_tap.Address);

        private WindowGeometry Geometry => GeometryOf(_p);

        private LaunchShape Outputs => _bench.Device.Rows(_p.N * _p.OutHeight * _p.OutWidth, _p.C);

        public double[] Backward(double[] dy, double[]? accumulated = null)
        {
            var dx = accumulated is null ? _bench.Vector(_p.InputLength) : _bench.Vector(accumulated);
            _bench.Kernels.Pool.MaxPoolBackward(
                _bench.Device.Rows(_p.N * _p.H * _p.W, _p.C),
                dx.Pointer,
                _bench.Vector(dy).Pointer,
                Taps,
                Geometry,
                accumulated is null ? 0 : 1
            );
            return dx.Get();
        }

        public double[] ForwardTangent(double[] tx)
        {
            var ty = _bench.Vector(_p.OutputLength);
            _bench.Kernels.Pool.MaxPoolForwardTangent(Outputs, ty.Pointer, _bench.Vector(tx).Pointer, Taps, Geometry);
            return ty.Get();
        }
    }
}
