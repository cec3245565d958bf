using Lur.Checkpoints;
using Lur.Steps;

namespace Lur.Unlearning;

/// <summary>Options of <see cref="ScissorHands"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 5e-3, Source = Scripts)]
[OptionDefault(nameof(Epochs), 10, Source = Scripts)]
public sealed partial record ScissorHandsOptions : RepairOptions
{
    private const string Scripts = "ScissorHands' scripts for 10 % of CIFAR-10";

    /// <summary>Weight of the forget loss.</summary>
    [Option("lambda", 0.05, Source = Scripts, Least = 0)]
    public partial double Lambda { get; init; }

    /// <summary>The trim stage.</summary>
    [OptionGroup]
    public TrimOptions Trim { get; init; } = new();

    /// <summary>Forget batches whose gradients are kept as memories, afresh every epoch.</summary>
    [Option("memory", 1, Source = "ScissorHands' scripts; the public code's own default is 10", Least = 1, Most = 64)]
    public partial int Memories { get; init; }

    /// <summary>Project in every n-th step of an epoch; 0 never projects and keeps no memory.</summary>
    [Option("project-every", 1, Source = "ScissorHands' scripts for 10 % of CIFAR-10; 10 for 50 %", Least = 0)]
    public partial int ProjectEvery { get; init; }

    /// <summary>Least multiple of a memory that is added where the projection fires.</summary>
    [Option("margin", 0.5, Source = "public code of ScissorHands (GEM)", Least = 0)]
    public partial double Margin { get; init; }

    /// <summary>Do as the public code where numbers depend on it: trimming excludes normalisation by the name 'bn', which misses the
    /// shortcuts', and its forget batches move running statistics; memory i is the sum of the first i gradients.</summary>
    [Option("compat", false, Source = "ours")]
    [Implies(nameof(BatchNorm), BatchNormPolicy.Both)]
    public partial bool Compat { get; init; }

    /// <summary>Options of the trim stage with what it takes from the rest.</summary>
    internal TrimOptions TrimStage => Trim with { BatchSize = BatchSize, Augment = Augment, Compat = Compat, Seed = Seed };
}

/// <summary>ScissorHands (SHs): trims as LUR does, then descends CE on retain data less lambda CE on forget data, with the
/// gradient of the late layers projected against memories of the forget data.</summary>
public sealed class ScissorHands : UnlearningMethod
{
    private readonly ScissorHandsOptions _options;
    private readonly FedStep _joint;
    private readonly GradientTerm _total;
    private readonly MemoryProjection? _projection;
    private readonly MemoryGradients? _memories;
    private long _jointSteps,
        _projected;

    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public ScissorHands(UnlearningTask task, ScissorHandsOptions options)
        : base(task)
    {
        using var construction = Construct();
        _options = options = options.Validated() with { Seed = task.Seed };
        var repair = new Repair(this, options);
        if (options.ProjectEvery > 0)
        {
            var late = Trim.LateTensors(Model, options.TrimStage);
            _projection = Own(new MemoryProjection(Model, late, options.Memories, options.Margin));
            _memories = Own(new MemoryGradients(Model, Feed(MemoryGradients.FeedOf(task, options)), options, options.Compat));
        }

        var (retain, forget) = (repair.Retain(), repair.Forget());
        (_joint, _total) = repair.Joint(retain, forget, options.Lambda, _projection, inspect: _projection is not null);
        SetEpochs(options.Epochs, repair.Paired(_joint, retain, forget, EpochMode.RetainLengthPlainTail));
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<ScissorHandsOptions>(
            "scissorhands",
            "ScissorHands",
            "Trims the weights that the forget data depends on, then descends the retain loss and ascends the forget loss, "
                + "projecting the gradient of the late layers where it would lower the forget loss.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Wu, Harandi, \"Scissorhands\", ECCV 2024, and its public code (SHs_cifar10.py and variants)",
            "Trimming leaves normalisation layers alone by type, and running statistics too; gradients are zeroed between "
                + "memories, which the public code omits (no effect for one memory); forget batches of the repair stage do not move "
                + "running statistics. --compat does all of it the public code's way.",
            (task, options) => new ScissorHands(task, options)
        );

    /// <inheritdoc/>
    public override IReadOnlyList<Preparation> Preparations => Trim.Preparations(Task, _options.TrimStage);

    /// <inheritdoc/>
    public override long VectorBytes => base.VectorBytes + (_projection?.Bytes ?? 0) + (_memories?.Bytes ?? 0);

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, double Value, string Sentence)> Measurements =>
        _projection is null || _jointSteps == 0
            ? []
            :
            [
                (
                    "projectedSteps",
                    _projected,
                    FormattableString.Invariant($"the projection changed {_projected:N0} of {_jointSteps:N0} steps with forget data")
                ),
            ];

    /// <summary>Products of the last joint gradient with the memories, and what they may fall below 0, see
    /// <see cref="MemoryProjection.Check"/>; null where nothing is projected.</summary>
    internal (double[] Products, double Slack)? CheckProjection() => _projection?.Check(_total.Vector, _joint.Step.Change);

    /// <inheritdoc/>
    public override void Save(TrainingState state)
    {
        base.Save(state);
        _projection?.Save(state);
        state.Set("joint-steps", _jointSteps);
        state.Set("projected-steps", _projected);
    }

    /// <inheritdoc/>
    public override void Restore(TrainingState state)
    {
        base.Restore(state);
        _projection?.Restore(state);
        (_jointSteps, _projected) = (state.GetInt64("joint-steps"), state.GetInt64("projected-steps"));
    }

    /// <inheritdoc/>
    protected override StepTelemetry? Give(long index)
    {
        var inEpoch = index % StepsPerEpoch;
        if (inEpoch == 0)
            _memories?.Refresh(_projection!);
        if (_projection is not null)
            _projection.Enabled = inEpoch % _options.ProjectEvery == 0;
        return base.Give(index);
    }

    /// <inheritdoc/>
    protected override StepTelemetry Taken(long index, StepTelemetry telemetry)
    {
        if (_projection is null || StepAt(index) != _joint)
            return telemetry;
        _jointSteps++;
        if (_joint.Step.Change > 0)
            _projected++;
        return telemetry;
    }
}
