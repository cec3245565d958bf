namespace Lur.Steps;

/// <summary>What one step of a method reports; NaN where a method has no such number. Norms are Euclidean, over the flat
/// vector.</summary>
/// <param name="RetainLoss">Mean retain loss of the step's batch, nats.</param>
/// <param name="ForgetLoss">Mean forget loss of the step's batch, as the method defines it (for LUR: L_u at theta').</param>
/// <param name="ForgetAccuracy">Share of the forget batch classified as labelled, percent.</param>
/// <param name="RetainGradientNorm">Norm of the retain gradient g.</param>
/// <param name="ForgetGradientNorm">Norm of the gradient v of the forget loss.</param>
/// <param name="Cosine">cos(g, v).</param>
/// <param name="SecondOrderShare">alpha |h| / |v|, h = H_r v (LUR).</param>
/// <param name="ParameterNorm">|theta| before the step.</param>
/// <param name="LookAheadNorm">|alpha g|: length of the simulated retain step (LUR).</param>
/// <param name="Skipped">True when a loss or a norm was not finite and the update was not made.</param>
public readonly record struct StepTelemetry(
    double RetainLoss,
    double ForgetLoss,
    double ForgetAccuracy,
    double RetainGradientNorm,
    double ForgetGradientNorm,
    double Cosine,
    double SecondOrderShare,
    double ParameterNorm,
    double LookAheadNorm,
    bool Skipped
)
{
    /// <summary>Mean forget loss of the batch at theta, before the look-ahead, in the sign of <see cref="ForgetLoss"/>; NaN where
    /// it was not measured.</summary>
    public double ForgetLossAtTheta { get; init; } = double.NaN;

    /// <summary>Nothing reported.</summary>
    public static StepTelemetry Empty { get; } =
        new(double.NaN, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN, false);
}
