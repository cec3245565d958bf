using Lur.Device;
using Lur.Tensors;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>grain.cu against a plain loop over Philox, whose generator has known answers.</summary>
public class GrainTests
{
    private const ulong Seed = 0x0123456789ABCDEF,
        Stream = 5;

    // Numbers beyond 2^32, so that the upper half of the counter matters.
    private const ulong First = 0x1_FFFF_FFFE;

    /// <summary>Numbers of this size, most of which stay within the pixels at 0.5 and many of which do not at 4. The deviation takes two
    /// roundings, the sum one, and a bound two: 3 u of the terms, and of the bound.</summary>
    [Test]
    public void EachRowGetsNoiseOfItsOwnDeviationWithinThePixels(
        [ValueSource(typeof(KernelScope), nameof(KernelScope.Precisions))] Precision precision,
        [Values(1, 3)] int channels,
        [Values(1, 7, 31, 257)] int pixels,
        [Values(0.5, 4.0)] double largest,
        [Values(1, 5)] int rows
    )
    {
        var random = TestRandom.ForCurrentTest();
        var length = pixels * channels;
        double[] mean = precision.Round(random.UniformArray(channels, 0.3, 0.6)),
            std = precision.Round(random.UniformArray(channels, 0.2, 0.3)),
            e = precision.Round(random.NormalArray(rows * length));
        var x = precision.Round([
            .. random.UniformArray(rows * length, 0, 1).Select((p, i) => (p - mean[i % channels]) / std[i % channels]),
        ]);
        var (expected, allowed) = (new double[x.Length], new double[x.Length]);
        for (var i = 0; i < x.Length; i++)
        {
            var (m, s) = (mean[i % channels], std[i % channels]);
            var sigma = largest * Philox.Uniform(Philox.Block(Seed, Stream, First + (ulong)(i / length)).X);
            var noise = sigma * e[i] / 2 / s;
            expected[i] = Math.Clamp(x[i] + noise, -m / s, (1 - m) / s);
            allowed[i] = 3 * precision.Unit() * (Math.Abs(x[i]) + Math.Abs(noise) + (1 / s));
        }

        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var y = scope.Vector(x);
            scope.Kernels.Grain.GrainForward(
                scope.Device.Rows(rows, length),
                y.Pointer,
                scope.Vector(e).Pointer,
                scope.Vector(mean).Pointer,
                scope.Vector(std).Pointer,
                scope.Array(Seed, First).Pointer(),
                Stream,
                rows,
                length,
                channels,
                largest
            );
            Errors.AssertWithin(y.Get(), expected, allowed, scope.Name);
        }
    }
}
