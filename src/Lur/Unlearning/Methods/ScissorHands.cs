namespace Lur.Unlearning;

/// <summary>ScissorHands (SHs): trims as LUR does, then descends CE on retain data less lambda CE on forget data, with the
/// gradient of the late layers projected against memories of the forget data (methods 2).</summary>
public sealed class ScissorHandsMethod : UnlearningMethod
{
    private readonly LurOptions _trim;
    private readonly MemoryOptions _options;
    private readonly JointLoop _loop;
    private readonly MemoryProjection? _projection;
    private readonly MemoryGradients? _memories;
    private long _joint,
        _projected;

    /// <summary>Options of the memories and the projection.</summary>
    private sealed record MemoryOptions(double Lambda, int Count, int Every, double Margin, bool Accumulate);

    private ScissorHandsMethod(UnlearningTask task, RepairOptions repair, LurOptions trim, MemoryOptions options)
        : base(task)
    {
        repair = repair with { Seed = task.Seed };
        _trim = trim with { Seed = task.Seed, BatchSize = repair.BatchSize, Augment = repair.Augment };
        _options = options;
        if (options.Every > 0)
        {
            _projection = new MemoryProjection(Model, Trim.LateTensors(Model, _trim), options.Count, options.Margin);
            _memories = new MemoryGradients(task, repair, options.Accumulate);
        }

        _loop = new JointLoop(task, repair, options.Lambda, EpochMode.RetainLengthPlainTail, _projection);
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        new(
            "scissorhands",
            "ScissorHands",
            "Trims the weights that the forget data depends on, then descends the retain loss and ascends the forget loss, "
                + "projecting the gradient of the late layers where it would lower the forget loss.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Wu, Harandi, \"Scissorhands\", ECCV 2024, and its public code (SHs_cifar10.py and variants)",
            "Trimming leaves normalisation layers alone by type, and running statistics too; gradients are zeroed between "
                + "memories, which the public code omits (no effect for one memory); forget batches of the repair stage do not move "
                + "running statistics. --compat does all of it the public code's way.",
            [
                .. RepairOptions.Options(5e-3, 10, "ScissorHands' scripts for 10 % of CIFAR-10"),
                MethodOption.Number("lambda", 0.05, "Weight of the forget loss.", "ScissorHands' scripts for 10 % of CIFAR-10"),
                .. LurOptions.TrimOptions,
                MethodOption.Integer(
                    "memory",
                    1,
                    "Forget batches whose gradients are kept as memories, afresh every epoch.",
                    "ScissorHands' scripts; the public code's own default is 10"
                ),
                MethodOption.Integer(
                    "project-every",
                    1,
                    "Project in every n-th step of an epoch; 0 never projects and keeps no memory.",
                    "ScissorHands' scripts for 10 % of CIFAR-10; 10 for 50 %"
                ),
                MethodOption.Number(
                    "margin",
                    0.5,
                    "Least multiple of a memory that is added where the projection fires.",
                    "public code of ScissorHands (GEM)"
                ),
                MethodChoices.Compat(LurOptions.CompatTrim + "; memory i is the sum of the first i gradients", ("bn", "both")),
            ],
            values =>
            {
                var (repair, trim) = (RepairOptions.Read(values), LurOptions.ReadTrim(values));
                var memory = new MemoryOptions(
                    values.Number("lambda", 0),
                    values.Integer("memory", 1, 64),
                    values.Integer("project-every"),
                    values.Number("margin", 0),
                    values.Flag("compat")
                );
                return task => new ScissorHandsMethod(task, repair, trim, memory);
            }
        );

    /// <inheritdoc/>
    public override IReadOnlyList<Preparation> Preparations => Trim.Preparations(Task, _trim);

    /// <inheritdoc/>
    public override int StepsPerEpoch => _loop.StepsPerEpoch;

    /// <inheritdoc/>
    public override long Steps => _loop.Steps;

    /// <inheritdoc/>
    public override Program Program => _loop.Step.Program;

    /// <inheritdoc/>
    public override long VectorBytes => _loop.Step.VectorBytes + (_projection?.Bytes ?? 0) + (_memories?.Bytes ?? 0);

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, double Value, string Sentence)> Measurements =>
        _projection is null || _joint == 0
            ? []
            :
            [
                (
                    "projectedSteps",
                    _projected,
                    FormattableString.Invariant($"the projection changed {_projected:N0} of {_joint:N0} steps with forget data")
                ),
            ];

    /// <summary>Products of the last joint gradient with the memories, and what they may fall below 0, see
    /// <see cref="MemoryProjection.Check"/>; null where nothing is projected.</summary>
    internal (double[] Products, double Slack)? CheckProjection() => _projection?.Check(_loop.Step.Gradient, _loop.Step.Change);

    /// <inheritdoc/>
    protected override StepTelemetry MakeStep(long index)
    {
        if (_projection is null)
            return _loop.Run(index);
        var inEpoch = index % StepsPerEpoch;
        if (inEpoch == 0)
            _memories!.Refresh(_projection);
        _projection.Enabled = inEpoch % _options.Every == 0;
        var telemetry = _loop.Run(index);
        if (double.IsNaN(telemetry.ForgetLoss))
            return telemetry;
        _joint++;
        if (_loop.Step.Change > 0)
            _projected++;
        return telemetry;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _loop.Dispose();
        _memories?.Dispose();
        _projection?.Dispose();
        base.Dispose(disposing);
    }
}
