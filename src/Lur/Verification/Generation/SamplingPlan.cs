namespace Lur.Verification.Generation;

/// <summary>How images are drawn to be judged: DDIM without fresh noise.</summary>
public sealed record SamplingPlan
{
    /// <summary>Images of each class.</summary>
    public int Samples { get; init; } = 64;

    /// <summary>Steps of the sampler.</summary>
    public int Steps { get; init; } = 50;

    /// <summary>Weight of the condition; without effect on a model that has no row for no class.</summary>
    public double Guidance { get; init; } = 2;

    /// <summary>Images drawn at a time; no image depends on it.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Seed of the start of each image.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Refuses values that make no sense.</summary>
    /// <exception cref="UserErrorException">Names the value.</exception>
    public void Validate()
    {
        if (Samples < 4)
            throw new UserErrorException($"{Samples} images of each class were asked for; a covariance of half of them needs at least 4.");
        if (Steps < 1)
            throw new UserErrorException($"{Steps} sampling steps were asked for; give at least 1.");
        if (BatchSize < 1)
            throw new UserErrorException($"The sampling batch size is {BatchSize}; it must be at least 1.");
        if (!double.IsFinite(Guidance) || Guidance < 0)
            throw new UserErrorException(FormattableString.Invariant($"The guidance is {Guidance}; it must be a number of at least 0."));
    }
}
