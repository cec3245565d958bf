using Lur.Cuda.Loading;

namespace Lur.Device;

/// <summary>Who computes.</summary>
public enum DeviceKind
{
    /// <summary>What LUR_DEVICE says, else a GPU where there is one, else the host driver.</summary>
    Auto,

    /// <summary>NVIDIA's driver, or an error.</summary>
    Cuda,

    /// <summary>The host driver: the CPU's cores.</summary>
    Host,
}

/// <summary>Which device to open, and how.</summary>
/// <remarks><see cref="Kind"/>, <see cref="Threads"/> and whether the environment is ignored are the process's, whose imports are
/// answered once: the first to open a device decides, and who asks for something else later is told so. Left at their defaults they
/// ask for nothing.</remarks>
public sealed record DeviceOptions
{
    /// <summary>Who computes.</summary>
    public DeviceKind Kind { get; init; }

    /// <summary>0-based position in the driver's list.</summary>
    public int Ordinal { get; init; }

    /// <summary>Threads of the host driver, 1 to 1024; 0 for LUR_HOST_THREADS, else for the cores that the process may use.</summary>
    public int Threads { get; init; }

    /// <summary>Where kernels come from, and whether the environment is ignored.</summary>
    public KernelPlaces Kernels { get; init; } = KernelPlaces.Default;

    /// <summary>Where a program works already: the device is opened in its context, stream and memory, and the rest here does not count.
    /// Null opens it by itself.</summary>
    public DeviceAttachment? Attachment { get; init; }

    /// <summary>True to open a device whose results are void, to look at it or to trace on it; else it is refused.</summary>
    public bool MayBeVoid { get; init; }

    /// <summary>A model whose attributes the device is to show in place of its own, for plans of steps that run elsewhere; null for none.
    /// It has memory and runs nothing.</summary>
    public DeviceModel? PlannedAs { get; init; }

    /// <summary>Chooses the libraries of the process. Who asks for nothing leaves that to the first call into the bindings, which says by
    /// itself what is missing.</summary>
    /// <exception cref="UserErrorException">They cannot be had, or the process has others already.</exception>
    internal void Settle()
    {
        if (Threads is < 0 or > 1024)
            throw new UserErrorException($"{Threads} threads were asked for; give 1 to 1024, or 0 for the machine's cores.");
        var kind = Kind switch
        {
            DeviceKind.Cuda => "cuda",
            DeviceKind.Host => "host",
            _ => "",
        };
        var wish = new LibraryWish(kind, Threads, Kernels.IgnoreEnvironment);
        if (wish != new LibraryWish() && NativeLibraries.Settle(wish) is { } why)
            throw new UserErrorException(why);
    }
}
