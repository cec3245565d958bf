using Lur.Device;
using Microsoft.Extensions.Logging;

namespace Lur.Hosting;

/// <summary>How a program opens Lur. What is left at its default is decided by the environment, and without that by the machine.</summary>
/// <remarks><see cref="Device"/>, <see cref="Threads"/> and <see cref="IgnoreEnvironment"/> choose the native libraries of the process,
/// which has one set: the first engine decides, and a later one that asks for others is refused with a sentence. Everything else is of
/// the engine alone.</remarks>
public sealed record LurEngineOptions
{
    /// <summary>Who computes (LUR_DEVICE).</summary>
    public DeviceKind Device { get; init; }

    /// <summary>Number of the device, from 0.</summary>
    public int Ordinal { get; init; }

    /// <summary>Threads of the CPU, where no GPU computes (LUR_HOST_THREADS), 1 to 1024; 0 for the cores that the process may
    /// use.</summary>
    public int Threads { get; init; }

    /// <summary>Folder in which compiled kernels (<c>kernels</c>) and models trained to compare with (<c>references</c>) are kept, made
    /// where it is missing; null for the user's (LUR_CACHE, LUR_REFERENCES, else ~/.cache/lur), and for none where the environment is
    /// ignored.</summary>
    public string? CacheFolder { get; init; }

    /// <summary>Folder of the kernels' texts (LUR_KERNELS); null for those that came with the library.</summary>
    public string? KernelFolder { get; init; }

    /// <summary>True to let no variable of the environment decide anything: device, folders, compiler, libraries.</summary>
    public bool IgnoreEnvironment { get; init; }

    /// <summary>Hears in sentences what jobs say: notes as information, findings as warnings. Called from the thread of the job; null for
    /// nobody.</summary>
    public ILogger? Logger { get; init; }

    /// <summary>Gives the dates in result.json and audit.jsonl; no other file has one.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
