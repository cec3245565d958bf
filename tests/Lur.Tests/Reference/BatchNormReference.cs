namespace Lur.Tests.Reference;

/// <summary>
/// Batch normalisation [rows, C] in float64, one formula after another as the papers have them, with the tangent passes
/// written as derivatives of the lines above them. Written to be read: nothing is fused or reused between passes.
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
        Mean = ColumnMean(x);
        Variance = ColumnMean(Map((r, c) => Math.Pow(At(x, r, c) - Mean[c], 2)));
        Rstd = [.. Variance.Select(v => 1 / Math.Sqrt(v + eps))];
    }

    /// <summary>Frozen mode: given statistics.</summary>
    public BatchNormReference(double[] x, int channels, double[] mean, double[] rstd)
    {
        (_x, _channels, _rows) = (x, channels, x.Length / channels);
        (Mean, Rstd, Variance, Frozen) = (mean, rstd, [], true);
    }

    public double[] Mean { get; }

    /// <summary>Biased, as the normalisation uses it.</summary>
    public double[] Variance { get; }

    public double[] Rstd { get; }

    public bool Frozen { get; }

    public double[] Normalized => Map((r, c) => (At(_x, r, c) - Mean[c]) * Rstd[c]);

    public double[] Forward(double[] gamma, double[] beta, double[]? residual, bool relu)
    {
        var xh = Normalized;
        var v = Map((r, c) => gamma[c] * At(xh, r, c) + beta[c] + (residual is null ? 0 : At(residual, r, c)));
        return relu ? [.. v.Select(e => Math.Max(e, 0))] : v;
    }

    /// <summary>A gradient behind the activation with output y, seen before it.</summary>
    public static double[] Mask(double[] d, double[]? y) => y is null ? d : [.. d.Select((e, i) => y[i] > 0 ? e : 0)];

    public (double[] Dx, double[] Dgamma, double[] Dbeta) Backward(double[] dy, double[]? y, double[] gamma)
    {
        var d = Mask(dy, y);
        var xh = Normalized;
        var a = ColumnMean(d);
        var b = ColumnMean(Product(d, xh));
        var dx = Map((r, c) => gamma[c] * Rstd[c] * (At(d, r, c) - (Frozen ? 0 : a[c] + At(xh, r, c) * b[c])));
        return (dx, [.. b.Select(e => e * _rows)], [.. a.Select(e => e * _rows)]);
    }

    /// <summary>Tangents of xh and of rstd when x moves by tx.</summary>
    public (double[] Normalized, double[] Rstd) NormalizedTangent(double[] tx)
    {
        if (Frozen)
            return (Map((r, c) => Rstd[c] * At(tx, r, c)), new double[_channels]);
        var xh = Normalized;
        var mean = ColumnMean(tx);
        var u = Map((r, c) => At(tx, r, c) - mean[c]);
        var q = ColumnMean(Product(xh, u));
        double[] trstd = [.. q.Select((e, c) => -Rstd[c] * Rstd[c] * e)];
        return (Map((r, c) => At(u, r, c) * Rstd[c] + (At(_x, r, c) - Mean[c]) * trstd[c]), trstd);
    }

    public double[] ForwardTangent(double[] tx, double[]? tresidual, double[]? y, double[] gamma, double[] tgamma, double[] tbeta)
    {
        var xh = Normalized;
        var (txh, _) = NormalizedTangent(tx);
        return Mask(
            Map((r, c) => gamma[c] * At(txh, r, c) + tgamma[c] * At(xh, r, c) + tbeta[c] + (tresidual is null ? 0 : At(tresidual, r, c))),
            y
        );
    }

    public (double[] Tdx, double[] Tdgamma, double[] Tdbeta) BackwardTangent(
        double[] tdy,
        double[] dy,
        double[]? y,
        double[] tx,
        double[] gamma,
        double[] tgamma
    )
    {
        var (d, td, xh) = (Mask(dy, y), Mask(tdy, y), Normalized);
        var (txh, trstd) = NormalizedTangent(tx);
        var (a, b) = (ColumnMean(d), ColumnMean(Product(d, xh)));
        var ta = ColumnMean(td);
        double[] tb = [.. ColumnMean(Product(td, xh)).Zip(ColumnMean(Product(d, txh)), (p, q) => p + q)];
        var tdx = Map(
            (r, c) =>
            {
                var scale = gamma[c] * Rstd[c];
                var tscale = tgamma[c] * Rstd[c] + gamma[c] * trstd[c];
                if (Frozen)
                    return tscale * At(d, r, c) + scale * At(td, r, c);
                return tscale * (At(d, r, c) - a[c] - At(xh, r, c) * b[c])
                    + scale * (At(td, r, c) - ta[c] - At(txh, r, c) * b[c] - At(xh, r, c) * tb[c]);
            }
        );
        return (tdx, [.. tb.Select(e => e * _rows)], [.. ta.Select(e => e * _rows)]);
    }

    private double At(double[] m, int r, int c) => m[r * _channels + c];

    private double[] Map(Func<int, int, double> f) =>
        [.. Enumerable.Range(0, _rows * _channels).Select(i => f(i / _channels, i % _channels))];

    private static double[] Product(double[] a, double[] b) => [.. a.Zip(b, (p, q) => p * q)];

    private double[] ColumnMean(double[] m) =>
        [.. Enumerable.Range(0, _channels).Select(c => Enumerable.Range(0, _rows).Sum(r => At(m, r, c)) / _rows)];
}
