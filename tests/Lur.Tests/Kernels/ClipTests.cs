using Lur.Device;
using Lur.Tests.Device;
using Lur.Tests.Golden;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

/// <summary>clip.cu against torch.nn.utils.clip_grad_norm_.</summary>
public class ClipTests
{
    private const int Count = 3;
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];
    private static readonly string[] Cases = ["clip_above", "clip_below", "clip_small"];
    private static readonly int[] Sizes = [1, 31, 257, 1009];

    // The norm: (n + 12) u for the sum of squares, as derived in VectorTests, halved by the root; then one product.
    private static double Tolerance(Precision precision, int n) => (n + 12) * precision.Unit();

    [Test]
    public void FollowsTorch([ValueSource(nameof(Precisions))] Precision precision, [ValueSource(nameof(Cases))] string name)
    {
        var fixture = Fixture.Open("optimizers");
        var (g, expected, result) = (
            fixture.Doubles(name + "/gradient"),
            fixture.Doubles(name + "/clipped"),
            fixture.Doubles(name + "/result")
        );
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var (clipped, norm, _) = Clip(scope, precision.Round(g), result[0], scope.Device.Elements(g.Length));
            // Rounding the gradient of the fixture to float moves the norm by at most u.
            Errors.AssertClose(clipped, expected, Tolerance(precision, g.Length) + precision.Unit(), "clipped gradient");
            Assert.That(norm, Is.EqualTo(result[1]).Within((Tolerance(precision, g.Length) + precision.Unit()) * result[1]));
        }
    }

    [Test]
    public void ClipsToTheLargestNormAndLeavesASmallerGradientAlone(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int n
    )
    {
        var g = precision.Round(TestRandom.ForCurrentTest().NormalArray(n, 1));
        var norm = Vectors.Norm(g);
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            foreach (var grid in scope.Grids)
            {
                var (clipped, _, coefficient) = Clip(scope, g, norm / 2, scope.Grid(grid));
                var expected = norm / 2 / (norm + 1e-6);
                Assert.That(coefficient, Is.EqualTo(expected).Within(Tolerance(precision, n) * expected));
                Errors.AssertClose(clipped, [.. g.Select(x => x * expected)], Tolerance(precision, n), $"clipped, grid {grid}");
                Errors.AssertSame(Clip(scope, g, 2 * norm, scope.Grid(grid)).Clipped, g, "a gradient below the largest norm");
            }
        }
    }

    [Test]
    public void ANormThatIsNotFiniteIsLeftToTheGuard(
        [ValueSource(nameof(Precisions))] Precision precision,
        [Values(double.NaN, double.PositiveInfinity)] double bad
    )
    {
        var g = precision.Round(TestRandom.ForCurrentTest().NormalArray(67));
        g[5] = bad;
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var (clipped, norm, coefficient) = Clip(scope, g, 1, scope.Device.Elements(g.Length));
            Errors.AssertSame(clipped, g, "gradient");
            var skip = scope.Array(0, 0);
            scope.Kernels.Guard.StepGuard(scope.Device.Elements(1), skip.Pointer(), scope.Array(norm).Pointer(), default, 1);
            Assert.That((coefficient, skip.Download()[0]), Is.EqualTo((1.0, 1)), "coefficient, skip");
        }
    }

    private static (double[] Clipped, double Norm, double Coefficient) Clip(
        KernelScope scope,
        double[] values,
        double largest,
        LaunchShape shape
    )
    {
        var (g, n, vector) = (scope.Vector(values), values.Length, scope.Kernels.Vector);
        var (partials, square, result) = (scope.Unwritten<double>(Count), scope.Unwritten<double>(1), scope.Unwritten<double>(2));
        vector.VectorSquareSum(scope.Device.Blocks(Count), partials.Pointer(), g.Pointer, n, Count);
        vector.VectorFinishSum(scope.Device.Blocks(1), square.Pointer(), partials.Pointer(), Count, 1);
        scope.Kernels.Clip.ClipCoefficient(scope.Device.Elements(1), result.Pointer(), square.Pointer(), largest);
        scope.Kernels.Clip.ClipApply(shape, g.Pointer, result.Pointer().At(1, sizeof(double)), n);
        var read = result.Download();
        return (g.Get(), read[0], read[1]);
    }
}
