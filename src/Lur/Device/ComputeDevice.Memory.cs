using System.Runtime.CompilerServices;

namespace Lur.Device;

/// <content>Memory and copies.</content>
public sealed unsafe partial class ComputeDevice
{
    /// <summary>Bytes of device memory now held through <see cref="Allocate"/>.</summary>
    public long LiveBytes { get; private set; }

    /// <summary>Largest <see cref="LiveBytes"/> since the device was opened or <see cref="ResetPeak"/> was called.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Calls of <see cref="Allocate"/> since the device was opened.</summary>
    public long AllocationCount { get; private set; }

    /// <summary>Names of the kernels that were launched since the device was opened, in either precision.</summary>
    internal IReadOnlySet<string> LaunchedKernels => _loaded.SelectMany(m => m.Launched).ToHashSet(StringComparer.Ordinal);

    /// <summary>Bytes that blocking calls (<see cref="Upload"/>, <see cref="Download"/>) copied since the device was opened.</summary>
    public long BlockingCopyBytes { get; private set; }

    /// <summary>Measures the peak from now on.</summary>
    public void ResetPeak() => PeakBytes = LiveBytes;

    /// <summary>Device memory that is free for the process, in bytes.</summary>
    public long FreeMemory
    {
        get
        {
            using var scope = Enter();
            SizeT free = 0,
                total = 0;
            Native.Check(Drv.MemoryManagement.cuMemGetInfo_v2(ref free, ref total), "cuMemGetInfo_v2");
            return (long)(ulong)free;
        }
    }

    /// <summary>
    /// Allocates device memory; for the arena and for tests. The address is 256-byte aligned on a GPU always, and on every
    /// device when <paramref name="bytes"/> is a multiple of 256 (a checking host driver puts the end at a protected page).
    /// </summary>
    /// <param name="bytes">Size; at least 1.</param>
    /// <exception cref="CudaException">Out of memory; the message holds the size.</exception>
    public DeviceMemory Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        using var scope = Enter();
        var pointer = TakeMemory(bytes);
        LiveBytes += bytes;
        PeakBytes = Math.Max(PeakBytes, LiveBytes);
        AllocationCount++;
        return new DeviceMemory(this, pointer, bytes);
    }

    /// <summary>Allocates page-locked host memory, from which copies run beside kernels and can be captured.</summary>
    /// <typeparam name="T">Element type.</typeparam>
    /// <param name="count">Number of elements; at least 1.</param>
    public PinnedBuffer<T> AllocatePinned<T>(long count)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, int.MaxValue);
        using var scope = Enter();
        return new PinnedBuffer<T>(this, count);
    }

    /// <summary>Copies to the device, behind all work given so far, and waits.</summary>
    /// <typeparam name="T">Element type in host memory.</typeparam>
    /// <typeparam name="TDevice">Element type on the device; the bytes are copied as they are.</typeparam>
    public void Upload<T, TDevice>(DevicePointer<TDevice> destination, ReadOnlySpan<T> source)
        where T : unmanaged
    {
        RefuseInCapture("Upload", "UploadAsync from a PinnedBuffer");
        if (source.IsEmpty)
            return;
        using var scope = Enter();
        var bytes = (long)source.Length * sizeof(T);
        fixed (T* p = source)
        {
            Native.Check(
                Drv.AsynchronousMemcpy_v2.cuMemcpyHtoDAsync_v2(At(destination.Address), (IntPtr)p, bytes, Stream),
                "cuMemcpyHtoDAsync_v2",
                bytes
            );
            Synchronize(DeviceStream.Compute);
            BlockingCopyBytes += bytes;
        }
    }

    /// <summary>Copies from the device, behind all work given so far, and waits.</summary>
    /// <typeparam name="T">Element type in host memory.</typeparam>
    /// <typeparam name="TDevice">Element type on the device; the bytes are copied as they are.</typeparam>
    public void Download<T, TDevice>(Span<T> destination, DevicePointer<TDevice> source)
        where T : unmanaged
    {
        RefuseInCapture("Download", "DownloadAsync into a PinnedBuffer");
        if (destination.IsEmpty)
            return;
        using var scope = Enter();
        var bytes = (long)destination.Length * sizeof(T);
        fixed (T* p = destination)
        {
            Native.Check(
                Drv.AsynchronousMemcpy_v2.cuMemcpyDtoHAsync_v2((IntPtr)p, At(source.Address), bytes, Stream),
                "cuMemcpyDtoHAsync_v2",
                bytes
            );
            Synchronize(DeviceStream.Compute);
            BlockingCopyBytes += bytes;
        }
    }

    /// <summary>Copies page-locked memory to the device in stream order. Do not change it before the copy is done. Can be
    /// captured.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="source">Where from.</param>
    /// <param name="count">Elements; all of the buffer when negative.</param>
    /// <param name="start">First element.</param>
    /// <param name="stream">Whose work it is; what another stream does with the data waits for an event behind the copy.</param>
    public void UploadAsync<T, TDevice>(
        DevicePointer<TDevice> destination,
        PinnedBuffer<T> source,
        long count = -1,
        long start = 0,
        DeviceStream stream = DeviceStream.Compute
    )
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(source);
        using var scope = Enter();
        var bytes = source.Bytes(start, ref count);
        Native.Check(
            Drv.AsynchronousMemcpy_v2.cuMemcpyHtoDAsync_v2(At(destination.Address), source.Address(start), bytes, Handle(stream)),
            "cuMemcpyHtoDAsync_v2",
            bytes
        );
    }

    /// <summary>Copies from the device to page-locked memory in stream order; wait before reading it. Can be captured.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="source">Where from.</param>
    /// <param name="count">Elements; all of the buffer when negative.</param>
    /// <param name="start">First element.</param>
    /// <param name="stream">Whose work it is; the copy stream waits for an event behind what computes the data.</param>
    public void DownloadAsync<T, TDevice>(
        PinnedBuffer<T> destination,
        DevicePointer<TDevice> source,
        long count = -1,
        long start = 0,
        DeviceStream stream = DeviceStream.Compute
    )
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(destination);
        using var scope = Enter();
        var bytes = destination.Bytes(start, ref count);
        Native.Check(
            Drv.AsynchronousMemcpy_v2.cuMemcpyDtoHAsync_v2(destination.Address(start), At(source.Address), bytes, Handle(stream)),
            "cuMemcpyDtoHAsync_v2",
            bytes
        );
    }

    /// <summary>Copies from the device to memory of the program in stream order; of pageable memory the call waits.</summary>
    internal void DownloadTo<T>(nint destination, DevicePointer<T> source, long bytes)
    {
        using var scope = Enter();
        Native.Check(
            Drv.AsynchronousMemcpy_v2.cuMemcpyDtoHAsync_v2(destination, At(source.Address), bytes, Stream),
            "cuMemcpyDtoHAsync_v2",
            bytes
        );
    }

    /// <summary>Copies within the device in stream order.</summary>
    public void Copy<T>(DevicePointer<T> destination, DevicePointer<T> source, long bytes)
    {
        if (bytes == 0)
            return;
        using var scope = Enter();
        Native.Check(
            Drv.AsynchronousMemcpy_v2.cuMemcpyDtoDAsync_v2(At(destination.Address), At(source.Address), bytes, Stream),
            "cuMemcpyDtoDAsync_v2",
            bytes
        );
    }

    /// <summary>Fills bytes in stream order.</summary>
    public void Fill<T>(DevicePointer<T> destination, byte value, long bytes)
    {
        if (bytes == 0)
            return;
        using var scope = Enter();
        Native.Check(Drv.MemsetAsync.cuMemsetD8Async(At(destination.Address), value, bytes, Stream), "cuMemsetD8Async", bytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static CUdeviceptr At(ulong address) => new(address);

    internal void Freed(long bytes) => LiveBytes -= bytes;

    // A captured copy of pageable memory would re-read an address that is long gone.
    private void RefuseInCapture(string call, string instead)
    {
        if (IsCapturing)
            throw new InvalidOperationException($"{call} waits for the device and cannot be captured; use {instead}.");
    }
}
