namespace Lur.Tasks.Diffusion;

/// <summary>How images are drawn from a diffusion model.</summary>
public sealed record SamplingOptions
{
    /// <summary>Which sampler.</summary>
    public SamplerKind Sampler { get; init; } = SamplerKind.Ddim;

    /// <summary>Its steps, at least 1.</summary>
    public int Steps { get; init; } = 50;

    /// <summary>Share of DDPM's noise that DDIM adds, 0 to 1.</summary>
    public double Eta { get; init; }

    /// <summary>Weight of the condition (Ho, Salimans 2022, with their weight plus 1). Null or 1: the conditional network alone, which
    /// needs no row for no class and half the work.</summary>
    public double? Guidance { get; init; }

    /// <summary>Seed of the starts and of the fresh noise.</summary>
    public ulong Seed { get; init; } = 1;
}

/// <summary>Names of the samplers.</summary>
public static class SamplerKinds
{
    /// <summary>The name on the command line and in files.</summary>
    public static string Name(this SamplerKind kind) =>
        kind switch
        {
            SamplerKind.Ddpm => "ddpm",
            SamplerKind.Ddim => "ddim",
            _ => "dpm++",
        };
}
