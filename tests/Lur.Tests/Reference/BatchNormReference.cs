namespace Lur.Tests.Reference;

/// <summary>
/// Batch normalisation [rows, C] in float64, one formula after another as the papers have them, with the tangent passes
/// written as derivatives of the lines above them. Written to be read: nothing is fused or reused between passes. Every
/// number carries a bound on its rounding errors, which is the tolerance of a comparison.
/// </summary>
internal sealed class BatchNormReference
{
    private readonly int _rows,
        _channels;
    private readonly double[] _x;

    /// <summary>Train mode: statistics of the batch. eps as in torch.</summary>
    public BatchNormReference(double[] x, int channels, double eps)
    {
        (_x, _channels, _rows) = (x, channels, x.Length / channels);
        Mean = ColumnMean(Map((r, c) => At(x, r, c)));
        Variance = ColumnMean(Map((r, c) => (At(x, r, c) - Mean[c]) * (At(x, r, c) - Mean[c])));
        Rstd = Array.ConvertAll(Variance, v => Bounded.InverseRoot(v + eps));
    }

    /// <summary>Frozen mode: given statistics.</summary>
    public BatchNormReference(double[] x, int channels, double[] mean, double[] variance, double eps)
    {
        (_x, _channels, _rows) = (x, channels, x.Length / channels);
        (Mean, Variance, Frozen) = (Array.ConvertAll(mean, m => (Bounded)m), [], true);
        Rstd = Array.ConvertAll(variance, v => Bounded.InverseRoot((Bounded)v + eps));
    }

    public Bounded[] Mean { get; }

    /// <summary>Biased, as the normalisation uses it.</summary>
    public Bounded[] Variance { get; }

    public Bounded[] Rstd { get; }

    public bool Frozen { get; }

    public Bounded[] Normalized => Map((r, c) => (At(_x, r, c) - Mean[c]) * Rstd[c]);

    public Bounded[] Forward(double[] gamma, double[] beta, double[]? residual, bool relu)
    {
        var xh = Normalized;
        var v = Map((r, c) => (gamma[c] * At(xh, r, c)) + beta[c] + (residual is null ? 0 : At(residual, r, c)));
        return relu ? Array.ConvertAll(v, e => e with { Value = Math.Max(e.Value, 0) }) : v;
    }

    /// <summary>A gradient behind the activation with output y, seen before it.</summary>
    public static double[] Mask(double[] d, double[]? y) => y is null ? d : [.. d.Select((e, i) => y[i] > 0 ? e : 0)];

    public (Bounded[] Dx, Bounded[] Dgamma, Bounded[] Dbeta) Backward(double[] dy, double[]? y, double[] gamma)
    {
        var (d, xh) = (Exact(Mask(dy, y)), Normalized);
        var (a, b) = (ColumnMean(d), ColumnMean(Product(d, xh)));
        var dx = Map((r, c) => gamma[c] * Rstd[c] * (At(d, r, c) - (Frozen ? 0 : a[c] + (At(xh, r, c) * b[c]))));
        return (dx, Sums(b), Sums(a));
    }

    /// <summary>Tangents of xh and of rstd when x moves by tx.</summary>
    public (Bounded[] Normalized, Bounded[] Rstd) NormalizedTangent(double[] tx)
    {
        if (Frozen)
            return (Map((r, c) => Rstd[c] * At(tx, r, c)), new Bounded[_channels]);
        var xh = Normalized;
        var mean = ColumnMean(Exact(tx));
        var u = Map((r, c) => At(tx, r, c) - mean[c]);
        var q = ColumnMean(Product(xh, u));
        Bounded[] trstd = [.. q.Select((e, c) => -Rstd[c] * Rstd[c] * e)];
        return (Map((r, c) => (At(u, r, c) * Rstd[c]) + ((At(_x, r, c) - Mean[c]) * trstd[c])), trstd);
    }

    public Bounded[] ForwardTangent(double[] tx, double[]? tresidual, double[]? y, double[] gamma, double[] tgamma, double[] tbeta)
    {
        var xh = Normalized;
        var (txh, _) = NormalizedTangent(tx);
        return Map(
            (r, c) =>
                y is not null && At(y, r, c).Value <= 0
                    ? 0
                    : (gamma[c] * At(txh, r, c)) + (tgamma[c] * At(xh, r, c)) + tbeta[c] + (tresidual is null ? 0 : At(tresidual, r, c))
        );
    }

    public (Bounded[] Tdx, Bounded[] Tdgamma, Bounded[] Tdbeta) BackwardTangent(
        double[] tdy,
        double[] dy,
        double[]? y,
        double[] tx,
        double[] gamma,
        double[] tgamma
    )
    {
        var (d, td, xh) = (Exact(Mask(dy, y)), Exact(Mask(tdy, y)), Normalized);
        var (txh, trstd) = NormalizedTangent(tx);
        var (a, b) = (ColumnMean(d), ColumnMean(Product(d, xh)));
        var ta = ColumnMean(td);
        Bounded[] tb = [.. ColumnMean(Product(td, xh)).Zip(ColumnMean(Product(d, txh)), (p, q) => p + q)];
        var tdx = Map(
            (r, c) =>
            {
                var scale = gamma[c] * Rstd[c];
                var tscale = (tgamma[c] * Rstd[c]) + (gamma[c] * trstd[c]);
                if (Frozen)
                    return (tscale * At(d, r, c)) + (scale * At(td, r, c));
                return (tscale * (At(d, r, c) - a[c] - (At(xh, r, c) * b[c])))
                    + (scale * (At(td, r, c) - ta[c] - (At(txh, r, c) * b[c]) - (At(xh, r, c) * tb[c])));
            }
        );
        return (tdx, Sums(tb), Sums(ta));
    }

    private Bounded At(Bounded[] m, int r, int c) => m[(r * _channels) + c];

    private Bounded At(double[] m, int r, int c) => m[(r * _channels) + c];

    private Bounded[] Map(Func<int, int, Bounded> f) =>
        [.. Enumerable.Range(0, _rows * _channels).Select(i => f(i / _channels, i % _channels))];

    private static Bounded[] Exact(double[] x) => Array.ConvertAll(x, e => (Bounded)e);

    private static Bounded[] Product(Bounded[] a, Bounded[] b) => [.. a.Zip(b, (p, q) => p * q)];

    private Bounded[] Sums(Bounded[] means) => Array.ConvertAll(means, e => e * _rows);

    private Bounded[] ColumnMean(Bounded[] m) =>
        [
            .. Enumerable
                .Range(0, _channels)
                .Select(c => Enumerable.Range(0, _rows).Aggregate((Bounded)0, (sum, r) => sum + At(m, r, c)) / _rows),
        ];
}
