using Lur.Device;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>elastic.cu against its formula in float64.</summary>
public class ElasticTests
{
    private static readonly int[] Sizes = [1, 31, 257, 1009];

    [Test]
    public void ThePullIsAddedAndRoundedOnce(
        [Values(Precision.Float32, Precision.Float64)] Precision precision,
        [ValueSource(nameof(Sizes))] int n
    )
    {
        var random = TestRandom.ForCurrentTest();
        double[] Draw(double deviation) => precision.Round(random.NormalArray(n, 0, deviation));
        var (g, theta, anchor) = (Draw(1), Draw(1), Draw(1));
        // Beyond the range of float, and back in it by the weight.
        double[] fisher = [.. random.NormalArray(n).Select(x => x * x * 1e-50)];
        const double weight = 1e50;
        double[] expected = [.. g.Select((x, i) => precision.Round(x + (weight * fisher[i] * (theta[i] - anchor[i]))))];
        for (var i = 0; i < n; i += 5)
            (fisher[i], expected[i]) = (0, g[i]);
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            foreach (var grid in scope.Grids)
            {
                var target = scope.Vector(g);
                scope.Kernels.Elastic.ElasticGradient(
                    scope.Grid(grid),
                    target.Pointer,
                    scope.Vector(theta).Pointer,
                    scope.Vector(anchor).Pointer,
                    scope.Array(fisher).Pointer(),
                    n,
                    weight
                );
                // A device may fuse product and sum: half a unit of the last place of either, and the rounding of real.
                Errors.AssertClose(target.Get(), expected, 2 * precision.Unit(), $"grid {grid}");
            }
        }
    }
}
