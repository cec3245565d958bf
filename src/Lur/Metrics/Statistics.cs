namespace Lur.Metrics;

/// <summary>An interval.</summary>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
public readonly record struct Interval(double Low, double High);

/// <summary>Mean over seeds.</summary>
/// <param name="Mean">Mean; NaN without values.</param>
/// <param name="Deviation">Sample standard deviation (divisor n - 1); NaN for fewer than two values.</param>
/// <param name="Count">Number of values.</param>
public sealed record SeedSummary(double Mean, double Deviation, int Count)
{
    /// <summary>Largest minus smallest value; 0 for fewer than two, and where only mean and deviation are known.</summary>
    public double Range { get; init; }

    /// <summary>Summarises values, one a seed.</summary>
    public static SeedSummary Of(IReadOnlyCollection<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var n = values.Count;
        var mean = n == 0 ? double.NaN : values.Average();
        return new SeedSummary(mean, n < 2 ? double.NaN : Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (n - 1)), n)
        {
            Range = n < 2 ? 0 : values.Max() - values.Min(),
        };
    }

    /// <summary>Confidence interval of the mean by Student's t with n - 1 degrees of freedom; NaN for fewer than two values.</summary>
    /// <param name="confidence">Coverage, between 0 and 1.</param>
    public Interval Confidence(double confidence = 0.95)
    {
        if (Count < 2)
            return new Interval(double.NaN, double.NaN);
        var half = Statistics.StudentQuantile((1 + confidence) / 2, Count - 1) * Deviation / Math.Sqrt(Count);
        return new Interval(Mean - half, Mean + half);
    }
}

/// <summary>Confidence intervals and the quantiles they need.</summary>
public static class Statistics
{
    private const int Bisections = 200;

    /// <summary>Score interval of a proportion (Wilson 1927): stays within [0, 1], and has a width at 0 and at 1.</summary>
    /// <param name="successes">Successes.</param>
    /// <param name="trials">Trials; without any the interval is [0, 1].</param>
    /// <param name="confidence">Coverage, between 0 and 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">Successes are not between 0 and the trials.</exception>
    public static Interval Wilson(long successes, long trials, double confidence = 0.95)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(successes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(successes, trials);
        if (trials == 0)
            return new Interval(0, 1);
        double n = trials,
            p = successes / n,
            z = NormalQuantile((1 + confidence) / 2),
            zz = z * z;
        var centre = (p + (zz / (2 * n))) / (1 + (zz / n));
        var half = z / (1 + (zz / n)) * Math.Sqrt((p * (1 - p) / n) + (zz / (4 * n * n)));
        // At the rims the exact ends are 0 and 1; rounding would leave them a hair inside or outside.
        return new Interval(successes == 0 ? 0 : centre - half, successes == trials ? 1 : centre + half);
    }

    /// <summary>The z with P(N(0, 1) &lt;= z) = <paramref name="p"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="p"/> is not within [1e-9, 1 - 1e-9].</exception>
    public static double NormalQuantile(double p) => Quantile(p, 7, NormalUpper);

    /// <summary>The t with P(T &lt;= t) = <paramref name="p"/> for Student's distribution.</summary>
    /// <param name="p">Probability.</param>
    /// <param name="degrees">Degrees of freedom, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">p is not within [1e-9, 1 - 1e-9], or there are no degrees of freedom.</exception>
    public static double StudentQuantile(double p, int degrees)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(degrees, 1);
        return Quantile(p, 1e10, t => StudentUpper(t, degrees));
    }

    /// <summary>Inverts an even density's distribution: half(t) is P(0 &lt;= X &lt;= t).</summary>
    private static double Quantile(double p, double bound, Func<double, double> half)
    {
        if (!(p is >= 1e-9 and <= 1 - 1e-9))
            throw new ArgumentOutOfRangeException(nameof(p));
        var target = Math.Abs(p - 0.5);
        var (low, high) = (0.0, bound);
        for (var i = 0; i < Bisections && low < high; i++)
        {
            var middle = low + ((high - low) / 2);
            if (half(middle) < target)
                low = middle;
            else
                high = middle;
        }

        return p < 0.5 ? -high : high;
    }

    /// <summary>P(0 &lt;= N(0, 1) &lt;= x): phi(x) (x + x^3/3 + x^5/(3 5) + ...), all terms positive (Marsaglia 2004).</summary>
    private static double NormalUpper(double x)
    {
        var (term, sum) = (x, 0.0);
        for (var k = 1; sum + term != sum; k++)
        {
            sum += term;
            term *= x * x / ((2 * k) + 1);
        }

        return sum * Math.Exp(-0.5 * x * x) / Math.Sqrt(2 * Math.PI);
    }

    /// <summary>P(0 &lt;= T &lt;= t): a finite trigonometric sum for whole degrees of freedom (Abramowitz and Stegun 26.7.3 and
    /// 26.7.4, which give P(|T| &lt;= t)).</summary>
    private static double StudentUpper(double t, int degrees)
    {
        var angle = Math.Atan2(t, Math.Sqrt(degrees));
        var (sine, cosine) = Math.SinCos(angle);
        var odd = degrees % 2 == 1;
        var (term, sum) = (odd ? cosine : 1.0, 0.0);
        for (var power = odd ? 1 : 0; power <= degrees - 2; power += 2)
        {
            sum += term;
            term *= (power + 1.0) / (power + 2) * cosine * cosine;
        }

        return 0.5 * (odd ? 2 / Math.PI * (angle + (sine * sum)) : sine * sum);
    }
}
