using Lur.Data;
using Lur.Models;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>How far a long preparation is.</summary>
/// <param name="Stage">What is being done, lower case; a preparation may have several in turn.</param>
/// <param name="Done">Units done.</param>
/// <param name="Total">Units in all.</param>
/// <param name="Unit">The unit in the plural.</param>
public readonly record struct PreparationProgress(string Stage, long Done, long Total, string Unit);

/// <summary>What a method is given.</summary>
/// <param name="Model">Model to unlearn from; changed in place.</param>
/// <param name="Data">Training data.</param>
/// <param name="Set">What to forget and what to retain.</param>
/// <param name="Seed">Seed of every draw.</param>
/// <param name="Cancellation">Stops long preparations.</param>
public sealed record UnlearningTask(Model Model, IImageDataset Data, ForgetSet Set, ulong Seed, CancellationToken Cancellation = default)
{
    /// <summary>Told how far a preparation is, or null.</summary>
    public Action<PreparationProgress>? Progress { get; init; }

    /// <summary>Reports samples done of a stage.</summary>
    internal Action<int> Counter(string stage, long samples) =>
        done => Progress?.Invoke(new PreparationProgress(stage, done, samples, "images"));

    /// <summary>A filler of batches that counts them and can be cancelled between them.</summary>
    internal Action<BatchStage> Counted(string stage, long batches, Action<BatchStage> fill)
    {
        var filled = 0L;
        return target =>
        {
            Cancellation.ThrowIfCancellationRequested();
            Progress?.Invoke(new PreparationProgress(stage, filled, batches, "batches"));
            fill(target);
            if (++filled == batches)
                Progress?.Invoke(new PreparationProgress(stage, filled, batches, "batches"));
        };
    }
}

/// <summary>What a preparation did.</summary>
/// <param name="Note">One line for a person, or null.</param>
/// <param name="Facts">Numbers for result.json.</param>
public sealed record PreparationReport(string? Note, params IReadOnlyList<(string Name, double Value)> Facts);

/// <summary>Work before the first step: trimming, a saliency mask, memory gradients, a Fisher diagonal.</summary>
/// <param name="Name">Lower case, for progress and times.</param>
/// <param name="Run">Does it.</param>
public sealed record Preparation(string Name, Func<PreparationReport> Run);

/// <summary>An unlearning method bound to a model, data and options. The order of use is every preparation once, in order;
/// <see cref="RunStep"/> while <see cref="Step"/> is below <see cref="Steps"/>; <see cref="Finish"/>.</summary>
/// <remarks>A run is a function of model, data, forget set and options: same seed, same bytes. The model is changed in
/// place, and has its own architecture again after <see cref="Finish"/>.</remarks>
public abstract class UnlearningMethod : IDisposable
{
    /// <summary>Binds a method.</summary>
    protected UnlearningMethod(UnlearningTask task) => Task = task;

    /// <summary>What the method was given.</summary>
    public UnlearningTask Task { get; }

    /// <summary>The model that is changed.</summary>
    public Model Model => Task.Model;

    /// <summary>Preparations, in order; each is run once.</summary>
    public virtual IReadOnlyList<Preparation> Preparations => [];

    /// <summary>Steps of an epoch; 0 for a method without steps.</summary>
    public abstract int StepsPerEpoch { get; }

    /// <summary>Steps of the whole run.</summary>
    public abstract long Steps { get; }

    /// <summary>Steps made so far.</summary>
    public long Step { get; private set; }

    /// <summary>The planned step, for plans and profiles; null for a method without steps.</summary>
    public virtual Program? Program => null;

    /// <summary>Bytes of flat vectors beside parameters, momentum and the arena of <see cref="Program"/>.</summary>
    public virtual long VectorBytes => 0;

    /// <summary>Epoch of a step, from 0, for logs.</summary>
    public virtual long EpochOf(long index) => index / StepsPerEpoch;

    /// <summary>Sentences about how the run is made, for the user, known before it starts.</summary>
    public virtual IReadOnlyList<string> Notes => [];

    /// <summary>Rows to add to a printed plan: bytes beside those of the step itself, for comparison.</summary>
    public virtual IReadOnlyList<(string Name, long Bytes)> PlanRows => [];

    /// <summary>Measurements of the run, for its summary: a name for result.json, the value, and a sentence.</summary>
    public virtual IReadOnlyList<(string Name, double Value, string Sentence)> Measurements => [];

    /// <summary>Makes one step.</summary>
    public StepTelemetry RunStep()
    {
        var telemetry = MakeStep(Step);
        Step++;
        return telemetry;
    }

    /// <summary>Leaves the model as it is to be used: strips what a method added, checks what it promised to keep.</summary>
    public virtual void Finish() { }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Makes the step of an index and waits for it.</summary>
    protected abstract StepTelemetry MakeStep(long index);

    /// <summary>Frees programs, feeds and vectors.</summary>
    protected virtual void Dispose(bool disposing) { }
}
