namespace Lur.Tasks.Diffusion;

/// <summary>The numbers of DPM-Solver++ of second order (Lu et al. 2022, algorithm 2), with the terms in x0.</summary>
internal static class SolverRows
{
    // With fewer steps the last one is of first order, which is steadier.
    private const int FewSteps = 15;

    // A = 1 / sqrt(sigma^2 + 1), S = sigma A, lambda = log A - log S = -log sigma.
    private readonly record struct Point(double Sigma)
    {
        public double A => 1 / Math.Sqrt((Sigma * Sigma) + 1);

        public double S => Sigma * A;

        public double Lambda => -Math.Log(Sigma);
    }

    /// <summary>x' = S' / S x - F x0, F = A' (exp(-h) - 1), h = lambda' - lambda; in a step of second order also, with
    /// D = (x0 - x0 before) h / (lambda - lambda before), -F D / 2 (midpoint) or A' ((exp(-h) - 1) / h + 1) D (Heun).</summary>
    public static SamplerRow[] Of(SchedulerConfig config, NoiseSchedule noise, int[] timesteps)
    {
        var n = timesteps.Length;
        Point[] points = [.. timesteps.Select(t => At(noise, t)), config.Final == FinalSigma.Zero ? new Point(0) : At(noise, 0)];
        if (points[n] == points[n - 1])
            throw new UserErrorException(
                "The last of the sampling steps of dpm++ begins where it would end, at time step 0; take fewer steps or let "
                    + "'final_sigmas_type' be zero."
            );
        var rows = new SamplerRow[n];
        for (var i = 0; i < n; i++)
            rows[i] = Row(i);
        return rows;

        SamplerRow Row(int i)
        {
            var (from, to) = (points[i], points[i + 1]);
            var h = to.Lambda - from.Lambda;
            var decay = Math.Exp(-h) - 1; // -1 where sigma' is 0 and h infinite
            var first = -to.A * decay;
            var form = ModelForm.Of(config.Prediction, noise.AlphasCumprod[timesteps[i]]);
            var row = new SamplerRow(timesteps[i], form, to.S / from.S, first);
            var last = i == n - 1 && (config.Final == FinalSigma.Zero || (config.LowerOrderFinal && n < FewSteps));
            if (i == 0 || last)
                return row;
            var second = config.Solver == SolverType.Midpoint ? first / 2 : to.A * ((decay / h) + 1);
            var slope = second * h / (from.Lambda - points[i - 1].Lambda);
            return row with { Sample = first + slope, Previous = -slope };
        }
    }

    private static Point At(NoiseSchedule noise, int t)
    {
        var a = noise.AlphasCumprod[t];
        return new Point(Math.Sqrt((1 - a) / a));
    }
}
