namespace Lur.Device;

/// <content>Opening a device, and working in the context, the stream and the memory of a program that has its own.</content>
public sealed partial class ComputeDevice
{
    private const int Alignment = 256;
    private readonly IDeviceAllocator? _allocator;

    /// <summary>CUcontext that the device works in.</summary>
    public nint NativeContext => _handle.Pointer;

    /// <summary>CUstream that everything but copies beside the kernels goes to.</summary>
    public nint NativeStream => Stream.Pointer;

    /// <summary>Opens a device, by its primary context.</summary>
    /// <param name="ordinal">0-based position in the driver's list.</param>
    /// <exception cref="DllNotFoundException">There is nothing to compute on; the message says what was tried.</exception>
    /// <exception cref="UserErrorException">There is no such device.</exception>
    public static ComputeDevice Open(int ordinal = 0) => Open(new DeviceOptions { Ordinal = ordinal });

    /// <summary>Opens a device, by its primary context unless the options name a place.</summary>
    /// <param name="options">Which, and how.</param>
    /// <exception cref="DllNotFoundException">There is nothing to compute on; the message says what was tried.</exception>
    /// <exception cref="UserErrorException">There is no such device, it computes nothing for others
    /// (<see cref="DeviceOptions.MayBeVoid"/>), or the process computes with other settings already.</exception>
    public static ComputeDevice Open(DeviceOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Attachment is { } place)
            return Attach(place);
        options.Settle();
        return Attach(
            new DeviceAttachment
            {
                Ordinal = options.Ordinal,
                Kernels = options.Kernels,
                MayBeVoid = options.MayBeVoid || options.PlannedAs is not null,
                PlannedAs = options.PlannedAs,
            }
        );
    }

    /// <summary>Opens a device as a program asks for it. What the program gave stays the program's: <see cref="Dispose"/> frees
    /// neither its context nor its stream.</summary>
    /// <param name="how">Context, stream, allocator, kernels.</param>
    /// <exception cref="DllNotFoundException">There is nothing to compute on; the message says what was tried.</exception>
    /// <exception cref="UserErrorException">There is no such device, or the stream cannot be used.</exception>
    /// <exception cref="CudaException">The context or the stream is none.</exception>
    public static ComputeDevice Attach(DeviceAttachment how)
    {
        ArgumentNullException.ThrowIfNull(how);
        var count = Count;
        if (how.Context == 0 && (how.Ordinal < 0 || how.Ordinal >= count))
        {
            throw new UserErrorException(
                $"There is no device {how.Ordinal}; the driver lists {count}, counted from 0 ('lur doctor' shows them)."
            );
        }
        if (how.Stream is 1 or 2)
        {
            throw new UserErrorException(
                "The default stream cannot be used: it cannot be captured, and it waits for other streams or belongs to one thread; make "
                    + "one with cuStreamCreate (CU_STREAM_NON_BLOCKING), or leave it out."
            );
        }
        return new ComputeDevice(how.Ordinal, how);
    }

    /// <summary>As <see cref="Attach(DeviceAttachment)"/>.</summary>
    /// <param name="context">CUcontext; 0 for the primary context of device 0.</param>
    /// <param name="stream">CUstream; 0 to make one.</param>
    /// <param name="allocator">Where device memory comes from; null for the driver.</param>
    public static ComputeDevice Attach(nint context, nint stream, IDeviceAllocator? allocator = null) =>
        Attach(
            new DeviceAttachment
            {
                Context = context,
                Stream = stream,
                Allocator = allocator,
            }
        );

    /// <summary>Takes device memory, inside an open scope.</summary>
    /// <exception cref="CudaException">Out of memory.</exception>
    internal CUdeviceptr TakeMemory(long bytes)
    {
        CUdeviceptr pointer = default;
        if (_allocator is null)
        {
            Native.Check(Drv.MemoryManagement.cuMemAlloc_v2(ref pointer, bytes), "cuMemAlloc_v2", bytes);
            return pointer;
        }

        var address = _allocator.Allocate(bytes, Alignment);
        if (address == 0)
            throw new CudaException(OutOfMemory, $"The program's allocator gave no memory; {bytes} bytes were asked for.", null);
        if (address % Alignment == 0)
            return At(address);
        _allocator.Release(address, bytes);
        throw new ArgumentException($"The program's allocator gave the address 0x{address:x}, which is no multiple of {Alignment}.");
    }

    /// <summary>Gives device memory back, inside a scope that is open unless the context is gone.</summary>
    internal void ReturnMemory(CUdeviceptr pointer, long bytes, bool alive)
    {
        if (_allocator is null)
        {
            if (alive)
                _ = Drv.MemoryManagement.cuMemFree_v2(pointer);
            return;
        }

        // cuMemFree waits for what uses the memory; the program's release need not.
        if (alive)
            WaitForAll();
        _allocator.Release(pointer.Pointer, bytes);
    }

    private const CUResult OutOfMemory = (CUResult)2;

    private static CUdevice DeviceOfContext()
    {
        CUdevice device = default;
        Native.Check(Drv.ContextManagement.cuCtxGetDevice(ref device), "cuCtxGetDevice");
        return device;
    }

    /// <summary>The program's stream, after a look whether it is one of the context and works.</summary>
    private static CUstream Foreign(nint handle)
    {
        var stream = new CUstream { Pointer = handle };
        CUstreamCaptureStatus status = default;
        Native.Check(Drv.Streams.cuStreamIsCapturing(stream, ref status), "cuStreamIsCapturing");
        return status == CUstreamCaptureStatus.None
            ? stream
            : throw new UserErrorException("The stream is capturing: open before the capture begins, or after it.");
    }
}
