using Lur.Device;
using Lur.Optimizers;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>joint.cu: the weighted sum of two gradients and what it measures.</summary>
public class JointTests
{
    private static readonly int[] Sizes = [1, 31, 257];
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];

    [Test]
    public void TheSumIsOneProductAndOneFma(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int n,
        [Values] bool inPlace
    )
    {
        const int count = 3;
        var random = TestRandom.ForCurrentTest();
        double[] Draw() => precision.Round(random.NormalArray(n));
        var (g, v, theta) = (Draw(), Draw(), Draw());
        var step = new double[StepParameters.Count];
        (step[(int)StepParameter.RetainWeight], step[(int)StepParameter.ForgetWeight]) = (0.7, 0.05);
        var (retain, forget) = (precision.Round(0.7), precision.Round(0.05));
        double[] expected = [.. g.Zip(v, (a, b) => precision.Fma(forget, b, precision.Round(retain * a)))];
        double[] sums = [g.Sum(x => x * x), v.Sum(x => x * x), g.Zip(v, (a, b) => a * b).Sum(), theta.Sum(x => x * x)];
        foreach (var test in TestDevices.AllBlockSizes())
        {
            double[]? first = null;
            using var scope = new KernelScope(test, precision);
            foreach (var grid in scope.Grids)
            {
                var dg = scope.Vector(g);
                var (total, partials) = (inPlace ? dg : scope.Vector(n), scope.Unwritten<double>(4 * count));
                scope.Kernels.Joint.JointGradient(
                    scope.Grid(grid),
                    total.Pointer,
                    partials.Pointer(),
                    dg.Pointer,
                    scope.Vector(v).Pointer,
                    scope.Vector(theta).Pointer,
                    scope.Array(step).Pointer(),
                    n,
                    count
                );
                Errors.AssertSame(total.Get(), expected, $"sum, grid {grid}");
                var bits = partials.Download();
                Errors.AssertSame(bits, first ??= bits, $"telemetry, grid {grid}");
                // (n + 12) u sum |terms|, as derived in VectorTests; |g| |v| <= the largest square.
                Errors.AssertClose(
                    scope.FinishSum(partials, count, 4),
                    sums,
                    2 * (n + 12) * precision.Unit(),
                    "|g|^2, |v|^2, <g, v>, |theta|^2"
                );
            }
        }
    }
}
