using Lur.Device;
using Lur.Layers;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

/// <summary>The three maps of a convolution against their definition, for every algorithm, device and block size.</summary>
public class ConvolutionTests
{
    // N, H, W, C, K, R, S, stride, pad. Small enough for the device that runs every thread as a fiber.
    private static readonly ConvolutionShape[] Tiny =
    [
        new(1, 1, 1, 1, 1, 3, 3, 1, 1),
        new(1, 1, 1, 1, 1, 1, 1, 1, 0),
        new(2, 5, 3, 3, 5, 3, 3, 1, 1),
        new(1, 5, 6, 5, 17, 3, 3, 1, 1),
        new(1, 6, 5, 17, 3, 3, 3, 2, 1),
        new(1, 4, 3, 3, 17, 1, 1, 1, 0),
        new(2, 3, 5, 5, 16, 1, 1, 2, 0),
        new(1, 7, 7, 3, 5, 7, 7, 2, 3),
        new(1, 4, 4, 2, 3, 3, 3, 1, 0),
        new(1, 3, 4, 1, 2, 3, 3, 1, 2),
        new(1, 5, 5, 2, 3, 3, 3, 2, 0),
        new(1, 2, 7, 2, 3, 2, 3, 3, 1),
        new(2, 6, 5, 3, 4, 3, 3, 2, 0) { PadEnd = 1 },
        new(1, 4, 7, 2, 3, 3, 3, 1, 2) { PadEnd = 0 },
        new(1, 5, 6, 2, 3, 1, 1, 1, 0) { PadEnd = 1 },
        new(1, 5, 6, 3, 4, 1, 7, 1, 0) { Columns = new(3, 3) },
        new(2, 6, 4, 2, 3, 7, 1, 1, 3) { Columns = default },
        new(1, 3, 1, 5, 2, 1, 3, 1, 0) { Columns = new(1, 1) },
        new(1, 5, 7, 2, 3, 3, 2, 2, 1) { Columns = new(0, 2) },
        new(1, 4, 5, 2, 3, 3, 3, 1, 1) { Columns = new(0, 1) },
        new(1, 4, 5, 2, 3, 3, 3, 1, 1) { Columns = new(1, 0) },
        new(1, 5, 4, 3, 2, 1, 1, 1, 0) { Columns = new(1, 0) },
    ];

    // Enough tiles, channels and images for every branch: several blocks, strips, chunks, groups, panels and planes.
    private static readonly ConvolutionShape[] Larger =
    [
        new(5, 17, 19, 16, 16, 3, 3, 1, 1),
        new(9, 8, 8, 16, 33, 3, 3, 1, 1),
        new(2, 4, 4, 80, 97, 3, 3, 1, 1),
        new(3, 11, 13, 3, 16, 3, 3, 1, 1),
        new(9, 16, 16, 17, 32, 3, 3, 2, 1),
        new(3, 4, 4, 96, 160, 3, 3, 2, 1),
        new(4, 9, 9, 16, 31, 1, 1, 2, 0),
        new(2, 31, 29, 3, 16, 7, 7, 2, 3),
        new(3, 13, 13, 64, 80, 3, 3, 1, 1),
        new(131, 1, 1, 300, 290, 3, 3, 1, 1),
        new(3, 5, 7, 33, 5, 1, 1, 1, 0),
        new(2, 64, 64, 31, 2, 3, 3, 1, 1),
        new(3, 16, 14, 17, 33, 3, 3, 2, 0) { PadEnd = 1 },
        new(3, 13, 10, 16, 24, 3, 3, 1, 0) { PadEnd = 2 },
        new(2, 17, 13, 24, 20, 1, 7, 1, 0) { Columns = new(3, 3) },
        new(2, 17, 13, 24, 33, 7, 1, 1, 3) { Columns = default },
        new(3, 11, 14, 17, 32, 3, 5, 2, 1) { Columns = new(2, 0) },
    ];

    private static readonly ConvolutionAlgorithm[] Algorithms = Enum.GetValues<ConvolutionAlgorithm>()[..^1]; // the last rounds

    private static IEnumerable<TestCaseData> Cases(ConvolutionShape[] shapes) =>
        from shape in shapes
        from precision in new[] { Precision.Float32, Precision.Float64 }
        select new TestCaseData(shape, precision).SetArgDisplayNames(
            $"{shape.N}x{shape.H}x{shape.W}x{shape.C}-{shape.K}k{shape.R}x{shape.S}s{shape.Stride}p{shape.Pad}"
                + (shape.PadEnd == shape.Pad ? "" : $"-{shape.PadEnd}")
                + $"-{shape.Columns.Begin}-{shape.Columns.End}",
            $"{precision}"
        );

    private static IEnumerable<ConvolutionAlgorithm> AlgorithmsFor(ConvolutionShape shape) =>
        Algorithms.Where(a =>
            a != ConvolutionAlgorithm.Winograd || (shape.R == 3 && shape.S == 3 && shape.Stride == 1 && shape.Columns.Begin == shape.Pad)
        );

    private static IEnumerable<TestCaseData> TinyCases() => Cases(Tiny);

    private static IEnumerable<TestCaseData> LargerCases() => Cases(Larger);

    [TestCaseSource(nameof(TinyCases))]
    public void MapsMatchTheirDefinition(ConvolutionShape shape, Precision precision)
    {
        var data = new ConvolutionData(shape);
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var algorithm in AlgorithmsFor(shape))
            CheckMaps(test, data, precision, algorithm, !test.IsLane);
    }

    [TestCaseSource(nameof(LargerCases))]
    public void LargerMapsMatchTheirDefinition(ConvolutionShape shape, Precision precision)
    {
        var data = new ConvolutionData(shape);
        foreach (var test in TestDevices.AllBlockSizes().Where(t => t.Name != "fiber"))
        foreach (var algorithm in AlgorithmsFor(shape))
            CheckMaps(test, data, precision, algorithm, false);
    }

    [TestCaseSource(nameof(LargerCases))]
    public void MapsAreAdjoint(ConvolutionShape shape, Precision precision)
    {
        var test = TestDevices.All.First();
        var data = new ConvolutionData(shape, maps: false);
        foreach (var algorithm in AlgorithmsFor(shape))
            CheckAdjoint(test, data, precision, algorithm);
    }

    private static void CheckAdjoint(TestDevice test, ConvolutionData data, Precision precision, ConvolutionAlgorithm algorithm)
    {
        using var bench = new ConvolutionBench(test, precision, data.Shape, algorithm);
        var y = Vectors.Dot(bench.Forward(data.X, data.W), data.Dy);
        var dx = Vectors.Dot(bench.InputGradient(data.Dy, data.W), data.X);
        var dw = Vectors.Dot(bench.FilterGradient(data.X, data.Dy), data.W);
        // Each dot product has terms of the size |y| |dy| and errors of about u per term that partly cancel: relative to the
        // norms a few dozen u, with Winograd's amplification about ten times that.
        var scale = Vectors.Norm(bench.Forward(data.X, data.W)) * Vectors.Norm(data.Dy);
        var tolerance = (precision == Precision.Float32 ? 6e-8 : 1.1e-16) * 200 * scale;
        Assert.Multiple(() =>
        {
            Assert.That(dx, Is.EqualTo(y).Within(tolerance), $"{algorithm}: <dx, x> = <dy, y>");
            Assert.That(dw, Is.EqualTo(y).Within(tolerance), $"{algorithm}: <dw, w> = <dy, y>");
        });
    }

    [TestCaseSource(nameof(Algorithms))]
    public void FilterGradientIsTheDerivativeOfALoss(ConvolutionAlgorithm algorithm)
    {
        var shape = new ConvolutionShape(2, 6, 7, 5, 6, 3, 3, 1, 1);
        var data = new ConvolutionData(shape, maps: false);
        using var bench = new ConvolutionBench(TestDevices.All.First(), Precision.Float64, shape, algorithm);
        var y = bench.Forward(data.X, data.W);
        var (dw, dx) = (bench.FilterGradient(data.X, y), bench.InputGradient(y, data.W));
        // The loss |y|^2 / 2 is quadratic in each factor: the central difference is exact, what remains is rounding,
        // u |y|^2 / step.
        const double step = 1e-3;
        double Loss(double sx, double sw)
        {
            var out_ = bench.Forward(Add(data.X, sx, data.X2), Add(data.W, sw, data.W2));
            return Vectors.Dot(out_, out_) / 2;
        }
        var tolerance = 1e-16 * 100 * Vectors.Dot(y, y) / step;
        Assert.That((Loss(0, step) - Loss(0, -step)) / (2 * step), Is.EqualTo(Vectors.Dot(dw, data.W2)).Within(tolerance), "filters");
        Assert.That((Loss(step, 0) - Loss(-step, 0)) / (2 * step), Is.EqualTo(Vectors.Dot(dx, data.X2)).Within(tolerance), "input");
    }

    [TestCase(ConvolutionAlgorithm.Direct, 1e-6)]
    [TestCase(ConvolutionAlgorithm.Winograd, 2.5e-6)]
    public void ErrorOnActivationsIsThatOfFloat(ConvolutionAlgorithm algorithm, double bound)
    {
        // Activations after a ReLU do not cancel, which is the hard case for Winograd's differences: max(0, N(0.3, 1)) with
        // 256 channels. Bounds are about twice the measured relative L2 error; a poor choice of interpolation points
        // (0, 1, 2 instead of 0, 3/4, 3/2) exceeds them.
        var shape = new ConvolutionShape(1, 12, 12, 256, 32, 3, 3, 1, 1);
        var random = TestRandom.ForCurrentTest();
        var x = Array.ConvertAll(random.NormalArray(shape.InputLength, 0.3), v => (double)(float)Math.Max(0, v));
        var w = Array.ConvertAll(random.NormalArray(shape.FilterLength, 0, Math.Sqrt(2.0 / (9 * shape.C))), v => (double)(float)v);
        using var bench = new ConvolutionBench(TestDevices.All.First(), Precision.Float32, shape, algorithm);
        var (actual, expected) = (bench.Forward(x, w), ConvolutionReference.Forward(shape, x, w));
        var error = Vectors.Norm(Add(actual, -1, expected)) / Vectors.Norm(expected);
        TestContext.Out.WriteLine($"{algorithm}: relative L2 error {error:E2}");
        Assert.That(error, Is.LessThan(bound));
    }

    [TestCaseSource(nameof(Algorithms))]
    public void CallsAllocateNothingAndReplayFromAGraph(ConvolutionAlgorithm algorithm)
    {
        var test = TestDevices.All.First();
        var shape = new ConvolutionShape(3, 9, 9, 16, 20, 3, 3, 1, 1);
        var data = new ConvolutionData(shape, maps: false);
        using var bench = new ConvolutionBench(test, Precision.Float32, shape, algorithm);
        bench.Load(data.X, data.W);
        bench.Enqueue();
        var expected = bench.Results();
        var live = test.Device.AllocationCount;
        Assert.That(ManagedBytes.Of(bench.Enqueue), Is.Zero, "managed bytes");
        Assert.That(test.Device.AllocationCount, Is.EqualTo(live), "device allocations");
        bench.Load(Array.ConvertAll(data.X, v => -v), data.W);
        using var graph = test.Device.Capture(bench.Enqueue);
        bench.Load(data.X, data.W);
        graph.Launch();
        var actual = bench.Results();
        for (var i = 0; i < 3; i++)
            Errors.AssertSame(actual[i], expected[i], $"map {i}: replay repeats the bits");
    }

    [Test]
    public void BadShapesAreNamed()
    {
        static string Message(ConvolutionShape shape, ConvolutionAlgorithm algorithm = ConvolutionAlgorithm.Automatic) =>
            Assert
                .Throws<ArgumentException>(() =>
                    _ = new ConvolutionOperator(LaunchSet.Immediate(TestDevices.All.First().Device, Precision.Float32), shape, algorithm)
                )!
                .Message;
        Assert.That(Message(new(0, 4, 4, 1, 1, 3, 3, 1, 1)), Does.Contain("at least 1"));
        Assert.That(Message(new(1, 2, 2, 1, 1, 7, 7, 1, 1)), Does.Contain("larger than the padded input"));
        Assert.That(Message(new(4096, 512, 512, 64, 1, 1, 1, 1, 0)), Does.Contain("smaller batch"));
        Assert.That(Message(new(1, 8, 8, 1, 1, 3, 3, 2, 1), ConvolutionAlgorithm.Winograd), Does.Contain("stride 1"));
    }

    private static void CheckMaps(TestDevice test, ConvolutionData data, Precision precision, ConvolutionAlgorithm algorithm, bool few)
    {
        var shape = data.Shape;
        using var bench = new ConvolutionBench(test, precision, shape, algorithm);
        var name = $"{test} {test.Device.PreferredBlock} {bench.Operator.Algorithm}";
        // A sum of n products of random sign is about sqrt(n) u off relative to its own size; its largest element is a few
        // times that size: measured 0.8 sqrt(n) u at most. Winograd's intermediate values are larger: measured 2.4 sqrt(n) u.
        var u = (precision == Precision.Float32 ? 6e-8 : 1.1e-16) * (bench.Operator.Algorithm == ConvolutionAlgorithm.Winograd ? 8 : 2.5);
        double Tolerance(long products) => u * Math.Sqrt(products + 16);
        var (forward, input, filter) = (
            Tolerance(2L * shape.R * shape.S * shape.C),
            Tolerance(2L * shape.R * shape.S * shape.K),
            Tolerance(2L * shape.N * shape.OutH * shape.OutW)
        );

        Errors.AssertClose(bench.Forward(data.X, data.W), data.Y11, forward, $"{name} y");
        Errors.AssertClose(bench.InputGradient(data.Dy, data.W), data.Dx11, input, $"{name} dx");
        Errors.AssertClose(bench.FilterGradient(data.X, data.Dy), data.Dw11, filter, $"{name} dw");
        // The pairs that accumulate also pass through everything the other two combinations do.
        Errors.AssertClose(
            bench.Forward(data.X, data.W, data.X2, data.W2, data.Dy),
            Add(data.Y11, data.Y22, data.Dy),
            forward,
            $"{name} y += pair"
        );
        Errors.AssertClose(
            bench.InputGradient(data.Dy, data.W, data.Dy2, data.W2, data.X),
            Add(data.Dx11, data.Dx22, data.X),
            input,
            $"{name} dx += pair"
        );
        Errors.AssertClose(
            bench.FilterGradient(data.X, data.Dy, data.X2, data.Dy2, data.W),
            Add(data.Dw11, data.Dw22, data.W),
            filter,
            $"{name} dw += pair"
        );
        if (few)
            return;
        Errors.AssertClose(bench.Forward(data.X, data.W, initial: data.Dy), Add(data.Y11, 1, data.Dy), forward, $"{name} y +=");
        Errors.AssertClose(bench.InputGradient(data.Dy, data.W, initial: data.X), Add(data.Dx11, 1, data.X), input, $"{name} dx +=");
        Errors.AssertClose(bench.FilterGradient(data.X, data.Dy, initial: data.W), Add(data.Dw11, 1, data.W), filter, $"{name} dw +=");
        Errors.AssertClose(bench.Forward(data.X, data.W, data.X2, data.W2), Add(data.Y11, 1, data.Y22), forward, $"{name} y pair");
        Errors.AssertClose(bench.InputGradient(data.Dy, data.W, data.Dy2, data.W2), Add(data.Dx11, 1, data.Dx22), input, $"{name} dx pair");
        Errors.AssertClose(
            bench.FilterGradient(data.X, data.Dy, data.X2, data.Dy2),
            Add(data.Dw11, 1, data.Dw22),
            filter,
            $"{name} dw pair"
        );
    }

    private static double[] Add(double[] a, double scale, double[] b) => [.. a.Zip(b, (p, q) => p + (scale * q))];

    private static double[] Add(double[] a, double[] b, double[] c) => Add(Add(a, 1, b), 1, c);
}
