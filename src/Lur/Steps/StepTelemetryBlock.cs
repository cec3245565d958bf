namespace Lur.Steps;

/// <summary>The numbers that a step reports, in one block of doubles on the device. What stands before <see cref="GuardedCount"/>
/// decides whether the step counts: all of it must be finite.</summary>
internal sealed class StepTelemetryBlock
{
    private const int Size = 32;
    private readonly RunOutput<double> _read;
    private readonly RunOutput<int> _skipRead;
    private int _reported = Size;

    public StepTelemetryBlock(Program program, string name)
    {
        Values = program.Raw($"{name}/telemetry", ValueRole.Output, new Shape(Size), sizeof(double));
        Skip = program.Raw($"{name}/skip", ValueRole.Output, new Shape(2), sizeof(int));
        (_read, _skipRead) = (program.Output<double>(Values), program.Output<int>(Skip));
        program.Clear(Values);
        program.Clear(Skip);
    }

    /// <summary>All numbers, double.</summary>
    public Value Values { get; }

    /// <summary>int [2]: whether this step is skipped, and how many were.</summary>
    public Value Skip { get; }

    /// <summary>Numbers that the guard looks at.</summary>
    public int GuardedCount { get; private set; }

    /// <summary>Runs that were given and not yet read.</summary>
    public int Pending => _read.Pending;

    /// <summary>True when the step that was read last was skipped.</summary>
    public bool Skipped => _skipRead.Span[0] != 0;

    /// <summary>Numbers that are known before the update and must be finite.</summary>
    public int Guarded(int count)
    {
        RequireRoom(count);
        return (GuardedCount += count) - count;
    }

    /// <summary>Numbers that only inform.</summary>
    public int Reported(int count)
    {
        RequireRoom(count);
        return _reported -= count;
    }

    public Operand<double> At(int slot) => Values.At<double>(slot);

    /// <summary>Waits for the oldest run that was not read, and reads it.</summary>
    public void Take()
    {
        _read.Read();
        _skipRead.Read();
    }

    /// <summary>A number of the run that was read last.</summary>
    public double Read(int slot) => _read.Span[slot];

    private void RequireRoom(int count)
    {
        if (GuardedCount + count > _reported)
            throw new InvalidOperationException($"A step reports at most {Size} numbers.");
    }
}
