using Lur.Device;
using Lur.Tensors;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>dropout.cu: which elements are kept is counted, so every launch, device and batch agrees, and C# draws the same.</summary>
public class DropoutTests
{
    private const double Probability = 0.3;
    private const ulong Stream = 0x1234567,
        Seed = 77;

    // As the kernel's header says.
    private static double[] Expected(double[] x, int samples, int size, ulong first)
    {
        var y = new double[x.Length];
        for (var i = 0; i < x.Length; i++)
        {
            var (n, j) = (i / size, i % size);
            var (a, b, c, d) = Philox.Block(Seed, Stream, ((first + (ulong)n) << 24) + (ulong)(j / 4));
            uint[] words = [a, b, c, d];
            y[i] = (words[j % 4] >> 8) / 16777216.0 >= (float)Probability ? x[i] / (1 - Probability) : 0;
        }

        return y;
    }

    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void KeepsWhatIsCounted(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var (samples, size) in new[] { (1, 1), (2, 7), (3, 1009) })
        {
            using var bench = new KernelScope(test, precision);
            var (x, before) = (precision.Round(random.NormalArray(samples * size)), precision.Round(random.NormalArray(samples * size)));
            var (input, y, added) = (bench.Vector(x), bench.Vector(samples * size), bench.Vector(before));
            var state = bench.Array<ulong>(Seed, 40);
            void Run(GuardedBuffer to, int accumulate) =>
                bench.Kernels.Dropout.DropoutForward(
                    bench.Device.Rows((long)samples * ((size + 3) / 4), 4),
                    to.Pointer,
                    input.Pointer,
                    state.Pointer(),
                    Stream,
                    samples,
                    size,
                    2,
                    Probability,
                    accumulate
                );
            Run(y, 0);
            Run(added, 1);
            var expected = Expected(x, samples, size, 42);
            // Two roundings.
            Errors.AssertClose(y.Get(), expected, 4 * precision.Unit(), $"{bench.Name} y[{samples}, {size}]");
            double[] sums = [.. before.Zip(expected, (a, b) => a + b)];
            // Two roundings of a product, one of a sum that may cancel.
            double[] allowed = [.. before.Zip(expected, (a, b) => 4 * precision.Unit() * (Math.Abs(a) + Math.Abs(b)))];
            Errors.AssertWithin(added.Get(), sums, allowed, $"{bench.Name} added");
        }
    }

    [Test]
    public void TheShareThatIsDroppedIsTheProbability()
    {
        const int size = 100_000;
        var dropped = Expected([.. Enumerable.Repeat(1.0, size)], 1, size, 3).Count(v => v == 0);
        // Four deviations of a binomial count.
        Assert.That(dropped / (double)size, Is.EqualTo(Probability).Within(4 * Math.Sqrt(Probability * (1 - Probability) / size)));
    }
}
