using Lur.Device;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

public class BatchNormTests
{
    // rows, channels, chunks. Channels: 1, odd, prime, whole vectors, one above them, and 125 = 64 + 32 + 16 + 13, which takes
    // every panel width of every vector width. Chunks: one, several of unequal length, more than rows.
    private static readonly (int Rows, int Channels, int Chunks)[] Shapes =
    [
        (1, 1, 1),
        (2, 3, 1),
        (7, 5, 9),
        (33, 16, 4),
        (31, 17, 3),
        (66, 33, 5),
        (29, 125, 2),
        (12, 64, 1),
    ];

    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void AllPassesMatchTheReference(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        {
            var flags = 0;
            foreach (var shape in Shapes)
            {
                // Every combination of ReLU, residual and mode comes by in the eight shapes.
                using var bench = new KernelScope(test, precision);
                var (relu, residual, frozen) = ((flags & 1) != 0, (flags & 2) != 0, (flags++ & 4) != 0);
                CompareAllPasses(bench, random, shape, relu, residual, frozen, atOnce: false);
                CompareAllPasses(bench, random, shape, relu, residual, frozen, atOnce: true);
            }
        }
    }

    private static void CompareAllPasses(
        KernelScope bench,
        TestRandom random,
        (int Rows, int Channels, int Chunks) shape,
        bool relu,
        bool residual,
        bool frozen,
        bool atOnce
    )
    {
        var (rows, channels, chunks) = shape;
        var n = rows * channels;
        var inputs = BatchNormInputs.Random(random, rows, channels, residual).Rounded(bench);
        var t = BatchNormInputs.Random(random, rows, channels, residual).Rounded(bench);
        var (dy, tdy) = (bench.Precision.Round(random.NormalArray(n)), bench.Precision.Round(random.NormalArray(n)));
        var statistics = (
            Mean: bench.Precision.Round(random.NormalArray(channels)),
            Var: bench.Precision.Round(random.UniformArray(channels, 0.5, 2))
        );
        var what =
            $"{bench.Name} [{rows}, {channels}] in "
            + $"{chunks}{(relu ? " relu" : "")}{(residual ? " residual" : "")}{(frozen ? " frozen" : "")}{(atOnce ? " at once" : "")}";

        var actual = new BatchNormBench(bench, inputs, chunks, relu, frozen ? statistics : null, null, atOnce);
        var expected = frozen
            ? new BatchNormReference(inputs.X, channels, statistics.Mean, statistics.Var, BatchNormBench.Eps)
            : new BatchNormReference(inputs.X, channels, BatchNormBench.Eps);
        void Close(double[] a, Bounded[] e, string name) => Errors.AssertWithin(a, Bounded.Values(e), Allowed(bench, e), $"{what} {name}");

        Close(actual.Mean, expected.Mean, "mean");
        Close(actual.Rstd, expected.Rstd, "rstd");
        var y = actual.Y;
        Close(y, expected.Forward(inputs.Gamma, inputs.Beta, inputs.Residual, relu), "y");
        var mask = relu ? y : null;

        var (dx, dgamma, dbeta) = expected.Backward(dy, mask, inputs.Gamma);
        var gradient = actual.Backward(dy);
        Close(gradient.X, dx, "dx");
        Close(gradient.Gamma, dgamma, "dgamma");
        Close(gradient.Beta, dbeta, "dbeta");
        if (residual)
            Errors.AssertSame(gradient.Residual!, BatchNormReference.Mask(dy, mask), $"{what} dresidual");

        var ty = expected.ForwardTangent(t.X, t.Residual, mask, inputs.Gamma, t.Gamma, t.Beta);
        Close(actual.ForwardTangent(t), ty, "ty");

        var (tdx, tdgamma, tdbeta) = expected.BackwardTangent(tdy, dy, mask, t.X, inputs.Gamma, t.Gamma);
        foreach (var pair in new[] { false, true })
        {
            var (tangent, dxAgain, dresidual) = actual.BackwardTangent(dy, tdy, t, pair);
            Close(tangent.X, tdx, "tdx");
            Close(tangent.Gamma, tdgamma, "tdgamma");
            Close(tangent.Beta, tdbeta, "tdbeta");
            if (residual)
                Errors.AssertSame(tangent.Residual!, BatchNormReference.Mask(tdy, mask), $"{what} tdresidual");
            if (pair)
                Close(dxAgain!, dx, "dx of the pair");
            if (pair && residual)
                Errors.AssertSame(dresidual!, BatchNormReference.Mask(dy, mask), $"{what} dresidual of the pair");
        }
    }

    /// <summary>Four times what rounding does to the formulas at worst: the kernels have them in another order, with scales
    /// multiplied beforehand and sums in chunks, and in double the reference itself rounds as much.</summary>
    private static double[] Allowed(KernelScope bench, Bounded[] expected) =>
        Array.ConvertAll(expected, e => 4 * e.Error * bench.Precision.Unit());

    [Test]
    public void DerivativesMatchFiniteDifferences([Values] bool relu, [Values] bool residual, [Values] bool frozen)
    {
        var random = TestRandom.ForCurrentTest();
        const int rows = 7,
            channels = 5,
            chunks = 3;
        (double[], double[])? statistics = frozen ? (random.NormalArray(channels), random.UniformArray(channels, 0.5, 2)) : null;
        var inputs = WithoutKinks(random, rows, channels, residual, statistics);
        var t = BatchNormInputs.Random(random, rows, channels, residual);
        var (dy, tdy) = (random.NormalArray(rows * channels), random.NormalArray(rows * channels));
        foreach (var test in TestDevices.All)
        {
            using var bench = new KernelScope(test, Precision.Float64);
            BatchNormBench At(BatchNormInputs i)
            {
                return new BatchNormBench(bench, i, chunks, relu, statistics);
            }
            var here = At(inputs);
            var ty = Vectors.Derivative(h => At(inputs.Along(h, t)).Y);
            Errors.AssertClose(here.ForwardTangent(t), ty, 1e-9, $"{bench.Name} forward tangent");

            // One coordinate after the other; on the device that runs every thread, a direction, which costs a hundredth.
            var (gradient, count) = (here.Backward(dy), inputs.Flat.Length);
            double Slope(BatchNormInputs direction)
            {
                return Vectors.Derivative(h => [Vectors.Dot(dy, At(inputs.Along(h, direction)).Y)])[0];
            }
            var (actual, slopes) = test.ChecksMemory
                ? ([Vectors.Dot(gradient.Flat, t.Flat)], [Slope(t)])
                : (gradient.Flat, Enumerable.Range(0, count).Select(k => Slope(Unit(count, k, rows, channels, residual))).ToArray());
            Vectors.AssertClose(actual, slopes, 1e-9, 1, $"{bench.Name} gradient");

            var curvature = Vectors.Derivative(h => At(inputs.Along(h, t)).Backward(Vectors.Along(dy, h, tdy)).Flat);
            Errors.AssertClose(here.BackwardTangent(dy, tdy, t, false).Tangent.Flat, curvature, 1e-9, $"{bench.Name} backward tangent");
        }
    }

    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void BackwardIsTheAdjointOfForwardTangentAndTheHessianIsSymmetric(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.All)
        foreach (var relu in new[] { false, true })
        foreach (var frozen in new[] { false, true })
        {
            using var bench = new KernelScope(test, precision);
            const int rows = 31,
                channels = 19,
                n = rows * channels;
            var inputs = BatchNormInputs.Random(random, rows, channels, true);
            (double[], double[])? statistics = frozen ? (random.NormalArray(channels), random.UniformArray(channels, 0.5, 2)) : null;
            var layer = new BatchNormBench(bench, inputs, 2, relu, statistics);
            var (s, t) = (BatchNormInputs.Random(random, rows, channels, true), BatchNormInputs.Random(random, rows, channels, true));
            var dy = random.NormalArray(n);
            // Every entry is good to (rows + 40) roundings of the largest, as above; norms of the vectors as the scale.
            var tolerance = (rows + 40) * bench.Precision.Unit();
            var name = $"{bench.Name}{(relu ? " relu" : "")}{(frozen ? " frozen" : "")}";
            Vectors.AssertSameProduct(layer.Backward(dy).Flat, t.Flat, dy, layer.ForwardTangent(t), tolerance, $"{name} adjoint");
            var zero = new double[n];
            var (hs, ht) = (layer.BackwardTangent(dy, zero, s, false).Tangent, layer.BackwardTangent(dy, zero, t, false).Tangent);
            Vectors.AssertSameProduct(hs.Flat, t.Flat, ht.Flat, s.Flat, tolerance, $"{name} symmetry");
        }
    }

    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void AccumulatesAndWorksInPlace(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.All)
        {
            using var bench = new KernelScope(test, precision);
            var (inputs, before) = (
                BatchNormInputs.Random(random, 13, 11, true),
                BatchNormInputs.Random(random, 13, 11, true).Rounded(bench)
            );
            var t = BatchNormInputs.Random(random, 13, 11, true);
            var (dy, tdy) = (random.NormalArray(13 * 11), random.NormalArray(13 * 11));
            var layer = new BatchNormBench(bench, inputs, 2, true);
            var (written, added) = (layer.Backward(dy), layer.Backward(dy, before, inPlace: true));
            Errors.AssertSame(added.X, written.X, $"{bench.Name} dx in place of dy");
            // One more addition, which may be fused with the last operation before it.
            Errors.AssertClose(
                added.Gamma,
                Vectors.Along(before.Gamma, 1, written.Gamma),
                4 * bench.Precision.Unit(),
                $"{bench.Name} dgamma"
            );
            Errors.AssertClose(added.Beta, Vectors.Along(before.Beta, 1, written.Beta), 4 * bench.Precision.Unit(), $"{bench.Name} dbeta");
            Errors.AssertClose(
                added.Residual!,
                Vectors.Along(before.Residual!, 1, written.Residual!),
                4 * bench.Precision.Unit(),
                $"{bench.Name} dresidual"
            );
            var (tangent, _, dresidual) = layer.BackwardTangent(dy, tdy, t, true, before);
            var (plain, _, _) = layer.BackwardTangent(dy, tdy, t, true);
            Errors.AssertClose(
                tangent.Residual!,
                Vectors.Along(before.Residual!, 1, plain.Residual!),
                4 * bench.Precision.Unit(),
                $"{bench.Name} tdresidual"
            );
            Errors.AssertClose(dresidual!, added.Residual!, 4 * bench.Precision.Unit(), $"{bench.Name} dresidual of the pair");
            Errors.AssertClose(
                tangent.Gamma,
                Vectors.Along(before.Gamma, 1, plain.Gamma),
                4 * bench.Precision.Unit(),
                $"{bench.Name} tdgamma"
            );
        }
    }

    private static BatchNormInputs Unit(int length, int k, int rows, int channels, bool residual)
    {
        var e = new double[length];
        e[k] = 1;
        var n = rows * channels;
        return new BatchNormInputs(
            e[..n],
            e[n..(n + channels)],
            e[(n + channels)..(n + 2 * channels)],
            residual ? e[(n + 2 * channels)..] : null
        );
    }

    /// <summary>Inputs whose pre-activations stay clear of 0 over the whole difference stencil, so that no ReLU switches.</summary>
    private static BatchNormInputs WithoutKinks(
        TestRandom random,
        int rows,
        int channels,
        bool residual,
        (double[] Mean, double[] Var)? frozen
    )
    {
        while (true)
        {
            var i = BatchNormInputs.Random(random, rows, channels, residual);
            var reference = frozen is { } f
                ? new BatchNormReference(i.X, channels, f.Mean, f.Var, BatchNormBench.Eps)
                : new BatchNormReference(i.X, channels, BatchNormBench.Eps);
            if (reference.Forward(i.Gamma, i.Beta, i.Residual, false).Min(v => Math.Abs(v.Value)) > 0.01)
                return i;
        }
    }
}
