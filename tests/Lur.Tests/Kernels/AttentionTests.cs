using Lur.Device;
using Lur.Layers;
using Lur.Tests.Device;
using Lur.Tests.Reference;
using static Lur.Tests.Reference.Vectors;

namespace Lur.Tests.Kernels;

/// <summary>attention.cu and the products around it against attention by its definition, see AttentionReference.</summary>
public class AttentionTests
{
    // N, L, M, C, heads, and elements of a matrix of scratch: 0 for what the operator chooses, else so few that it takes some
    // samples, some heads or some rows at a time. 300 is above a block of 256 and not a multiple of 32.
    private static readonly (AttentionShape Shape, int Elements)[] Shapes =
    [
        (new(1, 1, 1, 1, 1), 0),
        (new(3, 5, 1, 4, 1), 0),
        (new(2, 1, 5, 3, 3), 0),
        (new(2, 7, 13, 6, 2), 0),
        (new(1, 13, 7, 6, 3), 0),
        (new(1, 3, 300, 2, 1), 0),
        (new(5, 7, 3, 4, 2), 2 * 21), // two samples at a time, one at the end
        (new(2, 5, 4, 6, 3), 2 * 20), // two heads at a time, one at the end
        (new(2, 7, 13, 6, 2), 3 * 13), // three rows at a time, one at the end
        (new(1, 5, 11, 4, 2), 1), // a row at a time
    ];

    private static Triple Draw(TestRandom random, Precision precision, AttentionShape s)
    {
        double[] Of(int rows) => precision.Round(random.NormalArray((long)s.N * rows * s.C));
        return new(Of(s.L), Of(s.M), Of(s.M));
    }

    private static double[]?[] All(Triple t) => [t.Q, t.K, t.V];

    // Sums of products of order 1 of depth D, M, L at most, each with an error of some u times the square root of its depth
    // (300 at most), over four maps in a row; scores of order 3 turn absolute errors into relative ones of the exponential.
    private static double Tolerance(Precision precision) => 200 * precision.Unit();

    private static void AssertClose(Triple actual, Triple expected, Triple? before, double relative, string what)
    {
        double[] With(double[]? start, double[] d) => start is null ? d : Along(start, 1, d);
        Vectors.AssertClose(actual.K, With(before?.K, expected.K), relative, 1, $"{what} k");
        Vectors.AssertClose(actual.V, With(before?.V, expected.V), relative, 1, $"{what} v");
        Vectors.AssertClose(actual.Q, With(before?.Q, expected.Q), relative, 1, $"{what} q");
    }

    [Test]
    public void AllPasses([ValueSource(typeof(KernelScope), nameof(KernelScope.Precisions))] Precision precision, [Values] bool causal)
    {
        var random = TestRandom.ForCurrentTest();
        var close = Tolerance(precision);
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var (shape, elements) in Shapes)
        {
            var (x, t, before) = (Draw(random, precision, shape), Draw(random, precision, shape), Draw(random, precision, shape));
            double[] dy = Draw(random, precision, shape).Q,
                tdy = Draw(random, precision, shape).Q;
            var reference = new AttentionReference(shape, x, causal);
            using var bench = new AttentionBench(test, precision, shape, x, elements, causal);
            var (o, lse) = bench.Forward();
            Vectors.AssertClose(o, reference.Forward(), close, 1, $"{bench.Name} o");
            Vectors.AssertClose([.. lse.Order()], [.. reference.LogSums().Order()], close, 1, $"{bench.Name} lse, in any order");
            AssertClose(bench.Backward(dy), reference.Backward(dy), null, close, $"{bench.Name} d written");
            AssertClose(bench.Backward(dy, before), reference.Backward(dy), before, close, $"{bench.Name} d added");
            Vectors.AssertClose(bench.ForwardTangent(All(t)), reference.ForwardTangent(t), close, 1, $"{bench.Name} to");
            var td = reference.BackwardTangent(t, dy, tdy);
            AssertClose(bench.BackwardTangent(All(t), dy, tdy), td, null, close, $"{bench.Name} td written");
            AssertClose(bench.BackwardTangent(All(t), dy, tdy, before), td, before, close, $"{bench.Name} td added");
        }
    }

    /// <summary>The first query sees the first key alone, exactly, whatever the others are, and gives them nothing.</summary>
    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void AKeyBehindTheQueryHasNoPart(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        var shape = new AttentionShape(1, 5, 5, 2, 1);
        foreach (var test in TestDevices.AllBlockSizes())
        {
            var x = Draw(random, precision, shape);
            (x.K[9], x.V[9]) = (1e4, 1e4); // of the last key
            double[] dy = [1, 2, .. new double[8]];
            using var bench = new AttentionBench(test, precision, shape, x, 0, causal: true);
            Errors.AssertSame(bench.Forward().O[..2], x.V[..2], $"{bench.Name} o");
            var d = bench.Backward(dy);
            Errors.AssertSame(d.V, dy, $"{bench.Name} dv");
            Errors.AssertSame([.. d.Q.Concat(d.K).Select(Math.Abs)], new double[20], $"{bench.Name} dq, dk");
        }
    }

    /// <summary>A tangent that is left out is one of zeros.</summary>
    [Test]
    public void TangentsMayBeLeftOut([Values(1, 2, 3, 5, 6, 7)] int present)
    {
        var random = TestRandom.ForCurrentTest();
        var shape = new AttentionShape(2, 5, 3, 4, 2);
        var (x, drawn) = (Draw(random, Precision.Float64, shape), Draw(random, Precision.Float64, shape));
        double[]?[] t = [.. All(drawn).Select((values, i) => (present >> i & 1) == 1 ? values : null)];
        double[][] zeros = [.. t.Zip(All(drawn), (values, size) => values ?? new double[size!.Length])];
        var full = new Triple(zeros[0], zeros[1], zeros[2]);
        var (dy, tdy) = (Draw(random, Precision.Float64, shape).Q, Draw(random, Precision.Float64, shape).Q);
        var reference = new AttentionReference(shape, x);
        using var bench = new AttentionBench(TestDevices.All.First(), Precision.Float64, shape, x);
        _ = bench.Forward();
        var close = Tolerance(Precision.Float64);
        Vectors.AssertClose(bench.ForwardTangent(t), reference.ForwardTangent(full), close, 1, "to");
        AssertClose(bench.BackwardTangent(t, dy, tdy), reference.BackwardTangent(full, dy, tdy), null, close, "td");
    }

    /// <summary>q, k and v are one value: its gradient is the sum, also where a matrix is taken in rows.</summary>
    [Test]
    public void GradientsOfOneValueAddUp([Values(0, 2 * 7, 1)] int elements)
    {
        var random = TestRandom.ForCurrentTest();
        var shape = new AttentionShape(2, 7, 7, 6, 2);
        var one = Draw(random, Precision.Float64, shape).Q;
        var dy = Draw(random, Precision.Float64, shape).Q;
        var d = new AttentionReference(shape, new Triple(one, one, one)).Backward(dy);
        using var bench = new AttentionBench(TestDevices.All.First(), Precision.Float64, shape, new Triple(one, one, one), elements);
        _ = bench.Forward();
        Vectors.AssertClose(bench.BackwardToOne(dy), Along(Along(d.Q, 1, d.K), 1, d.V), Tolerance(Precision.Float64), 1, "d");
    }

    /// <summary>Scores of thousands: without the shift by the largest, every exponential overflows. And rows of which one key takes
    /// all, so that every derivative of P is 0.</summary>
    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void LargeScoresDoNotOverflow(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        var shape = new AttentionShape(2, 4, 41, 1, 1);
        // By sample the key that is largest for a query above 0, and the one for a query below: within vectors of any width, at the
        // beginning and behind the last whole one.
        (int Above, int Below)[] keys = [(21, 38), (40, 0)];
        double[] k = new double[82],
            q = [64, -64, 64, -64, 64, 64, -64, -64];
        foreach (var (n, (above, below)) in keys.Index())
            (k[(41 * n) + above], k[(41 * n) + below]) = (64, -64);
        foreach (var test in TestDevices.AllBlockSizes())
        {
            double[] v = precision.Round(random.NormalArray(82)),
                dy = precision.Round(random.NormalArray(8)),
                expected = [.. q.Select((x, i) => v[(41 * (i / 4)) + (x > 0 ? keys[i / 4].Above : keys[i / 4].Below)])];
            using var bench = new AttentionBench(test, precision, shape, new Triple(q, k, v));
            Errors.AssertSame(bench.Forward().O, expected, $"{bench.Name} o");
            var d = bench.Backward(dy);
            Errors.AssertSame([.. d.Q.Concat(d.K).Select(Math.Abs)], new double[90], $"{bench.Name} dq, dk");
        }
    }

    [Test]
    public void ANaNStaysInItsRows()
    {
        var random = TestRandom.ForCurrentTest();
        var shape = new AttentionShape(1, 5, 70, 2, 1);
        foreach (var test in TestDevices.AllBlockSizes())
        {
            var x = Draw(random, Precision.Float32, shape);
            x.Q[4] = double.NaN; // channel 0 of row 2
            using var bench = new AttentionBench(test, Precision.Float32, shape, x);
            Assert.That(bench.Forward().O.Select(double.IsNaN), Is.EqualTo(Enumerable.Range(0, 10).Select(i => i / 2 == 2)), bench.Name);
        }
    }

    [TestCase(1, 0, 1, 1, 1, "at least 1")]
    [TestCase(1, 1, 1, 6, 4, "4 heads do not divide 6 channels")]
    [TestCase(1 << 16, 1 << 10, 1, 32, 1, "use a smaller batch")]
    public void ShapesThatCannotBeAreNamed(int n, int l, int m, int c, int heads, string part) =>
        Assert.That(() => new AttentionShape(n, l, m, c, heads).Validate(), Throws.ArgumentException.With.Message.Contains(part));
}
