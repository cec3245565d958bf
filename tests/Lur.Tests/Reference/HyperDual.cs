namespace Lur.Tests.Reference;

/// <summary>v + a e1 + b e2 + c e1 e2 with e1^2 = e2^2 = 0 (Fike and Alonso 2011): a function of such numbers gives its first
/// derivatives along e1 and e2 and the mixed second one, exact to rounding, from its definition alone.</summary>
internal readonly record struct HyperDual(double V, double A = 0, double B = 0, double C = 0)
{
    public static implicit operator HyperDual(double v) => new(v);

    public static HyperDual operator +(HyperDual x, HyperDual y) => new(x.V + y.V, x.A + y.A, x.B + y.B, x.C + y.C);

    public static HyperDual operator -(HyperDual x, HyperDual y) => new(x.V - y.V, x.A - y.A, x.B - y.B, x.C - y.C);

    public static HyperDual operator *(HyperDual x, HyperDual y) =>
        new(x.V * y.V, (x.A * y.V) + (x.V * y.A), (x.B * y.V) + (x.V * y.B), (x.C * y.V) + (x.A * y.B) + (x.B * y.A) + (x.V * y.C));

    public static HyperDual operator /(HyperDual x, HyperDual y) => x * Apply(y, 1 / y.V, -1 / (y.V * y.V), 2 / (y.V * y.V * y.V));

    public static HyperDual Exp(HyperDual x)
    {
        var e = Math.Exp(x.V);
        return Apply(x, e, e, e);
    }

    public static HyperDual Sqrt(HyperDual x)
    {
        var r = Math.Sqrt(x.V);
        return Apply(x, r, 0.5 / r, -0.25 / (r * r * r));
    }

    /// <summary>The distribution function of the standard normal: 1/2 + phi(x) (x + x^3/3 + x^5/(3 5) + ...) (Marsaglia 2004).</summary>
    public static HyperDual NormalCdf(HyperDual x)
    {
        var (density, sum, term) = (Math.Exp(-x.V * x.V / 2) / Math.Sqrt(2 * Math.PI), 0.0, x.V);
        for (var k = 3; Math.Abs(term) > 1e-18; k += 2)
        {
            sum += term;
            term *= x.V * x.V / k;
        }

        return Apply(x, 0.5 + (density * sum), density, -x.V * density);
    }

    // f(x), f'(x), f''(x) at x.V.
    private static HyperDual Apply(HyperDual x, double f, double first, double second) =>
        new(f, first * x.A, first * x.B, (first * x.C) + (second * x.A * x.B));
}
