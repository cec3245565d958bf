using Lur.Device;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

/// <summary>gelu.cu and geglu.cu far from 0, where the definitions cancel, and what adds to what was there. The values and all passes
/// near 0: <see cref="Networks.LayerReferenceTests"/>.</summary>
public class GeluTests
{
    // erfc(t / sqrt 2) / 2 for t >= 2 by its continued fraction, phi(t) / (t + 1/(t + 2/(t + ...))): all digits of the tail.
    private static double Tail(double t)
    {
        var fraction = 0.0;
        for (var k = 200; k > 0; k--)
            fraction = k / (t + fraction);
        return Math.Exp(-t * t / 2) / Math.Sqrt(2 * Math.PI) / (t + fraction);
    }

    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void TheTailsKeepTheirDigits(Precision precision)
    {
        double[] x = [.. Enumerable.Range(20, 101).Select(i => i / 10.0).SelectMany(t => new[] { -t, t })];
        x = precision.Round([.. x, 40, -40, 1e4, -1e4]);
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var bench = new KernelScope(test, precision);
            var y = bench.Vector(x.Length);
            bench.Kernels.Gelu.GeluForward(bench.Device.Elements(x.Length), y.Pointer, bench.Vector(x).Pointer, x.Length, 0);
            foreach (var (value, at) in y.Get().Zip(x))
            {
                var expected = at < 0 ? at * Tail(-at) : at * (1 - Tail(at));
                // The factor of x and the exponent t^2 / 2 are rounded: some u times the latter.
                // Below the smallest normal number digits are lost.
                var (units, least) = (30 + (2 * at * at), precision == Precision.Float32 ? 1e-36 : 1e-300);
                Assert.That(
                    value,
                    Is.EqualTo(expected).Within((units * precision.Unit() * Math.Abs(expected)) + least),
                    $"{bench.Name} {at}"
                );
            }
        }
    }

    [Test]
    public void ANaNStaysOne([Values(0, 1)] int quick)
    {
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var bench = new KernelScope(test, Precision.Float32);
            var y = bench.Vector(3);
            bench.Kernels.Gelu.GeluForward(bench.Device.Elements(3), y.Pointer, bench.Vector([1, double.NaN, -1]).Pointer, 3, quick);
            Assert.That(y.Get().Select(double.IsNaN), Is.EqualTo(new[] { false, true, false }), bench.Name);
        }
    }

    /// <summary>What is added to is there afterwards, and what is written over is not.</summary>
    [Test]
    public void GradientsAreAddedOnRequest()
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var n in new[] { 1, 31, 307 })
        {
            using var bench = new KernelScope(test, Precision.Float64);
            GuardedBuffer Draw(int count) => bench.Vector(random.NormalArray(count));
            var (x, tx, dy, tdy, gated, tgated) = (Draw(n), Draw(n), Draw(n), Draw(n), Draw(2 * n), Draw(2 * n));
            var (kernels, elements, rows) = (bench.Kernels, bench.Device.Elements(n), bench.Device.Rows(1, n));
            void Check(string what, int count, Action<DevicePointer<Real>, int> run)
            {
                var before = random.NormalArray(count);
                var (written, added) = (bench.Vector(count), bench.Vector(before));
                run(written.Pointer, 0);
                run(added.Pointer, 1);
                Vectors.AssertClose(
                    added.Get(),
                    Vectors.Along(before, 1, written.Get()),
                    4 * Precision.Float64.Unit(),
                    10,
                    $"{bench.Name} {what}"
                );
            }

            foreach (var quick in new[] { 0, 1 })
            {
                Check("gelu", n, (to, add) => kernels.Gelu.GeluBackward(elements, to, x.Pointer, dy.Pointer, n, quick, add));
                Check(
                    "gelu tangent",
                    n,
                    (to, add) =>
                        kernels.Gelu.GeluBackwardTangent(elements, to, x.Pointer, tx.Pointer, dy.Pointer, tdy.Pointer, n, quick, add)
                );
            }

            Check("geglu", 2 * n, (to, add) => kernels.Geglu.GegluBackward(rows, to, gated.Pointer, dy.Pointer, 1, n, add));
            Check(
                "geglu tangent",
                2 * n,
                (to, add) => kernels.Geglu.GegluBackwardTangent(rows, to, gated.Pointer, tgated.Pointer, dy.Pointer, tdy.Pointer, 1, n, add)
            );
        }
    }
}
