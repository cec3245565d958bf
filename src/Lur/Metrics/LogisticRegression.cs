namespace Lur.Metrics;

/// <summary>Logistic regression on one feature with an L2 penalty, P(y = 1 | x) = 1 / (1 + exp(-(w x + b))): minimises
/// w^2 / 2 + C sum_i log(1 + exp(-y_i (w x_i + b))), y = 1 or -1, the intercept b unpenalised. With C = 1 this is scikit-learn's
/// default.</summary>
/// <param name="Weight">w.</param>
/// <param name="Intercept">b.</param>
public sealed record LogisticRegression(double Weight, double Intercept)
{
    private const int MaxIterations = 100;
    private const double GradientTolerance = 1e-10;

    /// <summary>Fits by Newton's method with backtracking (iteratively reweighted least squares).</summary>
    /// <param name="x">Feature of each sample, finite.</param>
    /// <param name="positive">Label of each sample; both labels occur.</param>
    /// <param name="c">Inverse strength of the penalty.</param>
    /// <exception cref="ArgumentException">One label is absent (the intercept would be infinite), lengths differ, or a number
    /// is not finite.</exception>
    public static LogisticRegression Fit(ReadOnlySpan<double> x, ReadOnlySpan<bool> positive, double c = 1)
    {
        if (x.Length != positive.Length || !positive.Contains(true) || !positive.Contains(false))
            throw new ArgumentException("Both labels are needed, one label a sample.", nameof(positive));
        foreach (var v in x)
            if (!double.IsFinite(v))
                throw new ArgumentException("A number is not finite.", nameof(x));

        // In the centred feature z = x - mean the intercept is b + w mean: the problem is the same, the Hessian well conditioned.
        double mean = 0;
        foreach (var v in x)
            mean += v / x.Length;
        var centred = new double[x.Length];
        for (var i = 0; i < x.Length; i++)
            centred[i] = x[i] - mean;
        var (w, b) = (0.0, 0.0);
        for (var iteration = 0; iteration < MaxIterations; iteration++)
        {
            var (gw, gb, hww, hwb, hbb) = Derivatives(centred, positive, w, b, c);
            if (Math.Max(Math.Abs(gw), Math.Abs(gb)) <= GradientTolerance * c * x.Length)
                break;
            // hww is at least 1 by the penalty; hbb may vanish in float64 when every sample is certain.
            hbb += 1e-12;
            var determinant = (hww * hbb) - (hwb * hwb);
            var (dw, db) = (-((hbb * gw) - (hwb * gb)) / determinant, -((hww * gb) - (hwb * gw)) / determinant);
            var (start, slope, step) = (Objective(centred, positive, w, b, c), (gw * dw) + (gb * db), 1.0);
            while (step > 1e-10 && Objective(centred, positive, w + (step * dw), b + (step * db), c) > start + (1e-4 * step * slope))
                step /= 2;
            (w, b) = (w + (step * dw), b + (step * db));
        }

        return new LogisticRegression(w, b - (w * mean));
    }

    /// <summary>True if a sample is judged positive: w x + b &gt; 0.</summary>
    public bool Predict(double x) => (Weight * x) + Intercept > 0;

    private static (double Gw, double Gb, double Hww, double Hwb, double Hbb) Derivatives(
        double[] x,
        ReadOnlySpan<bool> positive,
        double w,
        double b,
        double c
    )
    {
        var (gw, gb, hww, hwb, hbb) = (w, 0.0, 1.0, 0.0, 0.0);
        for (var i = 0; i < x.Length; i++)
        {
            var p = 1 / (1 + Math.Exp(-((w * x[i]) + b)));
            var error = c * (p - (positive[i] ? 1 : 0));
            var curvature = c * p * (1 - p);
            gw += error * x[i];
            gb += error;
            hww += curvature * x[i] * x[i];
            hwb += curvature * x[i];
            hbb += curvature;
        }

        return (gw, gb, hww, hwb, hbb);
    }

    private static double Objective(double[] x, ReadOnlySpan<bool> positive, double w, double b, double c)
    {
        var sum = 0.5 * w * w;
        for (var i = 0; i < x.Length; i++)
        {
            var margin = ((w * x[i]) + b) * (positive[i] ? 1 : -1);
            // log(1 + exp(-m)) without overflow.
            sum += c * (Math.Max(-margin, 0) + Math.Log(1 + Math.Exp(-Math.Abs(margin))));
        }

        return sum;
    }
}
