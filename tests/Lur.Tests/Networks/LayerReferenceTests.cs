using Lur.Layers;
using Lur.Tests.Device;
using Lur.Tests.Kernels;
using Lur.Tests.Reference;
using static Lur.Tests.Reference.HyperDual;

namespace Lur.Tests.Networks;

/// <summary>The layers of a UNet, all four passes, against their definitions in numbers that carry derivatives, for every device and
/// block size, sizes of 1, primes and above a block.</summary>
/// <remarks>float: sums of at most some hundred products, and a division by a deviation of 0.3 or more: 2000 u relative to the largest
/// value. double: the same.</remarks>
public class LayerReferenceTests
{
    private const double Units = 2000,
        Epsilon = 1e-3;

    /// <summary>A layer with the definition of its output: theta is all inputs one after another, then the weights.</summary>
    internal sealed record Case(
        string Name,
        Func<Layer> Layer,
        Shape[] Inputs,
        Func<HyperDual[], HyperDual[]> Forward,
        int[]? Ids = null,
        int Positions = 0
    )
    {
        public override string ToString() => Name;
    }

    private static IEnumerable<TestCaseData> Cases()
    {
        foreach (
            var (n, h, w, c, g) in new[]
            {
                (1, 1, 1, 2, 1),
                (2, 3, 1, 6, 3),
                (3, 7, 5, 10, 5),
                (1, 17, 16, 4, 2),
                (2, 3, 1, 34, 2),
                (2, 1, 1, 35, 7),
            }
        )
        foreach (var silu in new[] { false, true })
            yield return Normalization(n, h, w, c, g, silu);
        foreach (var (h, w, toH, toW) in new[] { (1, 1, 1, 1), (3, 5, 6, 10), (4, 3, 7, 5), (2, 2, 5, 2) })
            yield return Resample(2, h, w, toH, toW, 3);
        yield return Joined(2, 3, [2, 5, 1]);
        yield return Joined(1, 1, [1, 37]);
        foreach (var (n, inner, c) in new[] { (1, 1, 1), (3, 5, 7), (2, 34, 3), (1, 2, 67) })
        foreach (var scale in new[] { false, true })
            yield return Modulated(n, inner, c, scale);
        yield return Sum(31, 1);
        yield return Sum(1009, 0.7);
        yield return Looked([2, 0, 2, 5], 6, 5);
        yield return Looked([0], 1, 1);
        yield return Looked([1, -1, 1], 3, 67);
        yield return Looked([1, 4, 1, 0, -1, 1], 5, 7, 3);
    }

    [TestCaseSource(nameof(Cases))]
    [TestCaseSource(typeof(TransformerCases), nameof(TransformerCases.All))]
    public void AllPasses(object given) => Check((Case)given, sumsInTwo: false);

    // As on devices whose blocks are one thread, on those that have threads.
    [Test]
    public void AllPassesWithSumsInTwoLaunches([Values] bool silu) =>
        Check((Case)Normalization(2, 3, 1, 34, 2, silu).Arguments[0]!, sumsInTwo: true);

    private static void Check(Case test, bool sumsInTwo)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var precision in KernelScope.Precisions)
        {
            using var sizes = new LayerHarness(TestDevices.Default, precision, test.Layer(), test.Inputs, test.Ids, test.Positions);
            double[] Draw(int count) => precision.Round(random.NormalArray(count));
            var (theta, tangent) = (Draw(sizes.Layout.Count), Draw(sizes.Layout.Count));
            var (dy, tdy) = (Draw(sizes.Outputs), Draw(sizes.Outputs));
            var expected = Expected(test.Forward, theta, tangent, dy, tdy);
            var tolerance = Units * precision.Unit();
            foreach (var device in TestDevices.AllBlockSizes())
            {
                using var harness = new LayerHarness(
                    device.Device,
                    precision,
                    test.Layer(),
                    test.Inputs,
                    test.Ids,
                    test.Positions,
                    sumsInTwo
                );
                var actual = harness.Run(theta, tangent, dy, tdy);
                var where = $"{test.Name} {device.Name}/{device.Device.PreferredBlock} {precision}";
                Errors.AssertClose(actual.Y, expected.Y, tolerance, $"{where} y");
                Errors.AssertClose(actual.Ty, expected.Ty, tolerance, $"{where} ty");
                Errors.AssertClose(actual.D, expected.D, tolerance, $"{where} d");
                Errors.AssertClose(actual.Td, expected.Td, tolerance, $"{where} td");
            }
        }
    }

    // L(e1, e2) = sum (dy + e2 tdy) F(theta + e1 unit_i + e2 tangent): its e1 is d_i, its e1 e2 is td_i.
    private static (double[] Y, double[] Ty, double[] D, double[] Td) Expected(
        Func<HyperDual[], HyperDual[]> forward,
        double[] theta,
        double[] tangent,
        double[] dy,
        double[] tdy
    )
    {
        var (d, td) = (new double[theta.Length], new double[theta.Length]);
        HyperDual[] y = [];
        for (var i = 0; i < theta.Length; i++)
        {
            y = forward([.. theta.Select((v, k) => new HyperDual(v, k == i ? 1 : 0, tangent[k]))]);
            HyperDual loss = 0;
            for (var j = 0; j < y.Length; j++)
                loss += y[j] * new HyperDual(dy[j], 0, tdy[j]);
            (d[i], td[i]) = (loss.A, loss.C);
        }

        return ([.. y.Select(v => v.V)], [.. y.Select(v => v.B)], d, td);
    }

    private static HyperDual Silu(HyperDual x) => x / (1 + Exp(0 - x));

    private static TestCaseData Normalization(int n, int h, int w, int c, int groups, bool silu)
    {
        var (inner, width) = (h * w, c / groups);
        HyperDual[] Forward(HyperDual[] theta)
        {
            var y = new HyperDual[n * inner * c];
            for (var group = 0; group < n * groups; group++)
            {
                var (sample, first) = (group / groups, group % groups * width);
                int[] at =
                [
                    .. Enumerable.Range(0, inner * width).Select(k => (((sample * inner) + (k / width)) * c) + first + (k % width)),
                ];
                HyperDual mean = 0,
                    variance = 0;
                foreach (var i in at)
                    mean += theta[i];
                mean /= at.Length;
                foreach (var i in at)
                    variance += (theta[i] - mean) * (theta[i] - mean);
                var root = Sqrt((variance / at.Length) + Epsilon);
                foreach (var i in at)
                {
                    var yn = (theta[y.Length + (i % c)] * ((theta[i] - mean) / root)) + theta[y.Length + c + (i % c)];
                    y[i] = silu ? Silu(yn) : yn;
                }
            }

            return y;
        }

        return Named(
            new Case(
                $"group norm {n}x{h}x{w}x{c}/{groups}{(silu ? " silu" : "")}",
                () => new GroupNorm("norm", c, groups, Epsilon, silu),
                [new Shape(n, h, w, c)],
                Forward
            )
        );
    }

    private static TestCaseData Resample(int n, int h, int w, int toH, int toW, int c)
    {
        HyperDual[] Forward(HyperDual[] theta) =>
            [
                .. Enumerable
                    .Range(0, n * toH * toW * c)
                    .Select(k =>
                    {
                        var (channel, j, i, sample) = (k % c, k / c % toW, k / c / toW % toH, k / c / toW / toH);
                        return theta[(((((sample * h) + (i * h / toH)) * w) + (j * w / toW)) * c) + channel];
                    }),
            ];
        return Named(new Case($"nearest {h}x{w} to {toH}x{toW}", () => new Upsample("up", toH, toW), [new Shape(n, h, w, c)], Forward));
    }

    private static TestCaseData Joined(int n, int inner, int[] widths)
    {
        var all = widths.Sum();
        HyperDual[] Forward(HyperDual[] theta)
        {
            var y = new HyperDual[n * inner * all];
            var (from, first) = (0, 0);
            foreach (var width in widths)
            {
                for (var row = 0; row < n * inner; row++)
                for (var c = 0; c < width; c++)
                    y[(row * all) + first + c] = theta[from++];
                first += width;
            }

            return y;
        }

        return Named(
            new Case(
                $"concat {n}x{inner}x{string.Join('+', widths)}",
                () => new Concat("join"),
                [.. widths.Select(w => new Shape(n, inner, w))],
                Forward
            )
        );
    }

    private static TestCaseData Modulated(int n, int inner, int c, bool scale)
    {
        var size = n * inner * c;
        HyperDual[] Forward(HyperDual[] theta) =>
            [
                .. Enumerable
                    .Range(0, size)
                    .Select(i =>
                    {
                        var (sample, channel) = (i / (inner * c), i % c);
                        return scale
                            ? (theta[i] * (1 + theta[size + (2 * sample * c) + channel])) + theta[size + (((2 * sample) + 1) * c) + channel]
                            : theta[i] + theta[size + (sample * c) + channel];
                    }),
            ];
        return Named(
            new Case(
                $"{(scale ? "scale and shift" : "shift")} {n}x{inner}x{c}",
                () => new Modulation("film", scale),
                [new Shape(n, inner, c), new Shape(n, scale ? 2 * c : c)],
                Forward
            )
        );
    }

    private static TestCaseData Sum(int n, double scale)
    {
        HyperDual[] Forward(HyperDual[] theta) => [.. Enumerable.Range(0, n).Select(i => scale * (theta[i] + theta[n + i]))];
        return Named(new Case($"add {n}", () => new Add("add", scale), [new Shape(1, n), new Shape(1, n)], Forward));
    }

    private static TestCaseData Looked(int[] ids, int rows, int width, int positions = 0)
    {
        HyperDual[] Forward(HyperDual[] theta) =>
            [.. ids.SelectMany(id => Enumerable.Range(0, width).Select(e => id < 0 ? (HyperDual)0 : theta[(id * width) + e]))];
        var name = $"embedding {ids.Length} of {rows}x{width}{(positions > 0 ? $" by {positions}" : "")}";
        return Named(new Case(name, () => new Embedding("table", rows, width), [], Forward, ids, positions));
    }

    internal static TestCaseData Named(Case test) => new TestCaseData(test).SetArgDisplayNames(test.Name);
}
