namespace Lur.Tasks.Diffusion;

/// <summary>How the noise of a step grows with its number.</summary>
public enum BetaSchedule
{
    /// <summary>Evenly spaced betas (Ho, Jain, Abbeel 2020).</summary>
    Linear,

    /// <summary>Squares of evenly spaced roots (Rombach et al. 2022).</summary>
    ScaledLinear,

    /// <summary>alphas_cumprod a squared cosine, betas at most 0.999 (Nichol, Dhariwal 2021).</summary>
    SquaredCosine,
}

/// <summary>What a network is trained to give, of x_t = sqrt(ab) x0 + sqrt(1 - ab) e.</summary>
public enum PredictionType
{
    /// <summary>The noise e.</summary>
    Epsilon,

    /// <summary>The clean sample x0.</summary>
    Sample,

    /// <summary>The velocity sqrt(ab) e - sqrt(1 - ab) x0 (Salimans, Ho 2022).</summary>
    VPrediction,
}

/// <summary>The forward process of a diffusion model: how much of a sample and how much noise there is at each time step. Numbers are
/// double; they are rounded where a device takes them. Immutable.</summary>
public sealed class NoiseSchedule
{
    private const double LargestCosineBeta = 0.999;
    private readonly double[] _betas,
        _alphasCumprod;

    private NoiseSchedule(double[] betas)
    {
        ArgumentOutOfRangeException.ThrowIfZero(betas.Length, nameof(betas));
        (_betas, _alphasCumprod) = (betas, new double[betas.Length]);
        var product = 1.0;
        for (var t = 0; t < betas.Length; t++)
        {
            if (!(betas[t] > 0 && betas[t] < 1))
                throw new ArgumentOutOfRangeException(nameof(betas), betas[t], $"Beta {t} is not between 0 and 1.");
            _alphasCumprod[t] = product *= 1 - betas[t];
        }
    }

    /// <summary>T, the number of time steps; they are numbered from 0.</summary>
    public int Count => _betas.Length;

    /// <summary>Share of variance that each step replaces by noise, [T].</summary>
    public ReadOnlySpan<double> Betas => _betas;

    /// <summary>ab_t = product of 1 - beta up to and with t, [T].</summary>
    public ReadOnlySpan<double> AlphasCumprod => _alphasCumprod;

    /// <summary>Betas from <paramref name="start"/> to <paramref name="end"/> in equal distances.</summary>
    /// <param name="count">T.</param>
    /// <param name="start">First beta, in (0, 1).</param>
    /// <param name="end">Last beta, in (0, 1).</param>
    /// <exception cref="ArgumentOutOfRangeException">T is 0, or a beta is not between 0 and 1.</exception>
    public static NoiseSchedule Linear(int count, double start, double end) => new(Spaced(count, start, end));

    /// <summary>Betas whose roots are in equal distances.</summary>
    /// <inheritdoc cref="Linear"/>
    public static NoiseSchedule ScaledLinear(int count, double start, double end) =>
        new(Array.ConvertAll(Spaced(count, Math.Sqrt(start), Math.Sqrt(end)), root => root * root));

    /// <summary>beta_i = min(1 - f((i + 1) / T) / f(i / T), 0.999), f(u) = cos^2((u + 0.008) / 1.008 pi / 2).</summary>
    /// <param name="count">T.</param>
    /// <exception cref="ArgumentOutOfRangeException">T is 0.</exception>
    public static NoiseSchedule SquaredCosine(int count)
    {
        var betas = new double[count];
        for (var i = 0; i < count; i++)
            betas[i] = Math.Min(1 - (Remaining((i + 1) / (double)count) / Remaining(i / (double)count)), LargestCosineBeta);
        return new NoiseSchedule(betas);
    }

    /// <summary>Betas as they are given.</summary>
    /// <param name="betas">Betas, [T], each in (0, 1).</param>
    /// <exception cref="ArgumentOutOfRangeException">There is none, or one is not between 0 and 1.</exception>
    public static NoiseSchedule Trained(ReadOnlySpan<double> betas) => new(betas.ToArray());

    /// <summary>The schedule of a configuration.</summary>
    /// <param name="config">What a scheduler's file says.</param>
    public static NoiseSchedule Of(SchedulerConfig config)
    {
        if (config.TrainedBetas is { } betas)
            return Trained([.. betas]);
        return config.Betas switch
        {
            BetaSchedule.Linear => Linear(config.TrainTimesteps, config.BetaStart, config.BetaEnd),
            BetaSchedule.ScaledLinear => ScaledLinear(config.TrainTimesteps, config.BetaStart, config.BetaEnd),
            _ => SquaredCosine(config.TrainTimesteps),
        };
    }

    /// <summary>sqrt(ab_t) and sqrt(1 - ab_t) of every time step, [T, 2], as kernels look them up.</summary>
    public double[] Pairs()
    {
        var pairs = new double[2 * Count];
        for (var t = 0; t < Count; t++)
            (pairs[2 * t], pairs[(2 * t) + 1]) = (Math.Sqrt(_alphasCumprod[t]), Math.Sqrt(1 - _alphasCumprod[t]));
        return pairs;
    }

    private static double Remaining(double u)
    {
        var cosine = Math.Cos((u + 0.008) / 1.008 * Math.PI / 2);
        return cosine * cosine;
    }

    private static double[] Spaced(int count, double start, double end)
    {
        var values = new double[count];
        for (var i = 0; i < count; i++)
            values[i] = count == 1 ? start : start + (i * ((end - start) / (count - 1)));
        return values;
    }
}
