using Lur.Device;
using Lur.Layers;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

/// <summary>Convolutions of rounded factors: tensor cores where there are warps, the CPU's algorithms elsewhere. Both are held to the
/// definition in float64 on factors that were rounded before, so that what is left is the rounding of sums in float32.</summary>
public class TensorCoreConvolutionTests
{
    // N, H, W, C, K, R, S, stride, pad. Sizes of 1, channels that are no whole granule, that are some, more than a tile has columns;
    // strides whose residues have unequal taps or none; paddings of each side; a sum and pixels enough for several chunks.
    private static readonly ConvolutionShape[] Shapes =
    [
        new(1, 1, 1, 1, 1, 3, 3, 1, 1),
        new(2, 5, 3, 3, 5, 3, 3, 1, 1),
        new(1, 6, 5, 17, 3, 3, 3, 2, 1),
        new(2, 3, 5, 5, 16, 1, 1, 2, 0),
        new(1, 7, 7, 3, 5, 7, 7, 2, 3),
        new(1, 2, 7, 2, 3, 2, 3, 3, 1),
        new(2, 6, 5, 3, 4, 3, 3, 2, 0) { PadEnd = 1 },
        new(1, 5, 6, 3, 4, 1, 7, 1, 0) { Columns = new(3, 3) },
        new(1, 5, 7, 2, 3, 3, 2, 2, 1) { Columns = new(0, 2) },
        new(1, 4, 5, 2, 3, 3, 3, 1, 1) { Columns = new(1, 0) },
        new(1, 3, 3, 16, 67, 3, 3, 1, 1),
        new(3, 7, 7, 8, 24, 3, 3, 1, 1),
        new(2, 18, 16, 3, 6, 3, 3, 1, 1),
        new(1, 4, 3, 64, 8, 3, 3, 1, 1),
    ];

    private static IEnumerable<TestCaseData> Cases() =>
        from shape in Shapes
        select new TestCaseData(shape).SetArgDisplayNames($"{shape}".Replace("Convolution ", "", StringComparison.Ordinal));

    [TestCaseSource(nameof(Cases))]
    public void MapsMatchTheirDefinitionOnRoundedFactors(ConvolutionShape shape)
    {
        foreach (var format in new[] { ProductPrecision.Tf32, ProductPrecision.Bf16 })
        foreach (var test in TestDevices.All)
        {
            var data = new ConvolutionData(shape, format);
            using var bench = new ConvolutionBench(test, Precision.Float32, shape, ConvolutionAlgorithm.Automatic, format);
            Assert.That(bench.Operator.Algorithm == ConvolutionAlgorithm.TensorCores, Is.EqualTo(!test.IsLane), $"{test}");
            Check(bench, data, $"{test} {format} {bench.Operator.Algorithm}");
        }
    }

    [TestCase(ProductPrecision.Tf32, 1 / 1024.0)]
    [TestCase(ProductPrecision.Bf16, 1 / 128.0)]
    public void TheErrorOfRoundingIsWhatItsBitsAllow(ProductPrecision format, double unit)
    {
        // Each factor is off by half a unit at most, in the mean by about 0.29 of one of random sign: a sum of n products by
        // 0.29 sqrt(2) unit relative to its size, and the norm over all outputs shows the mean. Within a factor of 1.5 of both sides.
        var shape = new ConvolutionShape(1, 7, 7, 16, 8, 3, 3, 1, 1);
        var random = TestRandom.ForCurrentTest();
        var (x, w) = (random.NormalArray(shape.InputLength), random.NormalArray(shape.FilterLength));
        var exact = ConvolutionReference.Forward(shape, x, w);
        foreach (var test in TestDevices.All)
        {
            using var bench = new ConvolutionBench(test, Precision.Float32, shape, ConvolutionAlgorithm.Automatic, format);
            var error = Vectors.Norm(Vectors.Along(bench.Forward(x, w), -1, exact)) / Vectors.Norm(exact);
            TestContext.Out.WriteLine($"{test} {format}: relative error {error:E2}");
            // Mantissas are spread over [1, 2): the unit relative to the number is 0.72 of the unit at 1 in the mean.
            Assert.That(error, Is.EqualTo(0.29 * Math.Sqrt(2) * 0.72 * unit).Within(50).Percent, $"{test}");
        }
    }

    [TestCase(ProductPrecision.Tf32)]
    [TestCase(ProductPrecision.Bf16)]
    public void AnyGridGivesTheSameBits(ProductPrecision format)
    {
        var shape = new ConvolutionShape(2, 9, 8, 20, 70, 3, 3, 1, 1);
        foreach (var test in TestDevices.All.Where(t => !t.IsLane))
        {
            var all = new uint[] { 1, 2, 5 }
                .Select(grid => WithGrid(test, format, shape, grid))
                .ToArray();
            for (var i = 1; i < all.Length; i++)
            {
                Errors.AssertSame(all[i].Y, all[0].Y, $"{test} {format} y");
                Errors.AssertSame(all[i].Dw, all[0].Dw, $"{test} {format} dw");
            }
        }
    }

    [Test]
    public void TensorCoresAreForRoundedFactorsAlone()
    {
        var launch = LaunchSet.Immediate(TestDevices.Default, Precision.Float32);
        Assert.That(
            () => new ConvolutionOperator(launch, new(1, 8, 8, 1, 1, 3, 3, 1, 1), ConvolutionAlgorithm.TensorCores),
            Throws.ArgumentException.With.Message.Contains("TF32 or bf16")
        );
        Assert.That(
            () => LaunchSet.Immediate(TestDevices.Default, Precision.Float64, ProductPrecision.Bf16),
            Throws.ArgumentException.With.Message.Contains("Float64 are not rounded to Bf16")
        );
    }

    // Four tiles of each and three chunks.
    private static (double[] Y, double[] Dw) WithGrid(TestDevice test, ProductPrecision format, ConvolutionShape s, uint grid)
    {
        const int chunks = 3;
        using var scope = new KernelScope(test, Precision.Float32);
        var random = TestRandom.ForCurrentTest();
        uint[] Words(long n) => Array.ConvertAll(random.NormalArray(n), v => BitConverter.SingleToUInt32Bits((float)v) & 0xfff0fff0);
        var (bf16, per) = (format == ProductPrecision.Bf16, format == ProductPrecision.Bf16 ? 2 : 1);
        long Packed(long rows, int channels) => rows * ((channels + 7) / 8 * 8) / per;
        var x = scope.Array(Words(Packed((long)s.N * s.H * s.W, s.C)));
        var w = scope.Array(Words(Packed((long)s.K * 9, s.C)));
        var dy = scope.Array(Words(Packed((long)s.N * s.H * s.W, s.K)));
        var (y, dw) = (scope.Vector((int)(chunks * s.OutputLength)), scope.Vector((int)(chunks * s.FilterLength)));
        var (shape, none) = (new LaunchShape(grid, 128), default(DevicePointer<uint>));
        var sweep = new SweepGeometry
        {
            N = s.N,
            H = s.H,
            W = s.W,
            C = s.C,
            K = s.K,
            OH = s.OutH,
            OW = s.OutW,
            TapsR = 3,
            TapsS = 3,
            Stride = 1,
            Top = 1,
            Left = 1,
            GH = s.OutH,
            GW = s.OutW,
            Step = 1,
        };
        var (one, two) = (scope.Kernels.ConvolutionMma, scope.Kernels.FilterGradientMma);
        if (bf16)
        {
            one.ConvolutionMmaBf16(shape, y.Pointer, x.Pointer(), w.Pointer(), none, none, sweep, 1, chunks, s.OutputLength, 0);
            two.FilterGradientMmaBf16(shape, dw.Pointer, x.Pointer(), dy.Pointer(), none, none, s.Geometry, 1, chunks, s.FilterLength, 0);
        }
        else
        {
            one.ConvolutionMmaTf32(shape, y.Pointer, x.Pointer(), w.Pointer(), none, none, sweep, 1, chunks, s.OutputLength, 0);
            two.FilterGradientMmaTf32(shape, dw.Pointer, x.Pointer(), dy.Pointer(), none, none, s.Geometry, 1, chunks, s.FilterLength, 0);
        }

        return (y.Get(), dw.Get());
    }

    private static void Check(ConvolutionBench bench, ConvolutionData d, string name)
    {
        // Products of the formats are exact in float; a sum of n of random sign is about sqrt(n) u off relative to its own size. Tensor
        // cores cut instead of rounding: twice that. Winograd's intermediate values are larger: 8.
        var s = d.Shape;
        var u = 6e-8 * (bench.Operator.Algorithm == ConvolutionAlgorithm.Winograd ? 8 : 5);
        double Tolerance(long products) => u * Math.Sqrt(products + 16);
        var forward = Tolerance(2L * s.R * s.S * s.C);
        var input = Tolerance(2L * s.R * s.S * s.K);
        var filter = Tolerance(2L * s.N * s.OutH * s.OutW);
        Errors.AssertClose(bench.Forward(d.X, d.W), d.Y11, forward, $"{name} y");
        Errors.AssertClose(bench.InputGradient(d.Dy, d.W), d.Dx11, input, $"{name} dx");
        Errors.AssertClose(bench.FilterGradient(d.X, d.Dy), d.Dw11, filter, $"{name} dw");
        Errors.AssertClose(bench.Forward(d.X, d.W, d.X2, d.W2, d.Dy), Sum(d.Y11, d.Y22, d.Dy), forward, $"{name} y += pair");
        Errors.AssertClose(bench.InputGradient(d.Dy, d.W, d.Dy2, d.W2, d.X), Sum(d.Dx11, d.Dx22, d.X), input, $"{name} dx += pair");
        Errors.AssertClose(bench.FilterGradient(d.X, d.Dy, d.X2, d.Dy2, d.W), Sum(d.Dw11, d.Dw22, d.W), filter, $"{name} dw += pair");
    }

    private static double[] Sum(double[] a, double[] b, double[] c) => Vectors.Along(Vectors.Along(a, 1, b), 1, c);
}
