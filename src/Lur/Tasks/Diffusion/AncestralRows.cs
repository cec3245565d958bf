namespace Lur.Tasks.Diffusion;

/// <summary>The numbers of DDPM and DDIM. Both take t - T / n for the step before, whatever the spacing, as diffusers does: with
/// <see cref="TimestepSpacing.Linspace"/> and <see cref="TimestepSpacing.Trailing"/> that is not quite where they go next.</summary>
internal static class AncestralRows
{
    private const double LeastVariance = 1e-20;

    /// <summary>DDPM: x' = sqrt(a') b / (1 - a) x0 + sqrt(a / a') (1 - a') / (1 - a) x + sqrt(V) z, b = 1 - a / a' (Ho, Jain, Abbeel
    /// 2020, equation 7).</summary>
    public static SamplerRow[] Ddpm(SchedulerConfig config, NoiseSchedule noise, int[] timesteps) =>
        Array.ConvertAll(
            timesteps,
            t =>
            {
                var (a, next) = (noise.AlphasCumprod[t], Next(noise, t, timesteps.Length, 1));
                var beta = 1 - (a / next);
                var posterior = Math.Max((1 - next) / (1 - a) * beta, LeastVariance);
                var variance = config.Variance == VarianceType.FixedLarge ? beta : posterior;
                return new SamplerRow(
                    t,
                    ModelForm.Of(config.Prediction, a),
                    Math.Sqrt(a / next) * (1 - next) / (1 - a),
                    Math.Sqrt(next) * beta / (1 - a),
                    Random: t > 0 ? Math.Sqrt(variance) : 0
                );
            }
        );

    /// <summary>DDIM: x' = sqrt(a') x0 + sqrt(1 - a' - s^2) e + s z, s^2 = eta^2 (1 - a') / (1 - a) (1 - a / a') (Song, Meng, Ermon
    /// 2021, equations 12 and 16).</summary>
    public static SamplerRow[] Ddim(SchedulerConfig config, NoiseSchedule noise, int[] timesteps, double eta)
    {
        var last = config.SetAlphaToOne ? 1 : noise.AlphasCumprod[0];
        return Array.ConvertAll(
            timesteps,
            t =>
            {
                var (a, next) = (noise.AlphasCumprod[t], Next(noise, t, timesteps.Length, last));
                // Not below 0: at t = 0 with set_alpha_to_one false a' is a.
                var variance = Math.Max(0, eta * eta * (1 - next) / (1 - a) * (1 - (a / next)));
                return new SamplerRow(
                    t,
                    ModelForm.Of(config.Prediction, a),
                    0,
                    Math.Sqrt(next),
                    Math.Sqrt(Math.Max(0, 1 - next - variance)),
                    Math.Sqrt(variance)
                );
            }
        );
    }

    private static double Next(NoiseSchedule noise, int t, int steps, double last)
    {
        var next = t - (noise.Count / steps);
        return next >= 0 ? noise.AlphasCumprod[next] : last;
    }
}
