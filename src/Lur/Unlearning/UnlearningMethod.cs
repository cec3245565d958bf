using Lur.Checkpoints;
using Lur.Data;
using Lur.Models;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tensors;

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
    /// <summary>What the model is for: how batches are made, and the loss on them.</summary>
    public LearningTask Learning => LearningTask.Of(Model);

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
/// <see cref="RunStep"/> while <see cref="Step"/> is below <see cref="Steps"/>; <see cref="Finish"/>. A loop that wants the device never
/// to wait uses <see cref="Enqueue"/> and, one step later, <see cref="Read"/>.</summary>
/// <remarks>A run is a function of model, data, forget set and options: same seed, same bytes, interrupted or not. The model is
/// changed in place, and has its own architecture again after <see cref="Finish"/>. A method is put together in its constructor from
/// feeds and steps (<see cref="Repair"/>); one without steps does its work in its preparations.</remarks>
public abstract class UnlearningMethod : IDisposable
{
    private readonly Resources _resources = new();
    private readonly List<FlatVector> _vectors = [];
    private readonly List<MethodFeed> _feeds = [];
    private readonly Queue<(long Index, FedStep Step)> _given = [];
    private readonly Queue<(long Index, StepTelemetry Telemetry)> _ready = [];
    private (FedStep Step, int Count)[] _epoch = [];
    private int _epochs;

    /// <summary>Binds a method.</summary>
    protected UnlearningMethod(UnlearningTask task) => Task = task;

    /// <summary>What the method was given.</summary>
    public UnlearningTask Task { get; }

    /// <summary>The model that is changed.</summary>
    public Model Model => Task.Model;

    /// <summary>Preparations, in order; each is run once.</summary>
    public virtual IReadOnlyList<Preparation> Preparations => [];

    /// <summary>Steps of an epoch; 0 for a method without steps.</summary>
    public virtual int StepsPerEpoch => _epoch.Sum(p => p.Count);

    /// <summary>Steps of the whole run.</summary>
    public virtual long Steps => (long)StepsPerEpoch * _epochs;

    /// <summary>Steps made so far, those included that are not read yet.</summary>
    public long Step { get; private set; }

    /// <summary>Steps that were made and not yet read.</summary>
    public int Pending => _given.Count + _ready.Count;

    /// <summary>The largest of the planned steps, for plans and profiles; null for a method without steps.</summary>
    public Program? Program => _epoch.Select(p => p.Step.Step.Program).MaxBy(p => p.Plan().ArenaBytes);

    /// <summary>Bytes of flat vectors beside parameters, momentum and the arena of <see cref="Program"/>.</summary>
    public virtual long VectorBytes => _vectors.Skip(1).Sum(v => v.Bytes);

    /// <summary>Epoch of a step, from 0, for logs.</summary>
    public virtual long EpochOf(long index) => index / StepsPerEpoch;

    /// <summary>Sentences about how the run is made, for the user, known before it starts.</summary>
    public virtual IReadOnlyList<string> Notes => [];

    /// <summary>Rows to add to a printed plan: bytes beside those of the step itself, for comparison.</summary>
    public virtual IReadOnlyList<(string Name, long Bytes)> PlanRows => [];

    /// <summary>Measurements of the run, for its summary: a name for result.json, the value, and a sentence.</summary>
    public virtual IReadOnlyList<(string Name, double Value, string Sentence)> Measurements => [];

    /// <summary>Makes one step and waits for it.</summary>
    /// <exception cref="InvalidOperationException">A step was given and not read.</exception>
    public StepTelemetry RunStep()
    {
        if (Pending > 0)
            throw new InvalidOperationException("Read the steps that were given before one that is waited for.");
        Enqueue();
        return Read().Telemetry;
    }

    /// <summary>Makes one step and, as a rule, does not wait for it. No more than two may be unread.</summary>
    /// <exception cref="InvalidOperationException">Two steps are unread.</exception>
    public void Enqueue()
    {
        if (Pending == RunOutput<double>.Depth)
            throw new InvalidOperationException("Two steps are not read; read the oldest first.");
        var index = Step;
        var made = Give(index);
        Step++;
        if (made is { } telemetry)
            _ready.Enqueue((index, Taken(index, telemetry)));
        else
            _given.Enqueue((index, StepAt(index)));
        if (MustWait(index))
            TakeAll();
    }

    /// <summary>Waits for the oldest step that was not read.</summary>
    /// <returns>Its number, from 0, and what it reports.</returns>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public (long Index, StepTelemetry Telemetry) Read()
    {
        if (_ready.Count == 0)
            Take();
        return _ready.Dequeue();
    }

    /// <summary>Leaves the model as it is to be used: strips what a method added, checks what it promised to keep.</summary>
    public virtual void Finish() { }

    /// <summary>Puts everything an interrupted run needs, between two steps, into a state.</summary>
    /// <param name="state">Receives weights, statistics, vectors, positions.</param>
    public virtual void Save(TrainingState state)
    {
        TakeAll();
        StateVectors.Save(state, "parameters", Trained.Parameters);
        StateVectors.Save(state, "running-statistics", Trained.Buffers);
        foreach (var vector in _vectors)
            StateVectors.Save(state, vector.Name, vector);
        foreach (var feed in _feeds)
            feed.Save(state);
        state.Set("step", Step);
        state.Set("batches-tracked", Trained.BatchesTracked);
        foreach (var (name, count) in Model.TrackedAtLoad)
            state.Set($"tracked-at-load/{name}", count);
    }

    /// <summary>Goes on from a saved state, on a method made anew from the same model, data and options. Preparations are not run
    /// again.</summary>
    /// <param name="state">What <see cref="Save"/> has written.</param>
    /// <exception cref="UserErrorException">The state is of another run.</exception>
    public virtual void Restore(TrainingState state)
    {
        StateVectors.Restore(state, "parameters", Trained.Parameters);
        StateVectors.Restore(state, "running-statistics", Trained.Buffers);
        foreach (var vector in _vectors)
            StateVectors.Restore(state, vector.Name, vector);
        foreach (var feed in _feeds)
            feed.Restore(state);
        Step = state.GetInt64("step");
        Trained.BatchesTracked = state.GetInt64("batches-tracked");
        // A preparation may have set them back.
        foreach (var name in Model.TrackedAtLoad.Keys)
            Model.TrackedAtLoad[name] = state.GetInt64($"tracked-at-load/{name}");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _resources.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>The model whose weights the steps change; not the task's where a method works on a copy.</summary>
    protected virtual Model Trained => Model;

    /// <summary>Guards a constructor: unless it is completed, what the method has made is freed.</summary>
    protected Resources.Construction Construct() => _resources.Construct();

    /// <summary>Takes ownership.</summary>
    internal T Own<T>(T resource)
        where T : IDisposable => _resources.Own(resource);

    /// <summary>A vector that outlives a step and belongs to a saved state; the first is the momentum.</summary>
    internal FlatVector StateVector(string name, Model? model = null)
    {
        model ??= Model;
        var vector = Own(new FlatVector(model.Device, model.Precision, model.Parameters.Layout, name));
        _vectors.Add(vector);
        return vector;
    }

    /// <summary>Makes a vector of somebody else part of a saved state.</summary>
    internal void Keep(FlatVector vector) => _vectors.Add(vector);

    /// <summary>Owns a feed whose position belongs to a saved state.</summary>
    internal MethodFeed Feed(MethodFeed feed)
    {
        _feeds.Add(Own(feed));
        return feed;
    }

    /// <summary>Says what an epoch is: steps in order, each so many times.</summary>
    private protected void SetEpochs(int epochs, params (FedStep Step, int Count)[] epoch) => (_epochs, _epoch) = (epochs, epoch);

    /// <summary>The step of an index.</summary>
    private protected virtual FedStep StepAt(long index)
    {
        var inEpoch = index % StepsPerEpoch;
        foreach (var (step, count) in _epoch)
        {
            if (inEpoch < count)
                return step;
            inEpoch -= count;
        }

        throw new InvalidOperationException("A method without steps does its work in its preparations.");
    }

    /// <summary>Gives the device the step of an index.</summary>
    /// <returns>What it reports where the step was waited for; null where it was not.</returns>
    protected virtual StepTelemetry? Give(long index)
    {
        StepAt(index).Enqueue(index, Steps);
        return null;
    }

    /// <summary>Called with each step, in order, when it is done.</summary>
    /// <param name="index">Its number.</param>
    /// <param name="telemetry">What it reports.</param>
    /// <returns>What the method reports.</returns>
    protected virtual StepTelemetry Taken(long index, StepTelemetry telemetry) => telemetry;

    /// <summary>True where what a step reports decides about the steps that follow.</summary>
    protected virtual bool MustWait(long index) => false;

    /// <summary>Waits for every step that was given.</summary>
    private protected void TakeAll()
    {
        while (_given.Count > 0)
            Take();
    }

    private void Take()
    {
        if (_given.Count == 0)
            throw new InvalidOperationException("Every step has been read already.");
        var (index, step) = _given.Dequeue();
        _ready.Enqueue((index, Taken(index, step.Step.Read())));
    }
}
