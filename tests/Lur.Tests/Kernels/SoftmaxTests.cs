using Lur.Device;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

public class SoftmaxTests
{
    // The loss family: plain, negative, bounded negative, KL to uniform, smoothed with a cap.
    private static readonly (double Coefficient, double Smoothing, double Cap)[] Losses =
    [
        (1, 0, 0),
        (-1, 0, 0),
        (-1, 0, 2),
        (1, 1, 0),
        (0.7, 0.1, 3),
    ];

    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void AllPassesMatchTheReference(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var (n, classes) in new[] { (1, 1), (7, 2), (13, 10), (5, 33), (3, 257), (2, 1009) })
        foreach (var (coefficient, smoothing, cap) in Losses)
        {
            using var bench = new KernelScope(test, precision);
            // The parameters, too, as the kernel sees them.
            var p = new SoftmaxReference(classes, coefficient, bench.Precision.Round([smoothing])[0], cap, 0.125);
            var (z, tz) = (
                bench.Precision.Round(random.NormalArray(n * classes, 0, 3)),
                bench.Precision.Round(random.NormalArray(n * classes))
            );
            var labels = Enumerable.Range(0, n).Select(r => r % 5 == 4 ? -1 : random.Below(classes)).ToArray();
            var what = $"{bench.Name} [{n}, {classes}] {coefficient} {smoothing} {cap}";
            // Sums over the classes with one rounding a term; exp of |z| up to 12 magnifies the rounding of z by that; the
            // elementary functions are good to 2 units. The tangent is a difference of terms |tz| < 4.
            var tolerance = 2 * (classes + 40) * bench.Precision.Unit();
            var ce = new SoftmaxBench(bench, p, z, labels);

            var (loss, predicted, probability) = p.Forward(z, labels);
            var actual = ce.Forward();
            Errors.AssertClose(actual.Loss, loss, tolerance, $"{what} loss");
            Errors.AssertClose(actual.Probability, probability, tolerance, $"{what} probability");
            Assert.That(actual.Predicted, Is.EqualTo(predicted), $"{what} predicted");
            Errors.AssertClose(ce.Backward(), p.Backward(z, labels), tolerance, $"{what} dz");
            Errors.AssertClose(ce.Backward(inPlace: true), p.Backward(z, labels), tolerance, $"{what} dz in place of z");
            Vectors.AssertClose(ce.BackwardTangent(tz), p.BackwardTangent(z, tz, labels), tolerance, 4 * p.InverseCount, $"{what} tdz");
        }
    }

    [Test]
    public void DerivativesMatchFiniteDifferences()
    {
        var random = TestRandom.ForCurrentTest();
        const int n = 6,
            classes = 5;
        var (z, s, t) = (random.NormalArray(n * classes, 0, 2), random.NormalArray(n * classes), random.NormalArray(n * classes));
        int[] labels = [0, 4, 2, -1, 1, 3];
        foreach (var test in TestDevices.All)
        foreach (var (coefficient, smoothing, requested) in Losses)
        {
            using var bench = new KernelScope(test, Precision.Float64);
            // A cap in the middle of the widest gap between the rows' losses: far from the kink, and some rows beyond it.
            var cap = requested > 0 ? MiddleOfWidestGap(z, labels, classes, smoothing) : 0;
            var p = new SoftmaxReference(classes, coefficient, smoothing, cap, 1.0 / n);
            SoftmaxBench At(double[] logits)
            {
                return new SoftmaxBench(bench, p, logits, labels);
            }
            var (here, what) = (At(z), $"{bench.Name} {coefficient} {smoothing} {cap}");
            var tloss = Vectors.Derivative(h => At(Vectors.Along(z, h, t)).Forward().Loss);
            Vectors.AssertClose([Vectors.Dot(here.Backward(), t)], [tloss.Sum() / n], 1e-9, 1, $"{what} gradient");
            var tdz = here.BackwardTangent(t);
            Errors.AssertClose(tdz, Vectors.Derivative(h => At(Vectors.Along(z, h, t)).Backward()), 1e-9, $"{what} backward tangent");
            Vectors.AssertSameProduct(s, tdz, t, here.BackwardTangent(s), 1e-13, $"{what} symmetry");
        }
    }

    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void ExtremeLogits(Precision precision)
    {
        foreach (var test in TestDevices.All)
        {
            using var bench = new KernelScope(test, precision);
            var p = new SoftmaxReference(4, 1, 0, 0, 1);
            // Far beyond the range of exp; a large common offset; equal logits (ties go to the first); a NaN.
            double[] z = [5000, -5000, 0, 0, 20003, 20002, 20001, 20000, 1, 1, 1, 1, 0, double.NaN, 0, 0];
            var ce = new SoftmaxBench(bench, p, z, [1, 0, 2, 0]);
            var (loss, predicted, probability) = ce.Forward();
            var sum = 1 + Math.Exp(-1) + Math.Exp(-2) + Math.Exp(-3);
            Errors.AssertClose(loss, [10000, Math.Log(sum), Math.Log(4), double.NaN], 8 * bench.Precision.Unit(), $"{bench.Name} loss");
            Errors.AssertClose(loss[1..3], [Math.Log(sum), Math.Log(4)], 8 * bench.Precision.Unit(), $"{bench.Name} loss with offset");
            Errors.AssertClose(probability[..3], [0, 1 / sum, 0.25], 8 * bench.Precision.Unit(), $"{bench.Name} probability");
            Assert.That(predicted[..3], Is.EqualTo(new[] { 0, 0, 0 }), bench.Name);
            Assert.That(predicted[3], Is.InRange(0, 3), $"{bench.Name}: a class even where a logit is NaN");
            var dz = ce.Backward();
            Errors.AssertClose(dz[..4], [1, -1, 0, 0], 8 * bench.Precision.Unit(), $"{bench.Name} dz");
            Assert.That(dz[12..], Has.All.NaN, bench.Name);
        }
    }

    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void MetricsAddUpInDouble(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var bench = new KernelScope(test, precision);
            var totals = bench.Array(0.0, 0.0, 0.0);
            double loss = 0,
                correct = 0,
                count = 0;
            foreach (var n in new[] { 1, 31, 257 })
            {
                var rows = bench.Precision.Round(random.NormalArray(n));
                var labels = Enumerable.Range(0, n).Select(_ => random.Below(4) - 1).ToArray();
                var predicted = Enumerable.Range(0, n).Select(_ => random.Below(3)).ToArray();
                bench.Kernels.Metrics.MetricsAccumulate(
                    bench.Device.Blocks(1),
                    new(totals.Address),
                    bench.Vector(rows).Pointer,
                    new(bench.Array(predicted).Address),
                    new(bench.Array(labels).Address),
                    n
                );
                for (var r = 0; r < n; r++)
                {
                    if (labels[r] < 0)
                        continue;
                    loss += rows[r];
                    count++;
                    correct += predicted[r] == labels[r] ? 1 : 0;
                }
                var actual = totals.Download();
                Vectors.AssertClose([actual[0]], [loss], 300 * 1.2e-16, 1, $"{bench.Name} loss after {n}");
                Assert.That(actual[1..], Is.EqualTo(new[] { correct, count }), $"{bench.Name} counts after {n}");
            }
        }
    }

    private static double MiddleOfWidestGap(double[] z, int[] labels, int classes, double smoothing)
    {
        var (loss, _, _) = new SoftmaxReference(classes, 1, smoothing, 0, 1).Forward(z, labels);
        double[] sorted = [.. loss.Where((_, r) => labels[r] >= 0).Order()];
        return sorted.Zip(sorted[1..], (a, b) => (Gap: b - a, Middle: (a + b) / 2)).MaxBy(g => g.Gap).Middle;
    }

    private sealed class SoftmaxBench(KernelScope bench, SoftmaxReference p, double[] z, int[] labels)
    {
        private readonly GuardedBuffer _z = bench.Vector(z);
        private readonly DevicePointer<int> _labels = new(bench.Array(labels).Address);

        private int Rows => labels.Length;

        private LaunchShape Shape => bench.Device.Blocks(Rows);

        public (double[] Loss, int[] Predicted, double[] Probability) Forward()
        {
            var (loss, predicted, probability) = (bench.Vector(Rows), bench.Array(new int[Rows]), bench.Vector(Rows));
            bench.Kernels.SoftmaxCe.SoftmaxCeForward(
                Shape,
                loss.Pointer,
                new(predicted.Address),
                probability.Pointer,
                _z.Pointer,
                _labels,
                Rows,
                p.Classes,
                p.Coefficient,
                p.Smoothing,
                p.Cap
            );
            return (loss.Get(), predicted.Download(), probability.Get());
        }

        public double[] Backward(bool inPlace = false)
        {
            var dz = inPlace ? bench.Vector(z) : bench.Vector(z.Length);
            bench.Kernels.SoftmaxCe.SoftmaxCeBackward(
                Shape,
                dz.Pointer,
                inPlace ? dz.Pointer : _z.Pointer,
                _labels,
                Rows,
                p.Classes,
                p.Coefficient,
                p.Smoothing,
                p.Cap,
                p.InverseCount
            );
            return dz.Get();
        }

        public double[] BackwardTangent(double[] tz)
        {
            var tdz = bench.Vector(z.Length);
            bench.Kernels.SoftmaxCe.SoftmaxCeBackwardTangent(
                Shape,
                tdz.Pointer,
                bench.Vector(tz).Pointer,
                _z.Pointer,
                _labels,
                Rows,
                p.Classes,
                p.Coefficient,
                p.Smoothing,
                p.Cap,
                p.InverseCount
            );
            return tdz.Get();
        }
    }
}
