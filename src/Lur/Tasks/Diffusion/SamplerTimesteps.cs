namespace Lur.Tasks.Diffusion;

/// <summary>The time steps that a sampler visits, from much noise to little, as diffusers' schedulers choose them.</summary>
internal static class SamplerTimesteps
{
    /// <summary>Time steps of DDPM and DDIM.</summary>
    public static int[] Ancestral(SchedulerConfig config, int steps) =>
        Checked(
            config,
            config.Spacing switch
            {
                TimestepSpacing.Leading => Downward(steps, 0, i => (i * (config.TrainTimesteps / steps)) + config.StepsOffset),
                TimestepSpacing.Linspace => Downward(steps, 0, i => steps == 1 ? 0 : Even(i, config.TrainTimesteps - 1, steps - 1)),
                _ => Trailing(config, steps),
            }
        );

    /// <summary>Time steps of DPM-Solver++, which leaves out the one without noise.</summary>
    public static int[] Solver(SchedulerConfig config, int steps) =>
        Checked(
            config,
            config.Spacing switch
            {
                TimestepSpacing.Leading => Downward(steps, 1, i => (i * (config.TrainTimesteps / (steps + 1))) + config.StepsOffset),
                TimestepSpacing.Linspace => Downward(steps, 1, i => Even(i, config.TrainTimesteps - 1, steps)),
                _ => Trailing(config, steps),
            }
        );

    private static int[] Trailing(SchedulerConfig config, int steps)
    {
        var distance = config.TrainTimesteps / (double)steps;
        return [.. Sequences.Range(0, steps).Select(i => (int)Math.Round(config.TrainTimesteps - (i * distance)) - 1)];
    }

    private static int[] Downward(int steps, int last, Func<int, int> of) => [.. Sequences.Range(last, steps).Reverse().Select(of)];

    // Halves go to the even number, as numpy's do.
    private static int Even(int i, int range, int parts) => (int)Math.Round(i * (range / (double)parts));

    private static int[] Checked(SchedulerConfig config, int[] timesteps)
    {
        var previous = config.TrainTimesteps;
        foreach (var t in timesteps)
        {
            if (t < 0 || t >= previous)
                throw new UserErrorException(
                    $"{timesteps.Length} sampling steps with the spacing {config.Spacing.ToString().ToLowerInvariant()} and an offset of "
                        + $"{config.StepsOffset} do not fit {config.TrainTimesteps} time steps; take fewer."
                );
            previous = t;
        }

        return timesteps;
    }
}
