using Lur.Tensors;

namespace Lur.Steps;

/// <summary>A change of the gradient before the update, such as a projection.</summary>
public interface IGradientChange
{
    /// <summary>Records the change.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="gradient">G, changed in place.</param>
    /// <param name="report">One double that is finite exactly when the change is; the update is skipped when it is not.</param>
    void Emit(Program program, FlatVector gradient, Operand<double> report);
}

/// <summary>What an update does beside the optimiser.</summary>
public sealed record UpdateRule
{
    /// <summary>Nothing.</summary>
    public static UpdateRule Plain { get; } = new();

    /// <summary>Parameters that may move; null: all.</summary>
    public ParameterMask? Mask { get; init; }

    /// <summary>True to mask the gradient alone, so that momentum and weight decay still move masked-out weights; false freezes
    /// those weights and their momentum.</summary>
    public bool MaskGradientOnly { get; init; }

    /// <summary>True to add <see cref="Optimizers.StepParameterBuffer.Penalty"/> sign(theta) to the gradient.</summary>
    public bool Penalty { get; init; }

    /// <summary>Changes the gradient; null: nothing.</summary>
    public IGradientChange? Change { get; init; }

    /// <summary>Largest norm of the gradient: a longer one is scaled to it, all of it, before a mask. 0: none is.</summary>
    public double LargestNorm { get; init; }

    /// <summary>Records what follows the optimiser, given the skip flag (int); null: nothing.</summary>
    public Action<Program, Value>? After { get; init; }
}
