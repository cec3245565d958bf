namespace Lur.Verification.Concepts;

/// <summary>Adam (beta 0.9 and 0.999, epsilon 1e-8) on the host, for the few numbers that an attack learns.</summary>
/// <param name="count">How many.</param>
/// <param name="rate">Rate.</param>
/// <param name="decay">Weight decay.</param>
/// <param name="decoupled">True: AdamW (Loshchilov, Hutter 2019), a step takes rate * decay of a number away; false: it is part of the
/// gradient.</param>
internal sealed class HostAdam(int count, double rate, double decay, bool decoupled = true)
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
            var g = gradient[i] + (decoupled ? 0 : decay * x[i]);
            _m[i] = (Beta1 * _m[i]) + ((1 - Beta1) * g);
            _v[i] = (Beta2 * _v[i]) + ((1 - Beta2) * g * g);
            x[i] -= rate * ((decoupled ? decay * x[i] : 0) + (_m[i] / first / (Math.Sqrt(_v[i] / second) + Epsilon)));
        }
    }
}
