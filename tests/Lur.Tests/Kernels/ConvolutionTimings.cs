using System.Diagnostics;
using System.Globalization;
using Lur.Device;
using Lur.Layers;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>
/// Time of every convolution of ResNet-18 on 32x32 images by algorithm and map: the numbers behind the automatic choice.
/// Run with: dotnet test -c Release --filter FullyQualifiedName~ConvolutionTimings
/// </summary>
[Explicit("Takes minutes and needs a quiet machine.")]
public class ConvolutionTimings
{
    private static readonly (int Size, int In, int Out, int Filter, int Stride, int Count)[] Layers =
    [
        (32, 0, 1, 3, 1, 1),
        (32, 1, 1, 3, 1, 4),
        (32, 1, 2, 3, 2, 1),
        (32, 1, 2, 1, 2, 1),
        (16, 2, 2, 3, 1, 3),
        (16, 2, 4, 3, 2, 1),
        (16, 2, 4, 1, 2, 1),
        (8, 4, 4, 3, 1, 3),
        (8, 4, 8, 3, 2, 1),
        (8, 4, 8, 1, 2, 1),
        (4, 8, 8, 3, 1, 3),
    ];

    [TestCase(64, 32)]
    [TestCase(16, 64)]
    [TestCase(16, 128)]
    public void ResNet18(int width, int batch)
    {
        var test = TestDevices.All.First();
        TestContext.Out.WriteLine($"{test.Device.Properties.Name}; milliseconds (GFLOP/s by the definition) of y, dx, dw, dw pair");
        var automatic = 0.0;
        foreach (var layer in Layers)
        {
            var channels = layer.In == 0 ? 3 : layer.In * width;
            var shape = new ConvolutionShape(
                batch,
                layer.Size,
                layer.Size,
                channels,
                layer.Out * width,
                layer.Filter,
                layer.Filter,
                layer.Stride,
                layer.Filter / 2
            );
            foreach (var algorithm in Enum.GetValues<ConvolutionAlgorithm>())
            {
                if (algorithm == ConvolutionAlgorithm.Winograd && !(layer.Filter == 3 && layer.Stride == 1))
                    continue;
                var times = Time(test, shape, algorithm);
                // The first layer has no input gradient.
                if (algorithm == ConvolutionAlgorithm.Automatic)
                    automatic += layer.Count * (times[0] + (layer.In == 0 ? 0 : times[1]) + times[2]);
                var columns = times.Select(
                    (t, i) =>
                        string.Format(
                            CultureInfo.InvariantCulture,
                            "{0,8:F2} ({1,4:F0})",
                            t * 1e3,
                            (i == 3 ? 4 : 2) * shape.MultiplyAdds / t * 1e-9
                        )
                );
                TestContext.Out.WriteLine($"{shape, -62} {algorithm, -14} {string.Join(" ", columns)}");
            }
        }
        TestContext.Out.WriteLine(string.Format(CultureInfo.InvariantCulture, "all convolutions of a step: {0:F1} ms", automatic * 1e3));
        Assert.That(automatic, Is.Positive);
    }

    // Best of at least five runs and half a second.
    private static double[] Time(TestDevice test, ConvolutionShape shape, ConvolutionAlgorithm algorithm)
    {
        var device = test.Device;
        var op = new ConvolutionOperator(LaunchSet.Immediate(device, Precision.Float32), shape, algorithm);
        var random = TestRandom.ForCurrentTest();
        using var x = new GuardedBuffer(test, Precision.Float32, random.NormalArray(shape.InputLength));
        using var w = new GuardedBuffer(test, Precision.Float32, random.NormalArray(shape.FilterLength));
        using var y = new GuardedBuffer(test, Precision.Float32, random.NormalArray(shape.OutputLength));
        using var dx = new GuardedBuffer(test, Precision.Float32, shape.InputLength);
        using var dw = new GuardedBuffer(test, Precision.Float32, shape.FilterLength);
        using var scratch = new GuardedBuffer(test, Precision.Float32, Math.Max(1, op.PairWorkspaceBytes / sizeof(float)));
        Action[] maps =
        [
            () => op.Forward(y.Pointer, x.Pointer, w.Pointer, false, scratch.Pointer),
            () => op.InputGradient(dx.Pointer, y.Pointer, w.Pointer, false, scratch.Pointer),
            () => op.FilterGradient(dw.Pointer, x.Pointer, y.Pointer, false, scratch.Pointer),
            () => op.FilterGradientPair(dw.Pointer, x.Pointer, y.Pointer, dx.Pointer, y.Pointer, false, scratch.Pointer),
        ];
        return Array.ConvertAll(
            maps,
            map =>
            {
                map();
                device.Synchronize();
                var (best, watch) = (double.MaxValue, Stopwatch.StartNew());
                for (var i = 0; i < 5 || watch.Elapsed.TotalSeconds < 0.5; i++)
                {
                    var start = Stopwatch.GetTimestamp();
                    map();
                    device.Synchronize();
                    best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
                }
                return best;
            }
        );
    }
}
