using Lur.Layers;
using Lur.Losses;

namespace Lur.Steps;

/// <summary>What a loss is for, which decides where its numbers are reported.</summary>
public enum TermRole
{
    /// <summary>A loss to descend: data to keep.</summary>
    Retain,

    /// <summary>The loss that makes the model forget.</summary>
    Forget,
}

/// <summary>Where a loss is put: behind a network's output on a batch.</summary>
/// <param name="Program">Program under construction.</param>
/// <param name="Name">Prefix of buffer names.</param>
/// <param name="Output">Output of the network.</param>
/// <param name="Batch">The rows.</param>
public readonly record struct LossSite(Program Program, string Name, Value Output, IBatch Batch);

/// <summary>Records a loss behind the output of a network.</summary>
/// <param name="site">Where.</param>
public delegate Loss LossFactory(LossSite site);

/// <summary>A loss on a batch, as a step takes its gradient: the retain loss, the forget loss. What the rows and the loss are is
/// the task's business.</summary>
/// <param name="Name">Prefix of buffer names.</param>
/// <param name="Role">What it is for.</param>
/// <param name="Batch">The rows, declared in the step's program.</param>
/// <param name="Mode">Behaviour of normalisation layers.</param>
/// <param name="Create">Records the loss behind an output.</param>
public sealed record LossTerm(string Name, TermRole Role, IBatch Batch, NormalizationMode Mode, LossFactory Create);
