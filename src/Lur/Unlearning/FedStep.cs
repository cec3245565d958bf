using Lur.Steps;
using Lur.Tasks;

namespace Lur.Unlearning;

/// <summary>A step with what fills its batches.</summary>
/// <param name="step">The step.</param>
/// <param name="inputs">Feeds and the stages they fill.</param>
internal sealed class FedStep(Step step, params (MethodFeed Feed, BatchStage Stage)[] inputs)
{
    /// <summary>The step.</summary>
    public Step Step { get; } = step;

    /// <summary>The stage of the first batch.</summary>
    public BatchStage Stage => inputs[0].Stage;

    /// <summary>The stage of the forget batch: the last.</summary>
    public BatchStage Last => inputs[^1].Stage;

    /// <summary>Changes the batches of a step before it is made, given its index; null: nothing.</summary>
    public Action<long>? Prepare { get; init; }

    /// <summary>Fills the batches.</summary>
    /// <param name="index">Number of the step.</param>
    public void Fill(long index)
    {
        foreach (var (feed, stage) in inputs)
            feed.Fill(stage);
        Prepare?.Invoke(index);
    }

    /// <summary>Fills the batches and gives the device the step; does not wait.</summary>
    /// <param name="index">Number of the step.</param>
    /// <param name="steps">Steps of the whole run.</param>
    public void Enqueue(long index, long steps)
    {
        Fill(index);
        Step.Enqueue(index, steps);
    }
}
