using Lur.Layers;

namespace Lur.Tests.Reference;

/// <summary>q, k, v of all samples, or as many gradients or tangents.</summary>
internal sealed record Triple(double[] Q, double[] K, double[] V)
{
    public Triple Map(Func<double[], double[]> f) => new(f(Q), f(K), f(V));
}

/// <summary>Scaled dot-product attention in float64, each pass for each sample and head by itself, with whole matrices.</summary>
/// <remarks>With a causal mask the sums of a row go over the keys 0 to i alone. The row sums are
/// those of the outputs, r = sum of do o over the channels, where the product's are of the matrices.</remarks>
internal sealed class AttentionReference(AttentionShape shape, Triple x, bool causal = false)
{
    private delegate double[,] Sum(int rows, int columns, int terms, Func<int, int, int, double> term);

    private static readonly Sum Product = (rows, columns, terms, term) =>
    {
        var y = new double[rows, columns];
        for (var i = 0; i < rows; i++)
        for (var j = 0; j < columns; j++)
        for (var e = 0; e < terms; e++)
            y[i, j] += term(i, j, e);
        return y;
    };

    private double Scale => 1 / Math.Sqrt(shape.HeadWidth);

    public double[] Forward() => ByHead(h => [h.Attend().O])[0];

    /// <summary>log sum exp of each row, by sample, head and row.</summary>
    public double[] LogSums() => [.. Heads().SelectMany(h => h.Attend().Lse)];

    public double[] ForwardTangent(Triple t) => ByHead(h => [h.Tangent(t).To])[0];

    public Triple Backward(double[] dy)
    {
        var d = ByHead(h => h.Backward(dy));
        return new(d[0], d[1], d[2]);
    }

    public Triple BackwardTangent(Triple t, double[] dy, double[] tdy)
    {
        var d = ByHead(h => h.BackwardTangent(t, dy, tdy));
        return new(d[0], d[1], d[2]);
    }

    private IEnumerable<Head> Heads() =>
        from n in Enumerable.Range(0, shape.N)
        from h in Enumerable.Range(0, shape.Heads)
        select new Head(this, n, h);

    // The matrices that a head gives, put where the head's channels lie.
    private double[][] ByHead(Func<Head, double[][,]> pass)
    {
        double[][]? all = null;
        foreach (var head in Heads())
        {
            var parts = pass(head);
            all ??= [.. parts.Select(m => new double[shape.N * m.GetLength(0) * shape.C])];
            for (var p = 0; p < parts.Length; p++)
            for (var i = 0; i < parts[p].GetLength(0); i++)
            for (var d = 0; d < shape.HeadWidth; d++)
                all[p][head.At(i, d, parts[p].GetLength(0))] = parts[p][i, d];
        }

        return all!;
    }

    private sealed class Head(AttentionReference all, int n, int h)
    {
        private readonly int _l = all.Shape.L,
            _m = all.Shape.M,
            _d = all.Shape.HeadWidth;
        private readonly double _c = all.Scale;

        public int At(int row, int d, int rows) => (((n * rows) + row) * all.Shape.C) + (h * _d) + d;

        private double[,] Of(double[] x, int rows) => Product(rows, _d, 1, (i, d, _) => x[At(i, d, rows)]);

        private (double[,] Q, double[,] K, double[,] V) Of(Triple x) => (Of(x.Q, _l), Of(x.K, _m), Of(x.V, _m));

        public (double[,] P, double[,] O, double[] Lse) Attend()
        {
            var (q, k, v) = Of(all.X);
            var s = Product(_l, _m, _d, (i, j, d) => _c * q[i, d] * k[j, d]);
            int Seen(int i) => all.Causal ? Math.Min(_m, i + 1) : _m;
            double[] lse = [.. Enumerable.Range(0, _l).Select(i => LogSum([.. Enumerable.Range(0, Seen(i)).Select(j => s[i, j])]))];
            var p = Product(_l, _m, 1, (i, j, _) => j < Seen(i) ? Math.Exp(s[i, j] - lse[i]) : 0);
            return (p, Product(_l, _d, _m, (i, d, j) => p[i, j] * v[j, d]), lse);
        }

        // to = (P tS) v - w o + P tv
        public (double[,] Tp, double[,] To) Tangent(Triple t)
        {
            var ((q, k, v), (tq, tk, tv), (p, o, _)) = (Of(all.X), Of(t), Attend());
            var ts = Product(_l, _m, _d, (i, j, d) => _c * ((tq[i, d] * k[j, d]) + (q[i, d] * tk[j, d])));
            var w = Product(_l, 1, _m, (i, _, j) => p[i, j] * ts[i, j]);
            var products = Product(_l, _d, _m, (i, d, j) => (p[i, j] * ts[i, j] * v[j, d]) + (p[i, j] * tv[j, d]));
            var to = Product(_l, _d, 1, (i, d, _) => products[i, d] - (w[i, 0] * o[i, d]));
            return (Product(_l, _m, 1, (i, j, _) => p[i, j] * (ts[i, j] - w[i, 0])), to);
        }

        public double[][,] Backward(double[] dy)
        {
            var ((q, k, v), (p, o, _), g) = (Of(all.X), Attend(), Of(dy, _l));
            var dp = Product(_l, _m, _d, (i, j, d) => g[i, d] * v[j, d]);
            var r = Product(_l, 1, _d, (i, _, d) => g[i, d] * o[i, d]);
            var ds = Product(_l, _m, 1, (i, j, _) => p[i, j] * (dp[i, j] - r[i, 0]));
            return
            [
                Product(_l, _d, _m, (i, d, j) => _c * ds[i, j] * k[j, d]),
                Product(_m, _d, _l, (j, d, i) => _c * ds[i, j] * q[i, d]),
                Product(_m, _d, _l, (j, d, i) => p[i, j] * g[i, d]),
            ];
        }

        public double[][,] BackwardTangent(Triple t, double[] dy, double[] tdy)
        {
            var ((q, k, v), (tq, tk, tv), g, tg) = (Of(all.X), Of(t), Of(dy, _l), Of(tdy, _l));
            var ((p, o, _), (tp, to)) = (Attend(), Tangent(t));
            var dp = Product(_l, _m, _d, (i, j, d) => g[i, d] * v[j, d]);
            var tdp = Product(_l, _m, _d, (i, j, d) => (tg[i, d] * v[j, d]) + (g[i, d] * tv[j, d]));
            var r = Product(_l, 1, _d, (i, _, d) => g[i, d] * o[i, d]);
            var tr = Product(_l, 1, _d, (i, _, d) => (tg[i, d] * o[i, d]) + (g[i, d] * to[i, d]));
            var ds = Product(_l, _m, 1, (i, j, _) => p[i, j] * (dp[i, j] - r[i, 0]));
            var tds = Product(_l, _m, 1, (i, j, _) => (tp[i, j] * (dp[i, j] - r[i, 0])) + (p[i, j] * (tdp[i, j] - tr[i, 0])));
            return
            [
                Product(_l, _d, _m, (i, d, j) => _c * ((tds[i, j] * k[j, d]) + (ds[i, j] * tk[j, d]))),
                Product(_m, _d, _l, (j, d, i) => _c * ((tds[i, j] * q[i, d]) + (ds[i, j] * tq[i, d]))),
                Product(_m, _d, _l, (j, d, i) => (tp[i, j] * g[i, d]) + (p[i, j] * tg[i, d])),
            ];
        }

        private static double LogSum(double[] s) => s.Max() + Math.Log(s.Sum(v => Math.Exp(v - s.Max())));
    }

    private AttentionShape Shape => shape;

    private Triple X => x;

    private bool Causal => causal;
}
