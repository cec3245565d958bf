using Lur.Device;
using Lur.Tensors;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>diffuse.cu and the rows of random.cu against plain loops over Philox, whose generator has known answers.</summary>
public class DiffuseTests
{
    private const ulong Seed = 0x0123456789ABCDEF,
        Stream = 11;

    // Numbers beyond 2^32, so that the upper half of the counter matters.
    private const ulong First = 0x1_FFFF_FFFE;
    private static readonly int[] Sizes = [1, 2, 3, 31, 257, 1009];
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];

    private static uint Word(ulong sample) => Philox.Block(Seed, Stream, sample).X;

    [Test]
    public void TimestepsAreThoseOfTheSamples([ValueSource(nameof(Sizes))] int n, [Values] bool antithetic, [Values(1, 7, 1000)] int count)
    {
        var expected = new int[n];
        for (var r = 0; r < n; r++)
        {
            var mirrored = antithetic && r >= (n / 2) + 1;
            var t = (int)(((ulong)Word(First + (ulong)(mirrored ? r - (n / 2) - 1 : r)) * (ulong)count) >> 32);
            expected[r] = mirrored ? count - 1 - t : t;
        }

        foreach (var test in TestDevices.AllBlockSizes())
            Assert.That(Timesteps(test, First, n, count, antithetic), Is.EqualTo(expected), test.Name);
        Assert.That(expected, Is.All.InRange(0, count - 1));
    }

    // Of 10 000 draws over 10 values each is expected 1000 times, give or take 30: chi^2 of 9 degrees is below 33.7 with
    // probability 0.9999. Pairs of antithetic draws add up to T - 1.
    [Test]
    public void TimestepsAreUniformAndAntitheticOnesMirrored()
    {
        const int n = 10_000;
        var test = TestDevices.All.First();
        var t = Timesteps(test, 0, n, 10, antithetic: false);
        Assert.That(t.CountBy(v => v).Sum(c => Math.Pow(c.Value - 1000, 2) / 1000), Is.LessThan(33.7));
        var pairs = Timesteps(test, 0, n, 10, antithetic: true);
        Assert.That(pairs[..5001], Is.EqualTo(t[..5001]));
        Assert.That(pairs[5001..].Zip(pairs, (late, early) => late + early), Is.All.EqualTo(9));
    }

    [Test]
    public void LabelsAreDroppedWithTheirProbabilityAndCounted([ValueSource(nameof(Sizes))] int n, [Values(0, 0.25, 1)] double probability)
    {
        int[] labels = [.. Enumerable.Range(0, n).Select(i => i % 5 == 4 ? -1 : i % 7)];
        var expected = (int[])labels.Clone();
        for (var i = 0; i < n; i++)
        {
            if (labels[i] >= 0 && (Word(First + (ulong)i) >> 8) < probability * (1 << 24))
                expected[i] = 100;
        }

        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, Precision.Float32);
            var dropped = scope.Array(3.0);
            Assert.That(Drop(scope, labels, dropped.Pointer(), probability), Is.EqualTo(expected), scope.Name);
            Assert.That(dropped.Download()[0], Is.EqualTo(3 + expected.Count(y => y == 100)), "added to what was counted before");
            Assert.That(Drop(scope, labels, default, probability), Is.EqualTo(expected), "uncounted");
        }
    }

    // 20 000 labels, 2000 expected with deviation 42: 5 of them.
    [Test]
    public void ATenthOfTheLabelsIsDropped()
    {
        using var scope = new KernelScope(TestDevices.All.First(), Precision.Float32);
        Assert.That(Drop(scope, new int[20_000], default, 0.1).Count(y => y == 100), Is.EqualTo(2000).Within(212));
    }

    // Two products and a sum, of numbers rounded before: 3 u of the sum of magnitudes.
    [Test]
    public void EachRowGetsTheNoiseOfItsTimestep(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int length,
        [Values(1, 3)] int n,
        [Values] bool velocity
    )
    {
        var random = TestRandom.ForCurrentTest();
        double[] Draw(int count) => precision.Round(random.NormalArray(count));
        var (x0, e, pairs) = (Draw(n * length), Draw(n * length), Draw(2 * 13));
        int[] t = [.. Enumerable.Range(0, n).Select(r => r == 0 ? 12 : random.Below(13))];
        var (noised, v, allowed) = (new double[x0.Length], new double[x0.Length], new double[x0.Length]);
        for (var i = 0; i < x0.Length; i++)
        {
            var (a, b) = (pairs[2 * t[i / length]], pairs[(2 * t[i / length]) + 1]);
            (noised[i], v[i]) = ((a * x0[i]) + (b * e[i]), (a * e[i]) - (b * x0[i]));
            allowed[i] = 3 * precision.Unit() * (Math.Abs(a) + Math.Abs(b)) * (Math.Abs(x0[i]) + Math.Abs(e[i]));
        }

        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            var (y, target) = (scope.Vector(x0.Length), scope.Vector(x0.Length));
            scope.Kernels.Diffuse.DiffuseForward(
                scope.Device.Rows(n, length),
                y.Pointer,
                velocity ? target.Pointer : default,
                scope.Vector(x0).Pointer,
                scope.Vector(e).Pointer,
                scope.Array(t).Pointer(),
                scope.Vector(pairs).Pointer,
                n,
                length
            );
            Errors.AssertWithin(y.Get(), noised, allowed, $"{scope.Name} x_t");
            if (velocity)
                Errors.AssertWithin(target.Get(), v, allowed, $"{scope.Name} v");
        }
    }

    // The bound of RandomTests: 6.66 * 16 u.
    [Test]
    public void NormalRowsAreThoseOfTheSampleAndTheStep(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int length,
        [Values(0ul, 1ul, 0xFFFFFFFFul)] ulong step
    )
    {
        const int rows = 3;
        var expected = new double[rows * length];
        for (var i = 0; i < expected.Length; i++)
        {
            var (sample, j) = (First + (ulong)(i / length), i % length);
            var (x, y, z, w) = Philox.Block(Seed, Stream + step, (sample << 24) + (ulong)(j / 4));
            var (bits, turn) = j % 4 < 2 ? (x, y) : (z, w);
            var (radius, angle) =
                precision == Precision.Float32
                    ? (Philox.NormalRadius(bits), Philox.NormalAngle(turn))
                    : (Math.Sqrt(-2 * Math.Log((bits + 0.5) / 4294967296)), 2 * Math.PI * Philox.Uniform(turn));
            expected[i] = radius * (j % 2 == 0 ? Math.Cos(angle) : Math.Sin(angle));
        }

        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            foreach (var grid in scope.Grids)
            {
                var x = scope.Vector(expected.Length);
                scope.Kernels.Random.RandomNormalRows(
                    scope.Grid(grid),
                    x.Pointer,
                    scope.Array(Seed, First).Pointer(),
                    step == 0 ? default : scope.Array(step).Pointer(),
                    rows,
                    length,
                    Stream
                );
                Assert.That(x.Get(), Is.EqualTo(expected).Within(6.66 * 16 * precision.Unit()), $"{scope.Name}, grid {grid}");
            }
        }
    }

    // One product and one sum of an exact number below 1, in a range of 2: 2 u.
    [Test]
    public void UniformRowsAreThoseOfTheSample(
        [ValueSource(nameof(Precisions))] Precision precision,
        [ValueSource(nameof(Sizes))] int length
    )
    {
        const int rows = 3;
        var expected = new double[rows * length];
        for (var i = 0; i < expected.Length; i++)
        {
            var (sample, j) = (First + (ulong)(i / length), i % length);
            var (x, y, z, w) = Philox.Block(Seed, Stream, (sample << 24) + (ulong)(j / 4));
            expected[i] = (2.0 * Philox.Uniform(new[] { x, y, z, w }[j % 4])) - 1;
        }

        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, precision);
            foreach (var grid in scope.Grids)
            {
                var (x, state) = (scope.Vector(expected.Length), scope.Array(Seed, First));
                scope.Kernels.Random.RandomUniformRows(scope.Grid(grid), x.Pointer, state.Pointer(), rows, length, Stream, -1, 1);
                Assert.That(x.Get(), Is.EqualTo(expected).Within(2 * precision.Unit()), $"{scope.Name}, grid {grid}");
                Assert.That(x.Get(), Is.All.InRange(-1, 1));
            }
        }
    }

    [Test]
    public void ClassesAreMappedByTheTable([ValueSource(nameof(Sizes))] int n)
    {
        int[] labels = [.. Enumerable.Range(0, n).Select(i => i % 5 == 4 ? -1 : i % 7)];
        int[] table = [3, 0, 6, 6, 1, 2, 5];
        foreach (var test in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(test, Precision.Float32);
            var y = scope.Unwritten<int>(n);
            scope.Kernels.Diffuse.MapClasses(
                scope.Device.Elements(n),
                y.Pointer(),
                scope.Array(labels).Pointer(),
                scope.Array(table).Pointer(),
                n
            );
            Assert.That(y.Download(), Is.EqualTo(labels.Select(l => l < 0 ? l : table[l])), scope.Name);
        }
    }

    private static int[] Timesteps(TestDevice test, ulong first, int n, int count, bool antithetic)
    {
        using var scope = new KernelScope(test, Precision.Float32);
        var t = scope.Unwritten<int>(n);
        var state = scope.Array(Seed, first);
        scope.Kernels.Diffuse.DrawTimesteps(scope.Device.Elements(n), t.Pointer(), state.Pointer(), Stream, n, count, antithetic ? 1 : 0);
        return t.Download();
    }

    private static int[] Drop(KernelScope scope, int[] labels, DevicePointer<double> dropped, double probability)
    {
        var (y, state) = (scope.Unwritten<int>(labels.Length), scope.Array(Seed, First));
        scope.Kernels.Diffuse.DropCondition(
            scope.Device.Blocks(1),
            y.Pointer(),
            dropped,
            scope.Array(labels).Pointer(),
            state.Pointer(),
            Stream,
            labels.Length,
            100,
            probability
        );
        return y.Download();
    }
}
