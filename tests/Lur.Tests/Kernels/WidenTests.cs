using Lur.Device;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>widen.cu: every number of two bytes, exactly.</summary>
public class WidenTests
{
    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void NumbersOfTwoBytesAreWidenedExactly(Precision precision)
    {
        // Signed zeros, subnormals, the largest; and in between one of every 61, a prime.
        short[] special = [0, short.MinValue, 1, -32767, 0x3ff, 0x400, 0x7bff, 0x3c00];
        short[] all = [.. special, .. Enumerable.Range(0, 65536).Where(i => i % 61 == 0).Select(i => (short)i)];
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var n in new[] { 1, 7, 1031, all.Length })
        {
            using var scope = new KernelScope(test, precision);
            short[] half = [.. all.Where(v => (v & 0x7c00) != 0x7c00).Take(n)],
                brain = [.. all.Where(v => (v & 0x7f80) != 0x7f80).Take(n)];
            var (y, z) = (scope.Vector(half.Length), scope.Vector(brain.Length));
            var (shape, other) = (scope.Device.Elements(half.Length), scope.Device.Elements(brain.Length));
            scope.Kernels.Widen.WidenFloat16(shape, y.Pointer, scope.Array(half).Pointer(), half.Length);
            scope.Kernels.Widen.WidenBfloat16(other, z.Pointer, scope.Array(brain).Pointer(), brain.Length);
            AssertBits(y.Get(), [.. half.Select(v => (double)BitConverter.Int16BitsToHalf(v))], $"{scope.Name} float16 {n}");
            AssertBits(z.Get(), [.. brain.Select(v => (double)BitConverter.Int32BitsToSingle(v << 16))], $"{scope.Name} bfloat16 {n}");
        }
    }

    // Zeros have signs.
    private static void AssertBits(double[] actual, double[] expected, string what) =>
        Assert.That(actual.Select(BitConverter.DoubleToInt64Bits), Is.EqualTo(expected.Select(BitConverter.DoubleToInt64Bits)), what);
}
