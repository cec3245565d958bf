using Lur.Device;
using Lur.Tensors;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

/// <summary>trim.cu: saliency, selection on the device, re-initialisation.</summary>
public class TrimTests
{
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];

    [Test]
    public void SaliencyIsTheSizeOfTheProduct([ValueSource(nameof(Precisions))] Precision precision, [Values(1, 31, 257, 1009)] int n)
    {
        var random = TestRandom.ForCurrentTest();
        var (g, theta) = (precision.Round(random.NormalArray(n)), precision.Round(random.NormalArray(n)));
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var s = scope.Vector(n);
            scope.Kernels.Trim.TrimSaliency(scope.Grid(3), s.Pointer, scope.Vector(g).Pointer, scope.Vector(theta).Pointer, n);
            Errors.AssertSame(s.Get(), [.. g.Zip(theta, (a, b) => precision.Round(Math.Abs(a * b)))], "saliency");
        }
    }

    private static readonly string[] Distributions = ["saliencies", "signed", "ties", "constant", "extremes"];

    private static double[] Draw(TestRandom random, string kind, int n) =>
        kind switch
        {
            "saliencies" => Array.ConvertAll(random.NormalArray(n), z => Math.Abs(z * random.Normal()) * 1e-3),
            "signed" => random.NormalArray(n),
            "ties" => Array.ConvertAll(new double[n], _ => random.Below(3) * 0.25),
            "constant" => [.. Enumerable.Repeat(0.1, n)],
            _ => Array.ConvertAll(new double[n], _ => new[] { 0, 1e-30, -1e-30, 1e30, -1e30, double.PositiveInfinity, 1 }[random.Below(7)]),
        };

    [Test]
    public void SelectionEqualsSorting(
        [ValueSource(nameof(Precisions))] Precision precision,
        [Values(1, 2, 65, 257, 1009)] int n,
        [ValueSource(nameof(Distributions))] string kind
    )
    {
        var x = precision.Round(Draw(TestRandom.ForCurrentTest(), kind, n));
        int[] ranks = [.. new[] { 1, n / 2, (int)(0.97 * n), n - 1, n }.Where(k => k >= 1).Distinct()];
        foreach (var test in TestDevices.AllBlockSizes())
        {
            // 34 or 66 launches a selection, each run several times there: one rank and small sizes see every path.
            if (test.ChecksMemory && (n > 65 || kind is "saliencies" or "constant"))
                continue;
            using var scope = new KernelScope(test, precision);
            var dx = scope.Vector(x);
            foreach (var k in test.ChecksMemory ? [ranks[ranks.Length / 2]] : ranks)
            {
                foreach (var (grid, count) in test.ChecksMemory ? [(2u, 3)] : new[] { (1u, 1), (2u, 3) })
                {
                    var expected = Optimisation.KthSmallest(x, k);
                    Assert.That(Select(scope, dx.Pointer, n, k, count, grid), Is.EqualTo(expected), $"rank {k} of {n}, {count} parts");
                }
            }
        }
    }

    private static double Select(KernelScope scope, DevicePointer<Real> x, int n, int k, int count, uint grid)
    {
        var trim = scope.Kernels.Trim;
        var (state, counts, value) = (scope.Unwritten<ulong>(2), scope.Unwritten<int>(3 * count), scope.Unwritten<double>(1));
        trim.TrimSelectBegin(scope.Grid(1), state.Pointer(), k);
        for (var shift = (8 * scope.Precision.Size()) - 2; shift >= 0; shift -= 2)
        {
            trim.TrimSelectCount(scope.Grid(grid), counts.Pointer(), x, state.Pointer(), n, count, shift);
            trim.TrimSelectDigit(scope.Grid(1), state.Pointer(), counts.Pointer(), count, shift);
        }
        trim.TrimSelectEnd(scope.Grid(1), value.Pointer(), state.Pointer());
        counts.Download();
        return value.Download()[0];
    }

    [Test]
    public void ResetDrawsTheStreamsNumbersAboveTheThresholdOnly(
        [ValueSource(nameof(Precisions))] Precision precision,
        [Values(1, 67, 1009)] int length,
        [Values(0.0, 0.3)] double bound
    )
    {
        const int before = 37,
            after = 5;
        const ulong seed = 0x1234567890ABCDEF;
        var random = TestRandom.ForCurrentTest();
        var n = before + length + after;
        var (theta, s) = (precision.Round(random.NormalArray(n)), precision.Round(random.UniformArray(n)));
        var tau = s[before]; // a saliency equal to the threshold stays
        if (length > 1)
            s[n - after - 1] = 1;
        var stream = RandomStream.StreamOf("trim/layer4.1.conv2.weight");
        var b = precision.Round(bound);
        var expected = (double[])theta.Clone();
        var numbers = new RandomStream(seed, stream);
        for (var i = before; i < before + length; i++)
            if (s[i] > tau)
                expected[i] = precision.Fma(2 * b, Philox.Uniform(numbers.WordAt((ulong)(i - before))), -b);
        var resets = s[before..(before + length)].Count(x => x > tau);
        foreach (var test in TestDevices.AllBlockSizes())
        {
            foreach (var (grid, count) in new[] { (1u, 1), (2u, 3), (7u, 16) })
            {
                using var scope = new KernelScope(test, precision);
                var (changed, partials) = (scope.Vector(theta), scope.Unwritten<double>(count));
                scope.Kernels.Trim.TrimReset(
                    scope.Grid(grid),
                    changed.Pointer,
                    partials.Pointer(),
                    scope.Vector(s).Pointer,
                    scope.Array(tau).Pointer(),
                    before,
                    before + length,
                    count,
                    seed,
                    stream,
                    bound
                );
                Errors.AssertSame(changed.Get(), expected, $"grid {grid}");
                Assert.That(scope.FinishSum(partials, count, 1)[0], Is.EqualTo(resets), "entries reset");
            }
        }
        Assert.That(resets, length == 1 ? Is.Zero : Is.GreaterThan(0).And.LessThan(length), "the test's own draw");
    }
}
