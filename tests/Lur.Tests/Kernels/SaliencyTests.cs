using Lur.Device;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>saliency.cu: the mask of the largest entries, with ties, and what freezes and checks by it.</summary>
public class SaliencyTests
{
    private static readonly int[] Sizes = [1, 67, 257];
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];

    private static double[] Draw(TestRandom random, string kind, int n) =>
        kind switch
        {
            "distinct" => Array.ConvertAll(random.NormalArray(n), Math.Abs),
            "ties" => Array.ConvertAll(new double[n], _ => random.Below(3) * 0.25),
            _ => new double[n],
        };

    /// <summary>Ones for the first <paramref name="keep"/> entries in descending order of value, then ascending index.</summary>
    private static byte[] Reference(double[] x, int keep)
    {
        var mask = new byte[x.Length];
        foreach (var i in Enumerable.Range(0, x.Length).OrderByDescending(i => x[i]).ThenBy(i => i).Take(keep))
            mask[i] = 1;
        return mask;
    }

    [Test]
    public void TheMaskKeepsExactlyTheLargest(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int n,
        [Values("distinct", "ties", "zeros")] string kind
    )
    {
        var x = precision.Round(Draw(TestRandom.ForCurrentTest(), kind, n));
        int[] keeps = [.. new[] { 1, n / 3, n / 2, n - 1, n }.Where(k => k >= 1).Distinct()];
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var dx = scope.Vector(x);
            foreach (var keep in test.ChecksMemory ? [keeps[keeps.Length / 2]] : keeps)
            {
                var tau = scope.Array(x.OrderDescending().ElementAt(keep - 1));
                foreach (var (grid, count) in test.ChecksMemory ? [(2u, 3)] : new[] { (1u, 1), (2u, 3), (3u, 16) })
                {
                    var (mask, counts) = (scope.Unwritten<byte>(n), scope.Unwritten<int>(2 * count));
                    scope.Kernels.Saliency.SaliencyTally(scope.Grid(grid), counts.Pointer(), dx.Pointer, tau.Pointer(), n, count);
                    scope.Kernels.Saliency.SaliencyMask(
                        scope.Grid(grid),
                        mask.Pointer(),
                        counts.Pointer(),
                        dx.Pointer,
                        tau.Pointer(),
                        n,
                        count,
                        keep
                    );
                    Assert.That(mask.Download(), Is.EqualTo(Reference(x, keep)), $"{keep} of {n}, {count} parts");
                    Assert.That(counts.Download().Sum(), Is.EqualTo(x.Count(v => v >= x.OrderDescending().ElementAt(keep - 1))), "tally");
                }
            }
        }
    }

    [Test]
    public void GateAndCheckFollowTheMask([ValueSource(nameof(Precisions))] Precision precision, [ValueSource(nameof(Sizes))] int n)
    {
        const int count = 3;
        var random = TestRandom.ForCurrentTest();
        var (g, theta) = (precision.Round(random.NormalArray(n)), precision.Round(random.NormalArray(n)));
        var mask = Array.ConvertAll(new byte[n], _ => (byte)random.Below(2));
        // Half of the entries move, some by the sign of a zero alone.
        double[] anchor =
        [
            .. theta.Select(
                (t, i) =>
                    i % 2 == 0 ? t
                    : i % 3 == 0 ? -0.0
                    : t + 1
            ),
        ];
        double[] moved =
        [
            .. theta.Select(
                (t, i) =>
                    i % 2 == 0 ? t
                    : i % 3 == 0 ? 0.0
                    : t
            ),
        ];
        var expected = Enumerable.Range(0, n).Count(i => i % 2 == 1 && mask[i] == 0);
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var (dg, dm) = (scope.Vector(g), scope.Array(mask));
            scope.Kernels.Saliency.SaliencyGate(scope.Grid(3), dg.Pointer, dm.Pointer(), n);
            Errors.AssertSame(dg.Get(), [.. g.Zip(mask, (a, m) => m != 0 ? a : 0)], "gated gradient");
            var partials = scope.Unwritten<double>(count);
            scope.Kernels.Saliency.SaliencyMoved(
                scope.Grid(2),
                partials.Pointer(),
                scope.Vector(moved).Pointer,
                scope.Vector(anchor).Pointer,
                dm.Pointer(),
                n,
                count
            );
            Assert.That(scope.FinishSum(partials, count, 1)[0], Is.EqualTo(expected), "entries moved");
        }
    }
}
