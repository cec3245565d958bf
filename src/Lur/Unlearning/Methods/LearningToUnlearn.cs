using System.Globalization;
using Lur.Checkpoints;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tasks.Classification;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>LUR, Learning to Unlearn while Retaining (ICCV 2025), for classification: trim, then repair on the bilevel
/// objective L_r(theta) + lambda L_u(theta - alpha grad L_r(theta)).</summary>
/// <remarks>A run is a function of model, data, forget set and options: same seed, same bytes.</remarks>
public sealed class LearningToUnlearn : UnlearningMethod
{
    private const int TimedSteps = 5;
    private readonly LurOptions _options;
    private readonly List<StepTimes> _times = new(TimedSteps);
    private readonly FedStep _bilevel;
    private readonly LossProbe? _probe;
    private readonly Queue<double> _probes = []; // of the steps that are not read yet
    private (double Sum, long Count) _forgetAccuracy;
    private long _stoppedAt = long.MaxValue;

    /// <summary>Prepares a run; the model is changed in place.</summary>
    /// <param name="task">Model, data, forget set, seed.</param>
    /// <param name="options">Options; their seed is the task's.</param>
    /// <exception cref="OptionException">An option is out of range.</exception>
    public LearningToUnlearn(UnlearningTask task, LurOptions options)
        : base(task)
    {
        using var construction = Construct();
        options = options.Validated() with { Seed = task.Seed };
        (_options, var note) = LurMemory.Fit(task.Model, options);
        options = _options;
        Notes = note is null ? [] : [note];
        var momentum = StateVector("momentum");
        var retain = Feed(new MethodFeed(task, "retain", task.Set.Retain, options.BatchSize));
        var forget = options.Lambda > 0 ? Feed(new MethodFeed(task, "forget", task.Set.Forget, options.ForgetRows)) : null;
        _bilevel = Fed(momentum, retain, forget);
        var (r, f) = (retain.BatchesPerEpoch, forget?.BatchesPerEpoch ?? 0);
        var tail = options.EpochMode == EpochMode.RetainLengthPlainTail && forget is not null && f < r;
        if (tail)
            SetEpochs(options.Epochs, (_bilevel, f), (Fed(momentum, retain, null), r - f));
        else
            SetEpochs(options.Epochs, (_bilevel, options.EpochMode == EpochMode.MinSize && forget is not null ? Math.Min(r, f) : r));
        if (forget is not null && options.ProbeEvery > 0)
            _probe = Own(ProbeOf(task.Learning));
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<LurOptions>(
            "lur",
            "LUR",
            "Trims the weights that the forget data depends on, then minimises retain loss + lambda times forget loss after a "
                + "simulated retain step of length alpha.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Learning to Unlearn while Retaining, ICCV 2025; no public code, details from a third-party re-implementation (ReGUn)",
            "Trimming leaves normalisation layers alone by type, and running statistics too; forget batches do not move "
                + "running statistics; an epoch is one pass over the retain set. --compat does all of it the re-implementation's way.",
            (task, options) => new LearningToUnlearn(task, options)
        );

    /// <inheritdoc/>
    public override IReadOnlyList<string> Notes { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, long Bytes)> PlanRows
    {
        get
        {
            long Bytes(HessianVectorProduct hvp) => LurMemory.Bytes(Model, _options with { Hvp = hvp });
            var (none, exact) = (Bytes(HessianVectorProduct.None), Bytes(HessianVectorProduct.Exact));
            return
            [
                ("total with --hvp none", none),
                ("total with --hvp fd", Bytes(HessianVectorProduct.FiniteDifference)),
                ("total with --hvp exact", exact),
                ("exact costs over none", exact - none),
            ];
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, double Value, string Sentence)> Measurements
    {
        get
        {
            if (_times.Count == 0 || double.IsNaN(_times[0].Product))
                return [];
            var ratio = Median(_times.Select(t => t.Product / t.RetainGradient));
            return
            [
                (
                    "hvpToGradient",
                    ratio,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"a Hessian-vector product "
                            + $"({(_options.Hvp == HessianVectorProduct.Exact ? "exact" : "finite difference")}) took {ratio:F2} "
                            + $"times as long as a retain gradient (median over {_times.Count} steps)"
                    )
                ),
            ];
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Preparation> Preparations => Trim.Preparations(Task, _options.TrimStage);

    /// <inheritdoc/>
    public override long Steps => Math.Min(base.Steps, _stoppedAt);

    /// <inheritdoc/>
    public override void Save(TrainingState state)
    {
        base.Save(state);
        state.Set("stopped-at", _stoppedAt);
        state.Set("forget-accuracy/sum", _forgetAccuracy.Sum);
        state.Set("forget-accuracy/count", _forgetAccuracy.Count);
    }

    /// <inheritdoc/>
    public override void Restore(TrainingState state)
    {
        base.Restore(state);
        _stoppedAt = state.GetInt64("stopped-at");
        _forgetAccuracy = (state.GetDouble("forget-accuracy/sum"), state.GetInt64("forget-accuracy/count"));
    }

    /// <inheritdoc/>
    protected override StepTelemetry? Give(long index)
    {
        var step = StepAt(index);
        step.Fill(index);
        var probed = _probe is not null && step == _bilevel && index % _options.ProbeEvery == 0;
        var atTheta = probed ? _probe!.Measure(step.Last) : double.NaN;
        if (_probe is not null)
            _probes.Enqueue(atTheta);
        // Timed steps make the same numbers; not the first, which pages memory in.
        if (step != _bilevel || index == 0 || _times.Count == TimedSteps)
        {
            step.Step.Enqueue(index, Steps);
            return null;
        }

        TakeAll();
        var (telemetry, times) = step.Step.RunTimed(index, Steps);
        _times.Add(times);
        return telemetry;
    }

    /// <inheritdoc/>
    protected override StepTelemetry Taken(long index, StepTelemetry telemetry)
    {
        StopIfForgotten(telemetry, index);
        return _probe is null ? telemetry : telemetry with { ForgetLossAtTheta = _probes.Dequeue() };
    }

    /// <summary>The accuracy of an epoch may end the run.</summary>
    protected override bool MustWait(long index) => _options.StopAccuracy >= 0 && (index + 1) % StepsPerEpoch == 0;

    /// <summary>The step with the feeds of its batches.</summary>
    private FedStep Fed(FlatVector momentum, MethodFeed retain, MethodFeed? forget)
    {
        var step = Own(new LurStep(Model, momentum, _options, withForget: forget is not null));
        if (forget is null)
            return new FedStep(step.Step, (retain, (BatchStage)step.Retain));
        var stage = (BatchStage)step.Forget!;
        return new FedStep(step.Step, (retain, (BatchStage)step.Retain), (forget, stage))
        {
            Prepare =
                _options.ForgetLoss == ForgetLoss.RandomLabel
                    ? _ => RandomLabels.Redraw(stage.Labels, _options.Seed, stage.Counter, Model.Outputs)
                    : null,
        };
    }

    private LossProbe ProbeOf(LearningTask learning)
    {
        var (o, mode) = (_options, _options.BatchNorm.ProbeMode());
        return new LossProbe(learning, o.ForgetLossOf(learning), "forget", o.ForgetRows, o.Augment, o.Seed, mode);
    }

    private void StopIfForgotten(StepTelemetry telemetry, long index)
    {
        if (double.IsFinite(telemetry.ForgetAccuracy))
            _forgetAccuracy = (_forgetAccuracy.Sum + telemetry.ForgetAccuracy, _forgetAccuracy.Count + 1);
        if ((index + 1) % StepsPerEpoch != 0)
            return;
        if (_forgetAccuracy.Count > 0 && _forgetAccuracy.Sum / _forgetAccuracy.Count <= _options.StopAccuracy)
            _stoppedAt = index + 1;
        _forgetAccuracy = default;
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
