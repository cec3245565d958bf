using Lur.Models;
using Lur.Optimizers;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tasks.Diffusion;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>What the loops of the methods for diffusion models are put together from: one optimiser, feeds by name, the part that is
/// trained, steps.</summary>
internal sealed class DiffusionLoop
{
    private readonly UnlearningMethod _method;
    private readonly DiffusionOptions _options;

    /// <summary>Begins.</summary>
    /// <param name="method">Owns everything that is made.</param>
    /// <param name="options">Validated options with the task's seed.</param>
    public DiffusionLoop(UnlearningMethod method, DiffusionOptions options)
    {
        (_method, _options, Task) = (method, options, new DiffusionTask(method.Model));
        var slots = Model.Parameters.Layout.Slots;
        if (!slots.Any(s => UNetPart.Holds(options.Part, s)))
            throw new UserErrorException(
                $"The model {Model.Architecture} has no tensor of '{string.Join(',', options.Part)}' that could be trained alone; take one "
                    + $"of {UNetPart.Names}, or a part of a tensor's name."
            );
        Optimizer = method.Own(options.ToOptimizer(Model.Parameters));
        foreach (var vector in Optimizer.State)
            method.Keep(vector);
        // A network that trains the part alone has vectors of its size.
        Part = slots.All(s => UNetPart.Holds(options.Part, s)) ? null : method.Own(MaskOf(Model, options.Part));
    }

    /// <summary>The task of the retain batches.</summary>
    public DiffusionTask Task { get; }

    /// <summary>The model that is trained.</summary>
    public Model Model => Task.Model;

    /// <summary>Makes the updates of every step.</summary>
    public Optimizer Optimizer { get; }

    /// <summary>Weights that are trained; null: all.</summary>
    public ParameterMask? Part { get; }

    /// <summary>What takes the place of forgotten words in a prompt; empty for nothing.</summary>
    public string Anchor => _options.Anchor;

    /// <summary>Bytes of the copies of <see cref="Frozen"/>.</summary>
    public long FrozenBytes { get; private set; }

    /// <summary>Batches of the retain set.</summary>
    public MethodFeed Retain() => Feed("retain", _method.Task.Set.Retain);

    /// <summary>Batches of the forget set.</summary>
    public MethodFeed Forget() => Feed("forget", _method.Task.Set.Forget);

    /// <summary>Batches of the samples of the retain set that have some classes.</summary>
    public MethodFeed RetainOf(Func<int, bool> classes)
    {
        var data = _method.Task.Data;
        return Feed("retain of some classes", [.. _method.Task.Set.Retain.Where(i => classes(data.Label(i)))]);
    }

    /// <summary>A frozen copy of the weights as they are, which the method owns.</summary>
    public FlatVector Frozen()
    {
        var copy = _method.Own(new FlatVector(Model.Device, Model.Precision, Model.Parameters.Layout, "original parameters"));
        copy.CopyFrom(Model.Parameters);
        FrozenBytes += copy.Bytes;
        return copy;
    }

    /// <summary>A step without its losses.</summary>
    public Step Begin(string name, bool inspect = false) =>
        _method.Own(
            new Step(
                Model,
                Optimizer,
                new StepOptions
                {
                    Name = name,
                    Schedule = _options.Schedule,
                    Inspect = inspect,
                }
            )
        );

    /// <summary>Records the gradient of a loss; 0 outside the part that is trained.</summary>
    /// <param name="step">The step.</param>
    /// <param name="weights">Parameters to evaluate at.</param>
    /// <param name="role">What the loss is for, which names the batch.</param>
    /// <param name="task">Makes the batch.</param>
    /// <param name="loss">The loss.</param>
    public (GradientTerm Gradient, BatchStage Stage) Gradient(
        Step step,
        FlatVector weights,
        TermRole role,
        DiffusionTask task,
        LossFactory loss
    )
    {
        var name = role == TermRole.Retain ? "retain" : "forget";
        var stage = task.Batch(step.Program, name, _options.BatchSize, augment: true, _options.Seed);
        var gradient = step.Gradient(weights, new LossTerm(name, role, stage, Layers.NormalizationMode.Frozen, loss));
        Gate(step, gradient.Vector);
        return (gradient, stage);
    }

    /// <summary>Makes a vector 0 outside the part that is trained.</summary>
    public void Gate(Step step, FlatVector? vector)
    {
        if (Part is not null && vector is not null)
            step.Program.Launch.Saliency.SaliencyGate(Model.Device.Elements(vector.Count), vector, Part, vector.Count);
    }

    /// <summary>A step on one batch.</summary>
    /// <param name="feed">Fills the batch.</param>
    /// <param name="role">What the loss is for, which names the batch.</param>
    /// <param name="loss">The loss; null for that of the task.</param>
    /// <param name="rule">What the update does beside optimiser, clipping and part.</param>
    /// <param name="prepare">Told the number of each step before it is made.</param>
    /// <param name="task">Makes the batch; null for the task of the role.</param>
    public FedStep Single(
        MethodFeed feed,
        TermRole role,
        LossFactory? loss = null,
        UpdateRule? rule = null,
        Action<long>? prepare = null,
        DiffusionTask? task = null
    )
    {
        var step = Begin("single");
        task ??= role == TermRole.Retain ? Task : Task.Forgetting();
        var (gradient, stage) = Gradient(step, Model.Parameters, role, task, loss ?? task.Loss);
        step.Update(step.Along(gradient), Ruled(rule));
        return new FedStep(step, (feed, stage)) { Prepare = prepare };
    }

    /// <summary>A step on a retain and a forget batch at the same weights: G = w grad L_r + lambda grad L_u.</summary>
    /// <param name="retain">Fills the retain batch.</param>
    /// <param name="forget">Fills the forget batch.</param>
    /// <param name="weights">w and lambda.</param>
    /// <param name="loss">L_u and the task of its batch.</param>
    /// <param name="rule">What the update does beside optimiser, clipping and part.</param>
    /// <param name="kind">Task of the retain batch; null for that of training.</param>
    public FedStep Joint(
        MethodFeed retain,
        MethodFeed forget,
        (double Retain, double Forget) weights,
        (DiffusionTask Task, LossFactory Loss) loss,
        UpdateRule? rule = null,
        DiffusionTask? kind = null
    )
    {
        var step = Begin("joint");
        (step.Parameters.RetainWeight, step.Parameters.ForgetWeight) = weights;
        var (g, kept) = Gradient(step, Model.Parameters, TermRole.Retain, kind ?? Task, Task.Loss);
        var (v, forgotten) = Gradient(step, Model.Parameters, TermRole.Forget, loss.Task, loss.Loss);
        step.Update(step.Joint(g, v), Ruled(rule));
        return new FedStep(step, (retain, kept), (forget, forgotten));
    }

    /// <summary>A forget loss with the task of its batches.</summary>
    /// <param name="kind">Which.</param>
    /// <param name="reference">Weights of a target.</param>
    /// <param name="replacements">For each class the one that takes its place.</param>
    /// <param name="strength">Of esd: the multiple of what the class adds.</param>
    public (DiffusionTask Task, LossFactory Loss) ForgetLoss(
        DiffusionForgetLoss kind,
        Func<FlatVector> reference,
        Func<IReadOnlyList<int>> replacements,
        double strength = 1
    )
    {
        var task = Task.Forgetting(surrogate: kind == DiffusionForgetLoss.Uniform);
        return kind switch
        {
            DiffusionForgetLoss.Negative => (task, task.Ascent),
            DiffusionForgetLoss.Uniform => (task, task.Loss),
            DiffusionForgetLoss.Erase => (task, DiffusionTargets.Away(Model, reference(), strength)),
            DiffusionForgetLoss.Null => (
                task,
                DiffusionTargets.Other(Model, reference(), DiffusionTargets.NullTable(DiffusionTargets.RequireClasses(Model)))
            ),
            _ => (task, DiffusionTargets.Other(Model, reference(), replacements())),
        };
    }

    /// <summary>A rule with the clipping and the part of the options. The part's gradient is clipped; a mask comes after.</summary>
    public UpdateRule Ruled(UpdateRule? rule)
    {
        rule ??= UpdateRule.Plain;
        return rule with { LargestNorm = _options.LargestNorm, Mask = rule.Mask ?? Part };
    }

    /// <summary>Takes what is outside the part out of a mask.</summary>
    public void Restrict(ParameterMask mask)
    {
        if (Part is null)
            return;
        var (bits, part) = (mask.ToArray(), Part.ToArray());
        mask.Set(bits.Zip(part, (a, b) => (byte)(a & b)).ToValues());
    }

    private MethodFeed Feed(string name, int[] indices) => _method.Feed(new MethodFeed(_method.Task, name, indices, _options.BatchSize));

    private static ParameterMask MaskOf(Model model, IReadOnlyList<string> part)
    {
        var layout = model.Parameters.Layout;
        var bits = new byte[layout.Count];
        foreach (var slot in layout.Slots.Where(s => UNetPart.Holds(part, s)))
            bits.AsSpan(slot.Offset, slot.Count).Fill(1);
        var mask = new ParameterMask(model.Device, layout);
        mask.Set(bits);
        return mask;
    }
}
