using Lur.Device;
using Lur.Tensors;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>random.cu against RandomStream, whose generator has known answers and whose distributions are tested.</summary>
public class RandomTests
{
    private const ulong Seed = 0xFEDCBA9876543210;
    private static readonly ulong Stream = RandomStream.StreamOf("noise");
    private static readonly int[] Sizes = [1, 2, 3, 4, 5, 257, 1009];
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];
    private static readonly ulong?[] Steps = [null, 0, 1, 0xFFFFFFFF];

    private static RandomStream At(ulong? step) => new(Seed, Stream) { Position = (step ?? 0) << 32 };

    // z = r cos a with r <= 6.66. In float the radius and angle come from the same words, rounded alike; log, sqrt, cos
    // and sin are each within 4 units on every target: 6.66 * 16 u, times the deviation 2, plus the final rounding. In
    // double the reference is evaluated in double.
    [Test]
    public void NormalsAreThoseOfTheStream(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int n,
        [ValueSource(nameof(Steps))] ulong? step
    )
    {
        const double mean = 0.5,
            deviation = 2;
        var numbers = At(step);
        var expected = Array.ConvertAll(
            new double[n],
            _ => mean + (deviation * (precision == Precision.Float32 ? numbers.Normal() : NormalInDouble(numbers)))
        );
        var tolerance = deviation * 6.66 * 16 * precision.Unit();
        foreach (var test in TestDevices.AllBlockSizes())
        {
            double[]? first = null;
            using var scope = new KernelScope(test, precision);
            foreach (var grid in scope.Grids)
            {
                var x = scope.Vector(n);
                scope.Kernels.Random.RandomNormal(
                    scope.Grid(grid),
                    x.Pointer,
                    step is { } s ? scope.Array(s).Pointer() : default,
                    n,
                    Seed,
                    Stream,
                    mean,
                    deviation
                );
                var actual = x.Get();
                Assert.That(actual, Has.None.NaN);
                Assert.That(actual, Is.EqualTo(expected).Within(tolerance));
                Errors.AssertSame(actual, first ??= actual, $"grid {grid}");
            }
        }
    }

    private static double NormalInDouble(RandomStream numbers)
    {
        var first = numbers.Position & ~1ul;
        var u = (numbers.WordAt(first) + 0.5) / 4294967296.0;
        var angle = 2 * Math.PI * Philox.Uniform(numbers.WordAt(first + 1));
        return Math.Sqrt(-2 * Math.Log(u)) * ((numbers.Position++ & 1) == 0 ? Math.Cos(angle) : Math.Sin(angle));
    }
}
