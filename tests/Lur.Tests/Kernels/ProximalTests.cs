using Lur.Device;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>proximal.cu: soft-thresholding towards an anchor.</summary>
public class ProximalTests
{
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];

    [Test]
    public void WeightsAreSoftThresholdedTowardsTheAnchor([ValueSource(nameof(Precisions))] Precision precision, [Values(1, 67, 257)] int n)
    {
        var random = TestRandom.ForCurrentTest();
        var anchor = precision.Round(random.NormalArray(n));
        var theta = precision.Round([.. anchor.Select(a => a + random.Normal(0, 0.1))]);
        theta[0] = anchor[0];
        double[] distance = [.. theta.Zip(anchor, (t, a) => Math.Abs(precision.Round(t - a)))];
        var tau = distance.Order().ElementAt(n / 2); // an entry at the threshold goes to the anchor
        double[] expected =
        [
            .. theta.Zip(
                anchor,
                (t, a) =>
                {
                    var left = Math.Max(precision.Round(Math.Abs(precision.Round(t - a)) - tau), 0);
                    return left > 0 ? precision.Round(a + (Math.Sign(t - a) * left)) : a;
                }
            ),
        ];
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var (da, dt, x) = (scope.Vector(anchor), scope.Vector(theta), scope.Vector(n));
            scope.Kernels.Proximal.ProximalDistance(scope.Grid(3), x.Pointer, dt.Pointer, da.Pointer, n);
            Errors.AssertSame(x.Get(), distance, "distance");
            void Shrink(double threshold, int skip) =>
                scope.Kernels.Proximal.ProximalShrink(
                    scope.Grid(2),
                    dt.Pointer,
                    da.Pointer,
                    scope.Array(threshold).Pointer(),
                    scope.Array(skip).Pointer(),
                    n
                );
            Shrink(tau, 1);
            Shrink(0, 0);
            Shrink(double.NaN, 0);
            Errors.AssertSame(dt.Get(), theta, "skipped, threshold 0, no threshold");
            if (tau > 0)
            {
                Shrink(tau, 0);
                Errors.AssertSame(dt.Get(), expected, "theta");
            }
        }
    }
}
