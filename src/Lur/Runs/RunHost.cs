using Lur.Device;
using Lur.Models;

namespace Lur.Runs;

/// <summary>Where a run computes, whom it tells, and how it speaks: nothing here changes a number.</summary>
public sealed record RunHost
{
    /// <summary>The device, and how it is opened.</summary>
    public DeviceOptions Device { get; init; } = new();

    /// <summary>Memory of the program that the weights of a forgetting run lie in while it goes on and afterwards; null for memory of the
    /// run's own.</summary>
    public WeightMemory? Weights { get; init; }

    /// <summary>Hears what the run says; null for nobody. It is called from the thread of the run.</summary>
    public IProgress<RunEvent>? Progress { get; init; }

    /// <summary>Asked between two steps of a forgetting run: where it gives something a checkpoint is written, and that is called with its
    /// path. Null where nobody asks.</summary>
    public Func<Action<string>?>? Checkpoint { get; init; }

    /// <summary>Program that makes the run, as files record it beside the numbers: version and commit.</summary>
    public string Producer { get; init; } = OutputFolder.Version;

    /// <summary>How sentences name an option of a method or of a run, for example <c>lr</c>.</summary>
    public Func<string, string> Spell { get; init; } = option => option;

    /// <summary>Gives the dates in result.json and audit.jsonl; no other file has one.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
