namespace Lur.Tests.Reference;

/// <summary>The dual of GEM with a margin in float64: minimise 1/2 v'Pv + d'v over v &gt;= margin, P = M M' + ridge I.</summary>
public static class BoxProblem
{
    /// <summary>P of memories given as rows.</summary>
    public static double[,] Matrix(double[][] memories, double ridge)
    {
        var t = memories.Length;
        var p = new double[t, t];
        for (var i = 0; i < t; i++)
        for (var j = 0; j < t; j++)
            p[i, j] = memories[i].Zip(memories[j], (a, b) => a * b).Sum() + (i == j ? ridge : 0);
        return p;
    }

    /// <summary>The objective.</summary>
    public static double Value(double[,] p, double[] d, double[] v)
    {
        double sum = 0;
        for (var i = 0; i < v.Length; i++)
        {
            sum += d[i] * v[i];
            for (var j = 0; j < v.Length; j++)
                sum += 0.5 * v[i] * p[i, j] * v[j];
        }
        return sum;
    }

    /// <summary>The solution by trying every set of coordinates at the margin: the one whose free coordinates solve their
    /// equations above the margin and whose others have a slope that keeps them there (Karush, Kuhn, Tucker).</summary>
    public static double[] Solve(double[,] p, double[] d, double margin)
    {
        var t = d.Length;
        for (var held = 0; held < 1 << t; held++)
        {
            int[] free = [.. Enumerable.Range(0, t).Where(i => (held >> i & 1) == 0)];
            var v = Enumerable.Repeat(margin, t).ToArray();
            var right = free.Select(i => -d[i] - Enumerable.Range(0, t).Except(free).Sum(j => p[i, j] * margin)).ToArray();
            var solved = Gauss(free.Select(i => free.Select(j => p[i, j]).ToArray()).ToArray(), right);
            for (var k = 0; k < free.Length; k++)
                v[free[k]] = solved[k];
            var feasible = v.All(x => x >= margin);
            var held_ = Enumerable.Range(0, t).Except(free).All(i => d[i] + Enumerable.Range(0, t).Sum(j => p[i, j] * v[j]) >= 0);
            if (feasible && held_)
                return v;
        }
        throw new InvalidOperationException("A strictly convex problem has a solution.");
    }

    /// <summary>What ScissorHands puts in place of g: g + M'v where a product is negative, else g.</summary>
    public static double[] Project(double[] g, double[][] memories, double margin, double ridge)
    {
        var d = memories.Select(m => m.Zip(g, (a, b) => a * b).Sum()).ToArray();
        if (d.All(x => x >= 0))
            return g;
        var v = Solve(Matrix(memories, ridge), d, margin);
        return [.. g.Select((x, k) => x + memories.Select((m, i) => v[i] * m[k]).Sum())];
    }

    private static double[] Gauss(double[][] a, double[] b)
    {
        var n = b.Length;
        for (var c = 0; c < n; c++)
        {
            var pivot = Enumerable.Range(c, n - c).MaxBy(r => Math.Abs(a[r][c]));
            (a[c], a[pivot], b[c], b[pivot]) = (a[pivot], a[c], b[pivot], b[c]);
            for (var r = c + 1; r < n; r++)
            {
                var f = a[r][c] / a[c][c];
                for (var k = c; k < n; k++)
                    a[r][k] -= f * a[c][k];
                b[r] -= f * b[c];
            }
        }
        for (var c = n - 1; c >= 0; c--)
        {
            for (var k = c + 1; k < n; k++)
                b[c] -= a[c][k] * b[k];
            b[c] /= a[c][c];
        }
        return b;
    }
}
