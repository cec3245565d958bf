namespace Lur.Steps;

/// <summary>How a step is made; what it optimises is recorded into it.</summary>
public sealed record StepOptions
{
    /// <summary>Prefix of buffer names.</summary>
    public string Name { get; init; } = "step";

    /// <summary>Base learning rate.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Schedule of the rate over the run, see <see cref="Training.LearningRateSchedule.Parse"/>.</summary>
    public string Schedule { get; init; } = "constant";

    /// <summary>Momentum.</summary>
    public double Momentum { get; init; }

    /// <summary>Nesterov momentum.</summary>
    public bool Nesterov { get; init; }

    /// <summary>Weight decay, on every parameter.</summary>
    public double WeightDecay { get; init; }

    /// <summary>How the evaluation of a batch trades time for memory.</summary>
    public BatchSplit Split { get; init; }

    /// <summary>True to keep the step's vectors to themselves, so that they can be read after a run; for checks.</summary>
    public bool Inspect { get; init; }

    /// <summary>False to run operation by operation instead of as a captured graph.</summary>
    public bool Captured { get; init; } = true;
}
