using Lur.Models;
using Lur.Optimizers;
using Lur.Steps;
using Lur.Tasks;

namespace Lur.Unlearning;

/// <summary>What the loops of the methods are put together from: one momentum, feeds by name, steps on them. A method composes them
/// and says in what order an epoch runs through them.</summary>
internal sealed class Repair
{
    private readonly UnlearningMethod _method;
    private readonly RepairOptions _options;
    private readonly Sgd _sgd; // of every step

    /// <summary>Begins.</summary>
    /// <param name="method">Owns everything that is made.</param>
    /// <param name="options">Options with the task's seed.</param>
    /// <param name="model">Model that is trained; null for the task's.</param>
    public Repair(UnlearningMethod method, RepairOptions options, Model? model = null)
    {
        (_method, _options, Task) = (method, options, LearningTask.Of(model ?? method.Model));
        _sgd = Sgd.On(method.StateVector("momentum", Model), options.ToSgd());
    }

    /// <summary>What the model that is trained is for.</summary>
    public LearningTask Task { get; }

    /// <summary>The model that is trained.</summary>
    public Model Model => Task.Model;

    /// <summary>Batches of the retain set.</summary>
    public MethodFeed Retain(string name = "retain", ulong? order = null) => Feed(name, _method.Task.Set.Retain, order: order);

    /// <summary>Batches of the forget set.</summary>
    /// <param name="batchSize">Batch size; 0 for that of the options.</param>
    public MethodFeed Forget(int batchSize = 0) => Feed("forget", _method.Task.Set.Forget, batchSize);

    /// <summary>Batches of some samples.</summary>
    /// <param name="name">Name of the order.</param>
    /// <param name="indices">Samples.</param>
    /// <param name="batchSize">Batch size; 0 for that of the options.</param>
    /// <param name="order">Seed of the order; null for that of the name.</param>
    public MethodFeed Feed(string name, int[] indices, int batchSize = 0, ulong? order = null) =>
        _method.Feed(new MethodFeed(_method.Task, name, indices, batchSize > 0 ? batchSize : _options.BatchSize, order));

    /// <summary>A step on one batch.</summary>
    /// <param name="name">Names the buffers and the draws of the augmentation.</param>
    /// <param name="feed">Fills the batch.</param>
    /// <param name="role">What the loss is for; it decides how normalisation behaves, too.</param>
    /// <param name="loss">Records the loss; null for that of the task.</param>
    /// <param name="rule">What the update does beside the optimiser.</param>
    /// <param name="rows">Gives the rows the loss is taken on, from those that are uploaded; null for the same.</param>
    /// <param name="prepare">Changes a batch before its step.</param>
    /// <param name="batchSize">Batch size; 0 for that of the options.</param>
    public FedStep Single(
        string name,
        MethodFeed feed,
        TermRole role,
        LossFactory? loss = null,
        UpdateRule? rule = null,
        Func<Step, BatchStage, IBatch>? rows = null,
        Action<BatchStage, long>? prepare = null,
        int batchSize = 0
    )
    {
        var step = _method.Own(new Step(Model, _sgd, _options.ToStep(name)));
        var stage = Stage(step, name, batchSize);
        var mode = role == TermRole.Retain ? _options.RetainMode : _options.ForgetMode;
        loss ??= Task.Loss;
        var gradient = step.Gradient(Model.Parameters, new LossTerm(name, role, rows?.Invoke(step, stage) ?? stage, mode, loss));
        step.Update(step.Along(gradient), rule);
        return new FedStep(step, (feed, stage)) { Prepare = prepare is null ? null : index => prepare(stage, index) };
    }

    /// <summary>A step on a retain and a forget batch at the same weights: G = grad L(B_r) - weight grad L(B_f).</summary>
    /// <param name="retain">Fills the retain batch.</param>
    /// <param name="forget">Fills the forget batch.</param>
    /// <param name="weight">Weight of the forget loss -L.</param>
    /// <param name="change">Changes G, or null.</param>
    /// <param name="inspect">True to keep G readable after a run.</param>
    public (FedStep Step, GradientTerm Total) Joint(
        MethodFeed retain,
        MethodFeed forget,
        double weight,
        IGradientChange? change = null,
        bool inspect = false
    )
    {
        var step = _method.Own(new Step(Model, _sgd, _options.ToStep("joint") with { Inspect = inspect }));
        step.Parameters.ForgetWeight = weight;
        var (kept, forgotten) = (Stage(step, "retain"), Stage(step, "forget"));
        var g = step.Gradient(Model.Parameters, Term("retain", TermRole.Retain, kept, Task.Loss));
        var v = step.Gradient(Model.Parameters, Term("forget", TermRole.Forget, forgotten, Task.Ascent));
        step.Update(step.Joint(g, v), new UpdateRule { Change = change });
        return (new FedStep(step, (retain, kept), (forget, forgotten)), g);
    }

    /// <summary>The steps of an epoch that pairs retain with forget batches: all of them joint, or plain retain steps once the forget
    /// set is exhausted.</summary>
    public (FedStep Step, int Count)[] Paired(FedStep joint, MethodFeed retain, MethodFeed forget, EpochMode mode)
    {
        var (r, f) = (retain.BatchesPerEpoch, forget.BatchesPerEpoch);
        return mode switch
        {
            EpochMode.MinSize => [(joint, Math.Min(r, f))],
            EpochMode.RetainLengthPlainTail when f < r => [(joint, f), (Single("retain", retain, TermRole.Retain), r - f)],
            _ => [(joint, r)],
        };
    }

    private BatchStage Stage(Step step, string name, int batchSize = 0) =>
        Task.Batch(step.Program, name, batchSize > 0 ? batchSize : _options.BatchSize, _options.Augment, _options.Seed);

    private LossTerm Term(string name, TermRole role, IBatch batch, LossFactory loss) =>
        new(name, role, batch, role == TermRole.Retain ? _options.RetainMode : _options.ForgetMode, loss);
}
