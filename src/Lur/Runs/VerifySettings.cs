using Lur.Verification;

namespace Lur.Runs;

/// <summary>What decides a verification.</summary>
public sealed record VerifySettings
{
    /// <summary>Folders of forgetting runs: one, or several seeds of one method.</summary>
    public required IReadOnlyList<string> Runs { get; init; }

    /// <summary>Retrained models.</summary>
    public IReadOnlyList<string> References { get; init; } = [];

    /// <summary>Seeds of reference models to train (or to find in the cache).</summary>
    public IReadOnlyList<ulong> RetrainSeeds { get; init; } = [];

    /// <summary>The original model, where it is not where it was; null for where it was.</summary>
    public string? Model { get; init; }

    /// <summary>The data set, where it is not where it was; null for where it was.</summary>
    public string? Data { get; init; }

    /// <summary>Relearning attacks: one for each number of shots; none if empty.</summary>
    public IReadOnlyList<RelearningOptions> Relearning { get; init; } = [];

    /// <summary>Membership attacks to run beside that of the MIA column.</summary>
    public AttackChoice Attacks { get; init; } = AttackChoice.All;

    /// <summary>Seed of the attacks' draws.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>What models that draw are verified by.</summary>
    public GenerationSettings Generation { get; init; } = new();

    /// <summary>What models that are told prompts are verified by, beside the judge of <see cref="Generation"/>.</summary>
    public ConceptSettings Concept { get; init; } = new();

    /// <summary>Where retrained models are kept, and found again.</summary>
    public string CacheFolder { get; init; } = ReferenceCache.DefaultFolder;
}
