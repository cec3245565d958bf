namespace Lur.Device;

/// <summary>Gives device memory in the driver's place, to a program that has an allocator of its own.</summary>
public interface IDeviceAllocator
{
    /// <summary>Gives memory. Called with the device's context current, on the thread that needs it; never within a step.</summary>
    /// <param name="bytes">Size, at least 1.</param>
    /// <param name="alignment">The address is a multiple of it.</param>
    /// <returns>The address; 0 when there is none left.</returns>
    ulong Allocate(long bytes, int alignment);

    /// <summary>Takes memory back; no work that was given to the device uses it any more.</summary>
    /// <param name="address">What <see cref="Allocate"/> gave.</param>
    /// <param name="bytes">Its size.</param>
    void Release(ulong address, long bytes);
}

/// <summary>How to work on a device that a program uses already: in its context, in its stream, in its memory.</summary>
public sealed record DeviceAttachment
{
    /// <summary>Device in the driver's list, counted from 0; does not count where <see cref="Context"/> is given.</summary>
    public int Ordinal { get; init; }

    /// <summary>CUcontext of the program, kept alive by it; 0 retains the device's primary context, which is the one of the CUDA
    /// runtime.</summary>
    public nint Context { get; init; }

    /// <summary>CUstream of the program, in that context and kept alive by it: all work goes there, in order. 0 makes one. Not the
    /// default stream (1, 2), which cannot be captured or belongs to a thread.</summary>
    public nint Stream { get; init; }

    /// <summary>Where device memory comes from; null for the driver.</summary>
    public IDeviceAllocator? Allocator { get; init; }

    /// <summary>Where kernels come from.</summary>
    public KernelPlaces Kernels { get; init; } = KernelPlaces.Default;

    /// <summary>See <see cref="DeviceOptions.MayBeVoid"/>.</summary>
    internal bool MayBeVoid { get; init; }

    /// <summary>See <see cref="DeviceOptions.PlannedAs"/>.</summary>
    internal DeviceModel? PlannedAs { get; init; }
}
