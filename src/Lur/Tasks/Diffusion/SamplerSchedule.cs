namespace Lur.Tasks.Diffusion;

/// <summary>The samplers, by their names on the command line.</summary>
public enum SamplerKind
{
    /// <summary>Ancestral sampling (Ho, Jain, Abbeel 2020).</summary>
    [Choice("ddpm")]
    Ddpm,

    /// <summary>Implicit sampling, with noise where eta is above 0 (Song, Meng, Ermon 2021).</summary>
    [Choice("ddim")]
    Ddim,

    /// <summary>DPM-Solver++ of second order in many steps (Lu et al. 2022).</summary>
    [Choice("dpm++")]
    DpmSolver,
}

/// <summary>How x0 and the noise follow from x and a network's output m: x0 = SampleOfX x + SampleOfOutput m,
/// e = NoiseOfX x + NoiseOfOutput m.</summary>
public readonly record struct ModelForm(double SampleOfX, double SampleOfOutput, double NoiseOfX, double NoiseOfOutput)
{
    /// <summary>The form of a prediction.</summary>
    /// <param name="prediction">What m is.</param>
    /// <param name="alphaCumprod">ab of the time step, in (0, 1).</param>
    public static ModelForm Of(PredictionType prediction, double alphaCumprod)
    {
        var (signal, noise) = (Math.Sqrt(alphaCumprod), Math.Sqrt(1 - alphaCumprod));
        return prediction switch
        {
            PredictionType.Epsilon => new(1 / signal, -noise / signal, 0, 1),
            PredictionType.Sample => new(0, 1, 1 / noise, -signal / noise),
            _ => new(signal, -noise, noise, signal),
        };
    }
}

/// <summary>The numbers of a step: x' = X x + Sample x0 + Noise e + Random z + Previous (x0 of the step before).</summary>
/// <param name="Timestep">Time step, which the network is given.</param>
/// <param name="Form">How x0 and e follow from x and the network's output.</param>
/// <param name="X">Factor of x.</param>
/// <param name="Sample">Factor of x0, clipped where samples are.</param>
/// <param name="Noise">Factor of e.</param>
/// <param name="Random">Factor of fresh noise z; 0 where the step takes none.</param>
/// <param name="Previous">Factor of the x0 before; 0 in a step of first order.</param>
public readonly record struct SamplerRow(
    int Timestep,
    ModelForm Form,
    double X,
    double Sample,
    double Noise = 0,
    double Random = 0,
    double Previous = 0
);

/// <summary>All steps of a sampler, worked out in double: what it visits and by which numbers it moves. Immutable.</summary>
public sealed class SamplerSchedule
{
    /// <summary>Numbers of a row of <see cref="Table"/>, as sampler.cu has them.</summary>
    public const int Columns = 10;

    private readonly SamplerRow[] _rows;

    private SamplerSchedule(SamplerKind kind, SchedulerConfig config, SamplerRow[] rows)
    {
        (Kind, Prediction, _rows) = (kind, config.Prediction, rows);
        Clip = kind != SamplerKind.DpmSolver && config.ClipSample ? config.ClipSampleRange : 0;
    }

    /// <summary>Which sampler.</summary>
    public SamplerKind Kind { get; }

    /// <summary>What the network gives.</summary>
    public PredictionType Prediction { get; }

    /// <summary>Steps, in their order.</summary>
    public ReadOnlySpan<SamplerRow> Rows => _rows;

    /// <summary>Number of steps.</summary>
    public int Count => _rows.Length;

    /// <summary>x0 is clipped to plus and minus this; 0: not at all.</summary>
    public double Clip { get; }

    /// <summary>Whether any step takes fresh noise.</summary>
    public bool TakesNoise => _rows.Any(row => row.Random != 0);

    /// <summary>Whether any step looks at the x0 of the step before.</summary>
    public bool LooksBack => _rows.Any(row => row.Previous != 0);

    /// <summary>The steps of a sampler with a scheduler's configuration, read as that of the sampler's class.</summary>
    /// <param name="kind">Which sampler.</param>
    /// <param name="config">What the file says.</param>
    /// <param name="steps">Number of steps, at least 1.</param>
    /// <param name="eta">Share of DDPM's noise that DDIM adds, 0 to 1; the others take none but 0.</param>
    /// <exception cref="UserErrorException">The steps do not fit the time steps, eta is out of its range, or the configuration asks
    /// for what the sampler does not do.</exception>
    public static SamplerSchedule Of(SamplerKind kind, SchedulerConfig config, int steps, double eta = 0)
    {
        if (steps < 1)
            throw new UserErrorException($"A sampler makes at least 1 step; {steps} were asked for.");
        if (!(eta >= 0 && eta <= 1))
            throw new UserErrorException($"Eta is {eta}, expected a number from 0 to 1.");
        if (eta != 0 && kind != SamplerKind.Ddim)
            throw new UserErrorException($"Eta is {eta}, which only ddim takes; leave it out.");
        var own = kind switch
        {
            SamplerKind.Ddpm => SchedulerClass.Ddpm,
            SamplerKind.Ddim => SchedulerClass.Ddim,
            _ => SchedulerClass.DpmSolver,
        };
        config = config.As(own);
        var noise = NoiseSchedule.Of(config);
        return new SamplerSchedule(
            kind,
            config,
            kind switch
            {
                SamplerKind.Ddpm => AncestralRows.Ddpm(config, noise, SamplerTimesteps.Ancestral(config, steps)),
                SamplerKind.Ddim => AncestralRows.Ddim(config, noise, SamplerTimesteps.Ancestral(config, steps), eta),
                _ => SolverRows.Of(config, noise, SamplerTimesteps.Solver(config, steps)),
            }
        );
    }

    /// <summary>The rows as sampler.cu looks them up, [steps, <see cref="Columns"/>].</summary>
    public double[] Table() =>
        [
            .. _rows.SelectMany(r =>
                new[]
                {
                    r.Form.SampleOfX,
                    r.Form.SampleOfOutput,
                    r.Form.NoiseOfX,
                    r.Form.NoiseOfOutput,
                    r.X,
                    r.Sample,
                    r.Noise,
                    r.Random,
                    r.Previous,
                    r.Timestep,
                }
            ),
        ];
}
