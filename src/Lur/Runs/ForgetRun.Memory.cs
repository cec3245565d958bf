namespace Lur.Runs;

/// <content>What a step takes, before anything runs.</content>
public sealed partial class ForgetRun
{
    /// <summary>What a step takes on the device; nothing is written.</summary>
    /// <exception cref="UserErrorException">The settings or the data cannot be used, or the method has no step.</exception>
    public StepMemory Plan()
    {
        using var parts = ForgetParts.Open(settings, _host, _preparations.Report, CancellationToken.None, toPlan: true);
        return PlanOf(parts)
            ?? throw new UserErrorException(
                $"The method {settings.Method.Definition.Name} has no step to plan; leave out {_host.Spell("plan")}."
            );
    }

    private static StepMemory? PlanOf(ForgetParts parts)
    {
        var (method, model) = (parts.Method, parts.Model);
        return method.Program is { } program
            ? StepMemory.Of(program, model, 2 + (int)(method.VectorBytes / model.Parameters.Bytes), method.PlanRows) with
            {
                Steps = method.Steps,
            }
            : null;
    }

    private void RequireMemory(ForgetParts parts)
    {
        if (settings.MaxMemory == 0 || PlanOf(parts) is not { } plan || (ulong)plan.TotalBytes <= settings.MaxMemory)
            return;
        throw new UserErrorException(
            $"A step of {settings.Method.Definition.Name} takes {plan.TotalBytes} bytes of device memory, and {_host.Spell("max-memory")} "
                + $"allows {settings.MaxMemory}: raise it, or take smaller batches."
        )
        {
            IsMemory = true,
        };
    }
}
