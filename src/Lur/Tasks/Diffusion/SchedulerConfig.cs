using System.Globalization;

namespace Lur.Tasks.Diffusion;

/// <summary>The classes of schedulers whose files are read, by their names in diffusers.</summary>
public enum SchedulerClass
{
    /// <summary>DDPMScheduler.</summary>
    Ddpm,

    /// <summary>DDIMScheduler.</summary>
    Ddim,

    /// <summary>DPMSolverMultistepScheduler.</summary>
    DpmSolver,

    /// <summary>PNDMScheduler, of which the betas are used and not the method.</summary>
    Pndm,
}

/// <summary>Which time steps a sampler visits.</summary>
public enum TimestepSpacing
{
    /// <summary>Multiples of a whole number, plus an offset.</summary>
    Leading,

    /// <summary>From the last time step down in equal distances, rounded.</summary>
    Linspace,

    /// <summary>From the last time step down in distances of T / n.</summary>
    Trailing,
}

/// <summary>Variance of the noise that a step of DDPM adds.</summary>
public enum VarianceType
{
    /// <summary>The posterior's, at least 1e-20; files also call it fixed_small_log.</summary>
    FixedSmall,

    /// <summary>The beta of the step.</summary>
    FixedLarge,
}

/// <summary>The second-order term of DPM-Solver++.</summary>
public enum SolverType
{
    /// <summary>The midpoint method.</summary>
    Midpoint,

    /// <summary>Heun's method.</summary>
    Heun,
}

/// <summary>Where DPM-Solver++ ends.</summary>
public enum FinalSigma
{
    /// <summary>Without noise.</summary>
    Zero,

    /// <summary>With the noise of time step 0.</summary>
    OfFirstStep,
}

/// <summary>What a scheduler's file says of the noise and of sampling: the keys of scheduler_config.json that diffusers writes, by
/// their meanings. What a file leaves out has the default of its class.</summary>
public sealed record SchedulerConfig
{
    /// <summary>Class, as which the file was read.</summary>
    public SchedulerClass Class { get; init; }

    /// <summary>T, at least 1.</summary>
    public int TrainTimesteps { get; init; } = 1000;

    /// <summary>First beta, in (0, 1).</summary>
    public double BetaStart { get; init; } = 1e-4;

    /// <summary>Last beta, in (0, 1).</summary>
    public double BetaEnd { get; init; } = 0.02;

    /// <summary>What lies between the two.</summary>
    public BetaSchedule Betas { get; init; }

    /// <summary>All betas, [T], in place of a formula; null without.</summary>
    public IReadOnlyList<double>? TrainedBetas { get; init; }

    /// <summary>What the network gives.</summary>
    public PredictionType Prediction { get; init; }

    /// <summary>Whether DDPM and DDIM clip the x0 they infer.</summary>
    public bool ClipSample { get; init; } = true;

    /// <summary>To what they clip it: within plus and minus this.</summary>
    public double ClipSampleRange { get; init; } = 1;

    /// <summary>Variance of a step of DDPM.</summary>
    public VarianceType Variance { get; init; }

    /// <summary>Which time steps are visited.</summary>
    public TimestepSpacing Spacing { get; init; }

    /// <summary>What <see cref="TimestepSpacing.Leading"/> adds to each; at least 0.</summary>
    public int StepsOffset { get; init; }

    /// <summary>Whether DDIM ends without noise; else with that of time step 0.</summary>
    public bool SetAlphaToOne { get; init; } = true;

    /// <summary>Second-order term of DPM-Solver++.</summary>
    public SolverType Solver { get; init; }

    /// <summary>Whether DPM-Solver++ makes its last step of first order where there are fewer than 15.</summary>
    public bool LowerOrderFinal { get; init; } = true;

    /// <summary>Where DPM-Solver++ ends.</summary>
    public FinalSigma Final { get; init; }

    /// <summary>A sentence for the user about what of the file is not followed; null for nothing.</summary>
    public string? Note { get; init; }

    /// <summary>The file it was read from; null without.</summary>
    internal SchedulerFile? Source { get; init; }

    /// <summary>The defaults of a class.</summary>
    /// <param name="kind">The class.</param>
    public static SchedulerConfig Default(SchedulerClass kind) =>
        kind switch
        {
            SchedulerClass.DpmSolver => new() { Class = kind, Spacing = TimestepSpacing.Linspace },
            // Its files say nothing of clipping, and a latent must not be clipped.
            SchedulerClass.Pndm => new()
            {
                Class = kind,
                SetAlphaToOne = false,
                ClipSample = false,
            },
            _ => new() { Class = kind },
        };

    /// <summary>Reads the text of a scheduler_config.json.</summary>
    /// <param name="json">The text.</param>
    /// <param name="path">What messages call it.</param>
    /// <param name="kind">Class to read it as, whose defaults hold for what is missing; null for its own.</param>
    /// <exception cref="UserErrorException">It is malformed, or asks for what the samplers do not do; names the key.</exception>
    public static SchedulerConfig Read(string json, string path, SchedulerClass? kind = null) => SchedulerKeys.Read(json, path, kind);

    /// <summary>The same file read as another class, as diffusers' from_config does: what it leaves out has the other class's
    /// defaults.</summary>
    /// <param name="kind">The other class.</param>
    /// <exception cref="UserErrorException">It asks for what that class does not do here.</exception>
    public SchedulerConfig As(SchedulerClass kind) =>
        kind == Class ? this
        : Source is null ? this with { Class = kind }
        : Read(ToJson(), Source.Path, kind);

    /// <summary>The text of the file: that which was read, byte for byte, where no value was changed; else with the changed values in
    /// their places, and all other keys as they were.</summary>
    public string ToJson() => SchedulerKeys.Write(this);

    internal static string Text(double number) => number.ToString("R", CultureInfo.InvariantCulture);
}
