using Lur.Device;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

/// <summary>Rounding to bf16 and TF32, bit for bit, and the operands of tensor cores that are made with it.</summary>
public class RoundingTests
{
    private static readonly ProductPrecision[] Formats = [ProductPrecision.Tf32, ProductPrecision.Bf16];

    [Test]
    public void EveryKindOfNumberIsRoundedAsByArithmetic()
    {
        foreach (var test in TestDevices.All)
        foreach (var format in Formats)
        {
            var values = Values(format);
            var expected = Array.ConvertAll(values, v => RoundedNumbers.Round(format, v));
            var rounded = Rounded(test, format, values);
            var packed = Packed(test, format, values, values.Length, 1, 1);
            for (var i = 0; i < values.Length; i++)
            {
                var what = $"{test} {format} of {values[i]:R} ({BitConverter.SingleToUInt32Bits(values[i]):x8})";
                Same(rounded[i], expected[i], what);
                Same(packed[i], expected[i], what + " packed");
            }
        }
    }

    [Test]
    public void ProductsOfALibraryRoundTheirFactorsAlike([ValueSource(nameof(Formats))] ProductPrecision format, [Values] bool transA)
    {
        const int m = 5,
            n = 7,
            k = 33,
            batch = 3;
        var random = TestRandom.ForCurrentTest();
        double[] Numbers(int count) => Array.ConvertAll(random.NormalArray(count), v => (double)(float)v);
        var (a, b) = (Numbers(batch * m * k), Numbers(k * n));
        var (ra, rb) = (RoundedNumbers.Round(format, a), RoundedNumbers.Round(format, b));
        var expected = new double[batch * m * n];
        for (var i = 0; i < expected.Length; i++)
        for (var p = 0; p < k; p++)
        {
            var (image, row, column) = (i / (m * n) * m * k, i / n % m, i % n);
            expected[i] += ra[image + (transA ? (p * m) + row : (row * k) + p)] * rb[(p * n) + column];
        }

        foreach (var test in TestDevices.All)
        {
            using var scope = new KernelScope(test, Precision.Float32);
            var (x, y, z) = (scope.Vector(a), scope.Vector(b), scope.Vector(batch * m * n));
            test.Device.Gemm.RunRounded(
                format,
                transA,
                false,
                m,
                n,
                k,
                1,
                x.Pointer,
                transA ? m : k,
                y.Pointer,
                n,
                0,
                z.Pointer,
                n,
                m * k,
                0,
                m * n,
                batch
            );
            // Products are exact; sums of 33 in float, of which the largest is a few times sqrt(33).
            Errors.AssertClose(z.Get(), expected, 33 * Math.Pow(2, -24), $"{test} {format}");
        }
    }

    [TestCase(1, 1, 8)]
    [TestCase(7, 3, 8)]
    [TestCase(5, 17, 24)]
    [TestCase(3, 300, 304)]
    public void RowsAreFilledUpWithZeros(int rows, int channels, int width)
    {
        var x = Array.ConvertAll(TestRandom.ForCurrentTest().NormalArray(rows * channels), v => (float)v);
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var format in Formats)
        {
            var packed = Packed(test, format, x, rows, channels, width);
            for (var i = 0; i < packed.Length; i++)
            {
                var c = i % width;
                Same(packed[i], c < channels ? RoundedNumbers.Round(format, x[(i / width * channels) + c]) : 0, $"{test} {format} {i}");
            }
        }
    }

    [TestCase(1, 1, 1, 1, 0, 1)]
    [TestCase(5, 3, 3, 3, 2, -1)]
    [TestCase(33, 40, 3, 2, 2, -2)]
    [TestCase(37, 2, 5, 3, 4, -2)]
    public void FiltersChangeTheirChannelsPlaces(int k, int c, int r, int taps, int r0, int step)
    {
        var w = Array.ConvertAll(TestRandom.ForCurrentTest().NormalArray(k * r * r * c), v => (float)v);
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var format in Formats)
        {
            var width = (k + 7) / 8 * 8;
            var dim = new FilterGeometry
            {
                K = k,
                C = c,
                R = r,
                S = r,
                TapsR = taps,
                TapsS = 1,
                R0 = r0,
                S0 = r - 1,
                Step = step,
            };
            var packed = Turned(test, format, w, dim, width);
            for (var i = 0; i < packed.Length; i++)
            {
                var (channel, tap, filter) = (i / width / taps, i / width % taps, i % width);
                var at = (((((filter * r) + r0 + (step * tap)) * r) + r - 1) * c) + channel;
                Same(packed[i], filter < k ? RoundedNumbers.Round(format, w[at]) : 0, $"{test} {format} {i}");
            }
        }
    }

    [Test]
    public void ChunksAreAddedInTheirOrder([Values(1, 3, 64)] int chunks, [Values(1, 257)] int n, [Values] bool accumulate)
    {
        var random = TestRandom.ForCurrentTest();
        var (partial, before) = (random.NormalArray(chunks * n), random.NormalArray(n));
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var precision in KernelScope.Precisions)
        {
            using var scope = new KernelScope(test, precision);
            var (y, p) = (accumulate ? scope.Vector(before) : scope.Vector(n), scope.Vector(partial));
            scope.Kernels.MmaOperands.MmaAddChunks(scope.Device.Elements(n), y.Pointer, p.Pointer, n, chunks, accumulate ? 1 : 0);
            var expected = accumulate ? precision.Round(before) : new double[n];
            for (var i = 0; i < chunks * n; i++)
                expected[i % n] = precision.Round(expected[i % n] + precision.Round(partial[i]));
            Errors.AssertSame(y.Get(), expected, $"{scope.Name} {chunks} of {n}");
        }
    }

    // Both signs of: zeros, subnormal numbers, the ends of the range, infinities, NaN, and around every tie between
    // neighbours of the format, even and odd, at several exponents.
    private static float[] Values(ProductPrecision format)
    {
        var low = 23 - RoundedNumbers.Bits(format);
        List<uint> bits = [0, 1, 2, 0x007fffff, 0x00800000, 0x7f7fffff, 0x7f800000, 0x7fc00000, 0x7f800001, 0x3f800000];
        foreach (var exponent in new uint[] { 0, 1, 100, 127, 128, 200, 254 })
        foreach (var mantissa in new uint[] { 0, 1, 2, 5, (1u << (23 - low)) - 2, (1u << (23 - low)) - 1 })
        foreach (var tail in new uint[] { 0, 1, (1u << (low - 1)) - 1, 1u << (low - 1), (1u << (low - 1)) + 1, (1u << low) - 1 })
            bits.Add((exponent << 23) | (mantissa << low) | tail);
        return [.. bits.SelectMany(b => new[] { b, b | 0x80000000 }).Select(BitConverter.UInt32BitsToSingle)];
    }

    private static void Same(float actual, float expected, string what)
    {
        if (float.IsNaN(actual) && float.IsNaN(expected))
            return;
        if (BitConverter.SingleToUInt32Bits(actual) != BitConverter.SingleToUInt32Bits(expected))
            Assert.Fail($"{what} is {actual:R}, expected {expected:R}");
    }

    private static float[] Rounded(TestDevice test, ProductPrecision format, float[] values)
    {
        using var scope = new KernelScope(test, Precision.Float32);
        var (x, y, shape, n) = (
            scope.Array(values),
            scope.Unwritten<float>(values.Length),
            scope.Device.Elements(values.Length),
            values.Length
        );
        DevicePointer<Real> to = new(y.Address),
            from = new(x.Address);
        if (format == ProductPrecision.Bf16)
            scope.Kernels.Rounding.VectorRoundBf16(shape, to, from, n);
        else
            scope.Kernels.Rounding.VectorRoundTf32(shape, to, from, n);
        return y.Download();
    }

    private static float[] Packed(TestDevice test, ProductPrecision format, float[] values, int rows, int channels, int width)
    {
        using var scope = new KernelScope(test, Precision.Float32);
        var shape = channels == width ? scope.Device.Elements(rows * width) : scope.Device.Rows(rows, width);
        var x = scope.Array(values);
        if (format == ProductPrecision.Bf16)
        {
            var packed = scope.Unwritten<short>(rows * width);
            scope.Kernels.MmaOperands.MmaPackBf16(shape, packed.Pointer(), new(x.Address), rows, channels, width);
            return Array.ConvertAll(packed.Download(), Widen);
        }

        var words = scope.Unwritten<uint>(rows * width);
        scope.Kernels.MmaOperands.MmaPackTf32(shape, words.Pointer(), new(x.Address), rows, channels, width);
        return Array.ConvertAll(words.Download(), BitConverter.UInt32BitsToSingle);
    }

    private static float[] Turned(TestDevice test, ProductPrecision format, float[] w, FilterGeometry dim, int width)
    {
        using var scope = new KernelScope(test, Precision.Float32);
        var (x, length, blocks) = (scope.Array(w), dim.C * dim.TapsR * dim.TapsS * width, scope.Device.Blocks(3));
        if (format == ProductPrecision.Bf16)
        {
            var packed = scope.Unwritten<short>(length);
            scope.Kernels.MmaOperands.MmaTransposeBf16(blocks, packed.Pointer(), new(x.Address), dim, width);
            return Array.ConvertAll(packed.Download(), Widen);
        }

        var words = scope.Unwritten<uint>(length);
        scope.Kernels.MmaOperands.MmaTransposeTf32(blocks, words.Pointer(), new(x.Address), dim, width);
        return Array.ConvertAll(words.Download(), BitConverter.UInt32BitsToSingle);
    }

    private static float Widen(short bits) => BitConverter.UInt32BitsToSingle((uint)(ushort)bits << 16);
}
