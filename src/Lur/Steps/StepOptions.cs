using Lur.Optimizers;

namespace Lur.Steps;

/// <summary>How a step is made; what it optimises is recorded into it.</summary>
public sealed record StepOptions
{
    /// <summary>Prefix of buffer names.</summary>
    public string Name { get; init; } = "step";

    /// <summary>Schedule of rate and momentum over the run, see <see cref="LearningRateSchedule.Parse"/>.</summary>
    public string Schedule { get; init; } = "constant";

    /// <summary>How the evaluation of a batch trades time for memory.</summary>
    public BatchSplit Split { get; init; }

    /// <summary>True to keep the step's vectors to themselves, so that they can be read after a run; for checks.</summary>
    public bool Inspect { get; init; }

    /// <summary>False to run operation by operation instead of as a captured graph.</summary>
    public bool Captured { get; init; } = true;
}
