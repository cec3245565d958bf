using Lur.Tensors;
using Lur.Tests.Device;
using Lur.Tests.Reference;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>Influence unlearning against dense linear algebra in float64 on a network of a few hundred weights.</summary>
public class InfluenceTests
{
    private static double[] Add(double[] a, double f, double[] b) => [.. a.Zip(b, (x, y) => x + (f * y))];

    /// <summary>Gaussian elimination with pivoting.</summary>
    private static double[] Solve(double[][] matrix, double[] right)
    {
        var n = right.Length;
        double[][] a = [.. matrix.Select((row, i) => (double[])[.. row, right[i]])];
        for (var k = 0; k < n; k++)
        {
            var pivot = Enumerable.Range(k, n - k).MaxBy(i => Math.Abs(a[i][k]));
            (a[k], a[pivot]) = (a[pivot], a[k]);
            for (var i = k + 1; i < n; i++)
            {
                var f = a[i][k] / a[k][k];
                for (var j = k; j <= n; j++)
                    a[i][j] -= f * a[k][j];
            }
        }

        var x = new double[n];
        for (var i = n - 1; i >= 0; i--)
            x[i] = (a[i][n] - Enumerable.Range(i + 1, n - i - 1).Sum(j => a[i][j] * x[j])) / a[i][i];
        return x;
    }

    private static double[] Direction(MethodBench bench)
    {
        var (f, r) = (bench.Set.Forget, bench.Set.Retain);
        var (zero, all) = (new double[bench.Original.Length], (double)(f.Length + r.Length));
        var forget = f.Aggregate(zero, (sum, i) => Add(sum, 1, bench.Sample(i).Gradient));
        var retain = r.Aggregate(zero, (sum, i) => Add(sum, 1, bench.Sample(i).Gradient));
        return [.. forget.Zip(retain, (a, b) => (a / all) - (b * f.Length / (all * r.Length)))];
    }

    [Test]
    public void TheWoodburyFormIsTheDenseInverse([Values(0.01, 1)] double damping)
    {
        using var bench = new MethodBench();
        var v = Direction(bench);
        var n = v.Length;
        var gradients = bench.Set.Retain.Select(i => bench.Sample(i).Gradient).ToArray();
        double[][] fisher =
        [
            .. Enumerable
                .Range(0, n)
                .Select(i => Enumerable.Range(0, n).Select(j => (i == j ? damping : 0) + gradients.Average(g => g[i] * g[j])).ToArray()),
        ];
        var expected = Add(bench.Original, 3, Solve(fisher, v));
        bench.Run(
            "iu",
            ("iu", "woodbury"),
            ("alpha", "3"),
            ("samples", "1000"),
            ("damping", damping.ToString(System.Globalization.CultureInfo.InvariantCulture))
        );
        Errors.AssertClose(bench.Model.Parameters.ToArray(), expected, 1e-9, "theta");
    }

    [Test]
    public void ThePublishedRecursionIsRepeated([Values(5, 1000)] int samples)
    {
        using var bench = new MethodBench();
        var k = Direction(bench);
        double[]? o = null;
        foreach (var i in bench.Set.Retain.Take(samples + 2))
        {
            var g = bench.Sample(i).Gradient;
            if (o is null)
            {
                o = g;
                continue;
            }

            var t = Vectors.Dot(o, g);
            k = Add(k, -Vectors.Dot(k, g) / (samples + t), o);
            o = Add(o, -t / (samples + t), o);
        }

        bench.Run("iu", ("alpha", "10"), ("samples", samples.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        Errors.AssertClose(bench.Model.Parameters.ToArray(), Add(bench.Original, 10, k), 1e-9, "theta");
    }

    [Test]
    public void MoreGradientsThanWeightsAreNoTrouble()
    {
        // N > n: the N by N system is singular but for the damping.
        var random = TestRandom.ForCurrentTest();
        var layout = new ParameterLayout();
        layout.Add("x", ParameterKind.Matrix, new Shape(1, 3));
        FlatVector Vector(double[] values)
        {
            var vector = new FlatVector(TestDevices.Default, Lur.Device.Precision.Float64, layout, "x");
            vector.Set(values);
            return vector;
        }

        var rows = Enumerable.Range(0, 8).Select(_ => random.NormalArray(3)).ToArray();
        var v = random.NormalArray(3);
        double[][] fisher =
        [
            .. Enumerable
                .Range(0, 3)
                .Select(i => Enumerable.Range(0, 3).Select(j => (i == j ? 0.1 : 0) + rows.Average(g => g[i] * g[j])).ToArray()),
        ];
        var gradients = rows.Select(Vector).ToArray();
        using var x = Vector(v);
        WoodburyInverse.Apply(gradients, x, 0.1);
        Errors.AssertClose(x.ToArray(), Solve(fisher, v), 1e-12, "x");
        foreach (var g in gradients)
            g.Dispose();
    }
}
