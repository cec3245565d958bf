namespace Lur.Unlearning;

/// <summary>NegGrad+: minimises CE on the retain set less a multiple of CE on the forget set (methods 5).</summary>
/// <remarks>LUR with alpha = 0 and without trimming is this method bit for bit.</remarks>
public sealed class NegGradPlusMethod : UnlearningMethod
{
    private readonly JointLoop _loop;

    private NegGradPlusMethod(UnlearningTask task, RepairOptions options, double lambda, EpochMode mode)
        : base(task) => _loop = new JointLoop(task, options with { Seed = task.Seed }, lambda, mode);

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        new(
            "neggrad",
            "NegGrad+",
            "Descends the retain loss and ascends the forget loss in the same step.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Kurmanji et al., \"Towards Unbounded Machine Unlearning\", NeurIPS 2023, and its public code (SCRUB)",
            "The weights are 1 and lambda instead of a and 1 - a, so that lambda and the learning rate do not move together; "
                + "forget batches do not move running statistics; --compat lets them, as the public code does.",
            [
                .. RepairOptions.Options(5e-3, 10, "ours: as ScissorHands' scripts, which step on the same two batches"),
                MethodOption.Number("lambda", 0.05, "Weight of the forget loss.", "public code of SCRUB: a = 0.95"),
                MethodChoices.EpochMode(EpochMode.RetainLengthCycleForget, "public code of SCRUB"),
                MethodChoices.Compat("", ("bn", "both")),
            ],
            values =>
            {
                var options = RepairOptions.Read(values);
                var (lambda, mode) = (values.Number("lambda", 0), values.Choice<EpochMode>("epoch-mode"));
                return task => new NegGradPlusMethod(task, options, lambda, mode);
            }
        );

    /// <inheritdoc/>
    public override int StepsPerEpoch => _loop.StepsPerEpoch;

    /// <inheritdoc/>
    public override long Steps => _loop.Steps;

    /// <inheritdoc/>
    public override Program Program => _loop.Step.Program;

    /// <inheritdoc/>
    public override long VectorBytes => _loop.Step.VectorBytes;

    /// <inheritdoc/>
    protected override StepTelemetry MakeStep(long index) => _loop.Run(index);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _loop.Dispose();
        base.Dispose(disposing);
    }
}
