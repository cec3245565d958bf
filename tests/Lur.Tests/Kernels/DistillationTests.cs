using Lur.Device;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

/// <summary>distillation.cu against its definition in float64, and its gradient against differences of its loss.</summary>
public class DistillationTests
{
    private static readonly (int Rows, int Classes)[] s_sizes = [(1, 1), (7, 2), (13, 10), (5, 31), (2, 257), (2, 1009)];

    private static double[] Sum(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];

    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void BothPassesMatchTheReferenceAndAdd(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        {
            foreach (var (n, classes) in s_sizes)
            {
                foreach (var (coefficient, temperature) in new[] { (1.0, 1.0), (-1, 4), (0.5, 0.5) })
                {
                    using var bench = new KernelScope(test, precision);
                    var reference = new DistillationReference(classes, coefficient, temperature, 0.125);
                    var (z, s) = (
                        bench.Precision.Round(random.NormalArray(n * classes, 0, 3)),
                        bench.Precision.Round(random.NormalArray(n * classes, 0, 3))
                    );
                    var (loss0, dz0) = (
                        bench.Precision.Round(random.NormalArray(n)),
                        bench.Precision.Round(random.NormalArray(n * classes))
                    );
                    var labels = Enumerable.Range(0, n).Select(r => r % 5 == 4 ? -1 : random.Below(classes)).ToArray();
                    var what = $"{bench.Name} [{n}, {classes}] {coefficient} {temperature}";
                    // As for softmax_ce: one rounding a class, exponents up to 20 / T magnify that of z; times T^2 of the scale.
                    var tolerance = 4 * (classes + 80) * bench.Precision.Unit();
                    var (loss, dz) = Run(bench, reference, z, s, labels, loss0, dz0);
                    Vectors.AssertClose(loss, Sum(loss0, reference.Forward(z, s, labels)), tolerance, 20, $"{what} loss");
                    Vectors.AssertClose(dz, Sum(dz0, reference.Backward(z, s, labels)), tolerance, 1, $"{what} dz");
                    for (var r = 4; r < n; r += 5)
                        Assert.That(loss[r], Is.EqualTo(loss0[r]), "an ignored row");
                }
            }
        }
    }

    [Test]
    public void TheGradientIsThatOfTheLoss()
    {
        var random = TestRandom.ForCurrentTest();
        const int n = 6,
            classes = 5;
        var (z, s, t) = (random.NormalArray(n * classes, 0, 2), random.NormalArray(n * classes, 0, 2), random.NormalArray(n * classes));
        int[] labels = [0, 4, 2, -1, 1, 3];
        foreach (var test in TestDevices.All)
        {
            foreach (var temperature in new[] { 1.0, 4 })
            {
                using var bench = new KernelScope(test, Precision.Float64);
                var p = new DistillationReference(classes, 0.7, temperature, 1.0 / n);
                (double[] Loss, double[] Dz) At(double[] logits) =>
                    Run(bench, p, logits, s, labels, new double[n], new double[n * classes]);
                var slope = Vectors.Derivative(h => [At(Vectors.Along(z, h, t)).Loss.Sum() / n]);
                Vectors.AssertClose(slope, [Vectors.Dot(At(z).Dz, t)], 1e-9, 1, $"{bench.Name} T = {temperature}");
            }
        }
    }

    [Test]
    public void AStudentLikeItsTeacherHasNoLossAndNoGradient()
    {
        var random = TestRandom.ForCurrentTest();
        const int n = 3,
            classes = 10;
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var bench = new KernelScope(test, Precision.Float32);
            var z = bench.Precision.Round(random.NormalArray(n * classes, 0, 5));
            var (loss, dz) = Run(
                bench,
                new DistillationReference(classes, 1, 4, 1),
                z,
                z,
                new int[n],
                new double[n],
                new double[n * classes]
            );
            Assert.That(loss, Is.All.EqualTo(0).Within(1e-5));
            // Two equal products, one of which may stay unrounded in a fused multiply-add.
            Assert.That(dz, Is.All.EqualTo(0).Within(1e-6));
        }
    }

    private static (double[] Loss, double[] Dz) Run(
        KernelScope bench,
        DistillationReference p,
        double[] z,
        double[] s,
        int[] labels,
        double[] loss0,
        double[] dz0
    )
    {
        var (kernels, shape, n) = (bench.Kernels.Distillation, bench.Device.Blocks(labels.Length), labels.Length);
        var (loss, dz, dev, student, teacher) = (
            bench.Vector(loss0),
            bench.Vector(dz0),
            bench.Array(labels),
            bench.Vector(z),
            bench.Vector(s)
        );
        kernels.DistillationForward(
            shape,
            loss.Pointer,
            student.Pointer,
            teacher.Pointer,
            dev.Pointer(),
            n,
            p.Classes,
            p.Coefficient,
            p.Temperature
        );
        kernels.DistillationBackward(
            shape,
            dz.Pointer,
            student.Pointer,
            teacher.Pointer,
            dev.Pointer(),
            n,
            p.Classes,
            p.Coefficient,
            p.InverseCount,
            p.Temperature
        );
        return (loss.Get(), dz.Get());
    }
}
