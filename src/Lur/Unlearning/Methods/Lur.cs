using System.Globalization;
using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>LUR, Learning to Unlearn while Retaining (ICCV 2025), for classification: trim, then repair on the bilevel
/// objective L_r(theta) + lambda L_u(theta - alpha grad L_r(theta)) (methods 1.2, 1.3).</summary>
/// <remarks>A run is a function of model, data, forget set and options: same seed, same bytes.</remarks>
public sealed class LurMethod : UnlearningMethod
{
    private const int TimedSteps = 5;
    private readonly LurOptions _options;
    private readonly List<LurStepTimes> _times = new(TimedSteps);
    private readonly FlatVector _momentum;
    private readonly BatchFeed _retain;
    private readonly BatchFeed? _forget;
    private readonly LurStep _step;
    private readonly LurStep? _plain;
    private readonly ForgetProbe? _probe;
    private (double Sum, int Count) _forgetAccuracy;
    private long? _stoppedAt;

    /// <summary>Prepares a run; the model is changed in place.</summary>
    /// <param name="task">Model, data, forget set, seed.</param>
    /// <param name="options">Options; their seed is the task's.</param>
    /// <exception cref="UserErrorException">An option is out of range.</exception>
    public LurMethod(UnlearningTask task, LurOptions options)
        : base(task)
    {
        options = options with { Seed = task.Seed };
        options.Validate();
        (_options, var note) = LurMemory.Fit(task.Model, options);
        options = _options;
        Notes = note is null ? [] : [note];
        var (data, set, model) = (task.Data, task.Set, task.Model);
        _momentum = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "momentum");
        _retain = new BatchFeed(data, set.Retain, options.BatchSize, RandomStream.StreamOf("order/retain", (long)options.Seed));
        if (options.Lambda > 0)
            _forget = new BatchFeed(data, set.Forget, options.ForgetRows, RandomStream.StreamOf("order/forget", (long)options.Seed));
        _step = new LurStep(model, _momentum, options, withForget: true);
        if (
            _forget is not null
            && options.EpochMode == EpochMode.RetainLengthPlainTail
            && _forget.BatchesPerEpoch < _retain.BatchesPerEpoch
        )
        {
            _plain = new LurStep(model, _momentum, options, withForget: false);
        }

        if (_forget is not null && options.ProbeEvery > 0)
        {
            _probe = new ForgetProbe(model, options);
        }
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        new(
            "lur",
            "LUR",
            "Trims the weights that the forget data depends on, then minimises retain loss + lambda times forget loss after a "
                + "simulated retain step of length alpha.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Learning to Unlearn while Retaining, ICCV 2025; no public code, details from a third-party re-implementation (ReGUn)",
            "Trimming leaves normalisation layers alone by type, and running statistics too; forget batches do not move "
                + "running statistics; an epoch is one pass over the retain set. --compat does all of it the re-implementation's way.",
            LurOptions.Options,
            values =>
            {
                var options = LurOptions.Read(values);
                options.Validate();
                return task => new LurMethod(task, options);
            }
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
    public override IReadOnlyList<Preparation> Preparations => Trim.Preparations(Task, _options);

    /// <summary>Steps of an epoch: the shorter loader in <see cref="EpochMode.MinSize"/>, else one pass over the retain set.</summary>
    public override int StepsPerEpoch =>
        _options.EpochMode == EpochMode.MinSize && _forget is not null
            ? Math.Min(_retain.BatchesPerEpoch, _forget.BatchesPerEpoch)
            : _retain.BatchesPerEpoch;

    /// <inheritdoc/>
    public override long Steps => _stoppedAt ?? (long)StepsPerEpoch * _options.Epochs;

    /// <inheritdoc/>
    public override Program Program => _step.Program;

    /// <inheritdoc/>
    public override long VectorBytes => _step.VectorBytes;

    /// <inheritdoc/>
    protected override StepTelemetry MakeStep(long index)
    {
        var inEpoch = (int)(index % StepsPerEpoch);
        var step = _plain is not null && inEpoch >= _forget!.BatchesPerEpoch ? _plain : _step;
        _retain.Fill((BatchStage)step.Retain);
        if (step.Forget is BatchStage forget)
        {
            _forget!.Fill(forget);
            if (_options.ForgetLoss == ForgetLoss.RandomLabel)
                RandomLabels.Redraw(forget.Labels, _options.Seed, forget.Counter, Model.Outputs);
        }

        var atTheta =
            _probe is not null && step.Forget is BatchStage batch && index % _options.ProbeEvery == 0 ? _probe.Measure(batch) : double.NaN;
        var telemetry = RunTimedOrNot(step, index) with { ForgetLossAtTheta = atTheta };
        StopIfForgotten(telemetry, index);
        return telemetry;
    }

    /// <summary>Timed steps make the same numbers; not the first, which pages memory in.</summary>
    private StepTelemetry RunTimedOrNot(LurStep step, long index)
    {
        if (step != _step || index == 0 || _times.Count == TimedSteps)
            return step.Run();
        var (telemetry, times) = step.RunTimed();
        _times.Add(times);
        return telemetry;
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

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _retain.Dispose();
        _forget?.Dispose();
        _step.Dispose();
        _plain?.Dispose();
        _probe?.Dispose();
        _momentum.Dispose();
        base.Dispose(disposing);
    }
}
