using Lur.Optimizers;
using Lur.Tensors;

namespace Lur.Steps;

/// <content>The update behind the guard, and what a step reports.</content>
public sealed partial class Step
{
    private const int StatisticsParts = 16;
    private int _change = -1;
    private Direction? _direction;

    /// <summary>Records guard, optimiser and commit: the last of a step.</summary>
    /// <param name="direction">What to descend along.</param>
    /// <param name="rule">What the update does beside the optimiser; null: nothing.</param>
    public void Update(Direction direction, UpdateRule? rule = null)
    {
        if (_updated)
            throw new InvalidOperationException("A step has one update.");
        rule ??= UpdateRule.Plain;
        Program.Section(UpdateSection);
        (_direction, _updated) = (direction, true);
        if (direction is BilevelDirection bilevel)
            UpdateBilevel(bilevel, rule);
        else
            UpdateAlong((VectorDirection)direction, rule);
        rule.After?.Invoke(Program, _telemetry.Skip);
        Commit();
    }

    /// <summary>Sum of the row losses, number of right answers and number of rows of a term in the step that was read last.</summary>
    public (double Loss, double Correct, double Rows) TotalsOf(GradientTerm term) =>
        (_telemetry.Read(term.Totals), _telemetry.Read(term.Totals + 1), _telemetry.Read(term.Totals + 2));

    /// <summary>What the change of the gradient reported in the step that was read last; 0 without one.</summary>
    public double Change => _change < 0 ? 0 : _telemetry.Read(_change);

    private void UpdateBilevel(BilevelDirection d, UpdateRule rule)
    {
        if (rule.MaskGradientOnly || rule.Penalty || rule.Change is not null)
            throw new ArgumentException("A bilevel update has a mask and nothing else: its direction is never a vector.", nameof(rule));
        if (_alpha < 0)
            _alpha = _telemetry.Reported(1); // zero: the update has no look-ahead
        _norms = _telemetry.Reported(Optimizer.BilevelTelemetry);
        var partials = Partials("meta-update", Optimizer.BilevelTelemetry);
        var gradient = new BilevelGradient(d.Retain.Vector, d.Forget?.Vector, d.Product, _telemetry.At(_alpha));
        if (rule.LargestNorm == 0)
        {
            Guard();
            _optimizer.EmitBilevel(Program, Target(rule.Mask), gradient, partials);
            Finish(partials, _norms, Optimizer.BilevelTelemetry);
            return;
        }

        // Its norm is known when all of it is: one pass to put it together, one to measure, one to update.
        Optimizer.EmitGradient(Program, Target(rule.Mask), gradient, d.Retain.Vector, partials);
        Finish(partials, _norms, Optimizer.BilevelTelemetry);
        Clip(d.Retain.Vector, rule.LargestNorm);
        Guard();
        _optimizer.Emit(Program, Target(rule.Mask), d.Retain.Vector);
    }

    private void UpdateAlong(VectorDirection d, UpdateRule rule)
    {
        var (launch, device, theta, g) = (Program.Launch, Program.Device, Model.Parameters, d.Vector);
        var (elements, mask) = (device.Elements(g.Count), rule.Mask);
        if (rule.Change is not null)
            rule.Change.Emit(Program, g, _telemetry.At(_change = _telemetry.Guarded(1)));
        if (rule.LargestNorm > 0)
            Clip(g, rule.LargestNorm);
        if (rule.MaskGradientOnly)
        {
            launch.Saliency.SaliencyGate(elements, g, mask, g.Count);
            mask = null;
        }

        if (rule.Penalty)
            launch.Sgd.L1Subgradient(elements, g, theta, Parameters.Device, g.Count);
        if (!d.SquareKnown)
            Square(g, _square = _telemetry.Guarded(1));
        Guard();
        _optimizer.Emit(Program, Target(mask), g);
    }

    // The guard looks at norm and factor.
    private void Clip(FlatVector gradient, double largest) =>
        GradientClipping.Emit(Program, gradient, largest, _telemetry.At(_telemetry.Guarded(GradientClipping.Results)));

    private UpdateTarget Target(ParameterMask? mask) => new(Model.Parameters, Parameters, _telemetry.Skip, mask);

    private void Guard()
    {
        var (launch, device) = (Program.Launch, Program.Device);
        Operand<double> nonfinite = default;
        if (_statistics is { Count: > 0 } next)
        {
            var slot = _telemetry.Reported(1);
            var partials = Program.Raw(
                $"{_options.Name}/statistics/partials",
                ValueRole.Workspace,
                new Shape(StatisticsParts),
                sizeof(double)
            );
            nonfinite = _telemetry.At(slot);
            var blocks = device.Blocks(StatisticsParts);
            if (Program.SumsAtOnce)
            {
                var done = Program.Counters(1);
                launch.Vector.VectorNonfiniteTotal(blocks, nonfinite, partials, done, next, next.Count, StatisticsParts);
            }
            else
            {
                launch.Vector.VectorCountNonfinite(blocks, partials, next, next.Count, StatisticsParts);
                launch.Vector.VectorFinishSum(device.Blocks(1), nonfinite, partials, StatisticsParts, 1);
            }
        }

        launch.Guard.StepGuard(device.Elements(1), _telemetry.Skip, _telemetry.Values, nonfinite, _telemetry.GuardedCount);
    }

    private void Commit()
    {
        if (_statistics is { Count: > 0 } next)
            Program.Launch.Guard.StepCommit(Program.Device.Elements(next.Count), Model.Buffers, next, _telemetry.Skip, next.Count);
    }

    private StepTelemetry Report()
    {
        var report = StepTelemetry.Empty with { Skipped = _telemetry.Skipped };
        foreach (var term in _terms)
        {
            double At(int offset) => _telemetry.Read(term.Totals + offset);
            var (loss, accuracy) = (At(0) / At(2), term.HasAnswers ? 100 * At(1) / At(2) : double.NaN);
            report =
                term.Term.Role == TermRole.Retain
                    ? report with
                    {
                        RetainLoss = loss,
                    }
                    : report with
                    {
                        ForgetLoss = loss,
                        ForgetAccuracy = accuracy,
                    };
        }

        return _direction switch
        {
            BilevelDirection d => ReportBilevel(report, d.Forget is not null),
            _ when _norms >= 0 => ReportNorms(report, parameters: 3),
            _ => ReportSingle(report, Math.Sqrt(_telemetry.Read(_square))),
        };
    }

    private StepTelemetry ReportSingle(StepTelemetry report, double norm) =>
        _terms[0].Term.Role == TermRole.Retain ? report with { RetainGradientNorm = norm } : report with { ForgetGradientNorm = norm };

    private StepTelemetry ReportNorms(StepTelemetry report, int parameters)
    {
        double g = Math.Sqrt(_telemetry.Read(_norms)),
            v = Math.Sqrt(_telemetry.Read(_norms + 1));
        return report with
        {
            RetainGradientNorm = g,
            ForgetGradientNorm = v,
            Cosine = _telemetry.Read(_norms + 2) / (g * v),
            ParameterNorm = Math.Sqrt(_telemetry.Read(_norms + parameters)),
        };
    }

    private StepTelemetry ReportBilevel(StepTelemetry report, bool forgets)
    {
        var norms = ReportNorms(report, parameters: 4);
        if (!forgets)
            return norms with { ForgetGradientNorm = double.NaN, Cosine = double.NaN };
        var (alpha, h) = (_telemetry.Read(_alpha), Math.Sqrt(_telemetry.Read(_norms + 3)));
        return norms with { SecondOrderShare = alpha * h / norms.ForgetGradientNorm, LookAheadNorm = alpha * norms.RetainGradientNorm };
    }
}
