namespace Lur.Verification.Concepts;

/// <summary>AdamW (Loshchilov, Hutter 2019; beta 0.9 and 0.999, epsilon 1e-8) on the host, for the few numbers that an attack learns.</summary>
/// <param name="count">How many.</param>
/// <param name="rate">Rate.</param>
/// <param name="decay">Weight decay; each step takes rate * decay of a number away.</param>
internal sealed class HostAdam(int count, double rate, double decay)
{
    private const double Beta1 = 0.9,
        Beta2 = 0.999,
        Epsilon = 1e-8;
    private readonly double[] _m = new double[count],
        _v = new double[count];
    private int _steps;

    /// <summary>Makes a step.</summary>
    /// <param name="x">The numbers.</param>
    /// <param name="gradient">Their gradient.</param>
    public void Step(Span<double> x, ReadOnlySpan<double> gradient)
    {
        _steps++;
        double first = 1 - Math.Pow(Beta1, _steps),
            second = 1 - Math.Pow(Beta2, _steps);
        for (var i = 0; i < x.Length; i++)
        {
            _m[i] = (Beta1 * _m[i]) + ((1 - Beta1) * gradient[i]);
            _v[i] = (Beta2 * _v[i]) + ((1 - Beta2) * gradient[i] * gradient[i]);
            x[i] -= rate * ((decay * x[i]) + (_m[i] / first / (Math.Sqrt(_v[i] / second) + Epsilon)));
        }
    }
}
