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

    // f(x), f'(x), f''(x) at x.V.
    private static HyperDual Apply(HyperDual x, double f, double first, double second) =>
        new(f, first * x.A, first * x.B, (first * x.C) + (second * x.A * x.B));
}
