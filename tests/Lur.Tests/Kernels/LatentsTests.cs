using System.Runtime.InteropServices;
using Lur.Device;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>latents.cu: numbers of a batch in the order of the network, from the slot that the state names.</summary>
public class LatentsTests
{
    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void NumbersComeFromTheirSlotInTheOrderOfTheNetwork(Precision precision)
    {
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var (n, c, h, w) in new[] { (1, 1, 1, 1), (3, 4, 5, 7), (2, 4, 3, 67), (1, 3, 131, 2) })
        {
            using var scope = new KernelScope(test, precision);
            var count = n * c * h * w;
            // Two slots: what is in the first one is not asked for.
            float[] numbers = [.. Enumerable.Range(0, 2 * count).Select(i => (i * 0.37f) - (i % 5))];
            var y = scope.Vector(count);
            scope.Kernels.Latents.LatentsForward(
                scope.Device.Rows((long)n * h, w),
                y.Pointer,
                scope.Array(MemoryMarshal.AsBytes(numbers.AsSpan()).ToArray()).Pointer(),
                scope.Array(0ul, 0ul, (ulong)(count * sizeof(float))).Pointer(),
                n,
                c,
                h,
                w
            );
            var expected = new double[count];
            for (var i = 0; i < n; i++)
            for (var k = 0; k < c; k++)
            for (var p = 0; p < h * w; p++)
                expected[(((i * h * w) + p) * c) + k] = numbers[count + (((i * c) + k) * h * w) + p];
            Assert.That(y.Get(), Is.EqualTo(expected), $"{scope.Name} {n} x {c} x {h} x {w}");
        }
    }
}
