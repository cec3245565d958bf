using Lur.Device;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>fgsm.cu in whole bytes: the expected image is exact before it is normalised.</summary>
public class FgsmTests
{
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];

    [Test]
    public void AStepMovesEveryByteAndRoundsUp([ValueSource(nameof(Precisions))] Precision precision, [Values(25.5, 8.2, 0)] double step)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var (n, h, w, c) in new[] { (1, 1, 1, 1), (2, 3, 31, 3), (1, 5, 257, 2) })
        {
            var count = n * h * w * c;
            var (mean, std) = (precision.Round(random.UniformArray(c, 0.3, 0.6)), precision.Round(random.UniformArray(c, 0.1, 0.4)));
            var bytes = Enumerable.Range(0, count).Select(_ => random.Below(256)).ToArray();
            var dx = precision.Round([.. Enumerable.Range(0, count).Select(i => i % 5 == 2 ? 0 : random.Normal(0, 1e-6))]);
            double[] Normalised(IEnumerable<double> b) => [.. b.Select((v, i) => ((v / 255) - mean[i % c]) / std[i % c])];
            var expected = Normalised(bytes.Select((b, i) => Math.Floor(Math.Clamp(b + (step * Math.Sign(dx[i])), 0, 255) + 0.5)));
            foreach (var test in TestDevices.AllBlockSizes())
            {
                using var scope = new KernelScope(test, precision);
                var y = scope.Vector(count);
                scope.Kernels.Fgsm.FgsmStep(
                    scope.Device.Rows(n * h, w),
                    y.Pointer,
                    scope.Vector(precision.Round(Normalised(bytes.Select(b => (double)b)))).Pointer,
                    scope.Vector(dx).Pointer,
                    scope.Vector(mean).Pointer,
                    scope.Vector(std).Pointer,
                    n * h,
                    w,
                    c,
                    step
                );
                // A wrong byte is 1 / 255 off; rounding of numbers up to 9.
                Errors.AssertClose(y.Get(), expected, 8 * precision.Unit(), $"[{n}, {h}, {w}, {c}]");
            }
        }
    }

    [Test]
    public void TheOwnClassIsExcluded([ValueSource(nameof(Precisions))] Precision precision, [Values(1, 31, 257)] int n)
    {
        const int classes = 5;
        var random = TestRandom.ForCurrentTest();
        var z = precision.Round(random.NormalArray(n * classes));
        var labels = Enumerable.Range(0, n).Select(r => r % 4 == 3 ? -1 : random.Below(classes)).ToArray();
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var dz = scope.Vector(z);
            scope.Kernels.Fgsm.FgsmExclude(scope.Device.Elements(n), dz.Pointer, scope.Array(labels).Pointer(), n, classes);
            Errors.AssertSame(
                dz.Get(),
                [.. z.Select((v, i) => labels[i / classes] == i % classes ? precision.Round(-3.4e38) : v)],
                "logits"
            );
        }
    }
}
