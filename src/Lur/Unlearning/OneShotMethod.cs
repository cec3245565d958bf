namespace Lur.Unlearning;

/// <summary>A method without steps: its preparations do all the work (noise, dampening, one Newton step).</summary>
public abstract class OneShotMethod : UnlearningMethod
{
    /// <summary>Binds a method.</summary>
    protected OneShotMethod(UnlearningTask task)
        : base(task) { }

    /// <inheritdoc/>
    public override int StepsPerEpoch => 0;

    /// <inheritdoc/>
    public override long Steps => 0;

    /// <inheritdoc/>
    protected override StepTelemetry MakeStep(long index) =>
        throw new InvalidOperationException("A one-shot method has no steps; its preparations do the work.");
}
