namespace Lur.Tests.Reference;

/// <summary>A number with a bound on what rounding did to it on the way, in units of the unit roundoff, to first order: the
/// running error analysis of Wilkinson (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.3).</summary>
/// <param name="Value">The number, in double.</param>
/// <param name="Error">Largest error of the same computation in a format of roundoff u, divided by u.</param>
internal readonly record struct Bounded(double Value, double Error)
{
    /// <summary>A number that is what it is: an input.</summary>
    public static implicit operator Bounded(double value) => new(value, 0);

    public static Bounded operator +(Bounded a, Bounded b) => Rounded(a.Value + b.Value, a.Error + b.Error);

    public static Bounded operator -(Bounded a, Bounded b) => Rounded(a.Value - b.Value, a.Error + b.Error);

    public static Bounded operator -(Bounded a) => new(-a.Value, a.Error);

    public static Bounded operator *(Bounded a, Bounded b) =>
        Rounded(a.Value * b.Value, (Math.Abs(a.Value) * b.Error) + (Math.Abs(b.Value) * a.Error));

    /// <summary>Division by a whole number, which is exact itself.</summary>
    public static Bounded operator /(Bounded a, int b) => Rounded(a.Value / b, a.Error / b);

    /// <summary>a^(-1/2), a root and a division.</summary>
    public static Bounded InverseRoot(Bounded a)
    {
        var root = 1 / Math.Sqrt(a.Value);
        return new Bounded(root, (root * a.Error / (2 * a.Value)) + (2 * root));
    }

    /// <summary>The numbers without their bounds.</summary>
    public static double[] Values(Bounded[] x) => Array.ConvertAll(x, e => e.Value);

    // 0 is exact: a difference of equals, a product with 0.
    private static Bounded Rounded(double value, double error) => new(value, error + Math.Abs(value));
}
