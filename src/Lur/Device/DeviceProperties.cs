namespace Lur.Device;

/// <summary>What a device is, read from its attributes.</summary>
public sealed class DeviceProperties
{
    internal DeviceProperties(int ordinal, CUdevice device)
    {
        Ordinal = ordinal;
        Name = CudaContext.GetDeviceName(ordinal);
        SizeT bytes = 0;
        Native.Check(Drv.DeviceManagement.cuDeviceTotalMem_v2(ref bytes, device), "cuDeviceTotalMem_v2");
        TotalMemory = (long)(ulong)bytes;
        int Get(CUDeviceAttribute attribute)
        {
            var value = 0;
            Native.Check(Drv.DeviceManagement.cuDeviceGetAttribute(ref value, attribute, device), "cuDeviceGetAttribute");
            return value;
        }
        Multiprocessors = Get(CUDeviceAttribute.MultiProcessorCount);
        WarpSize = Get(CUDeviceAttribute.WarpSize);
        MaxThreadsPerBlock = Get(CUDeviceAttribute.MaxThreadsPerBlock);
        L2CacheBytes = Get(CUDeviceAttribute.L2CacheSize);
        SharedMemoryPerBlock = Get(CUDeviceAttribute.MaxSharedMemoryPerBlock);
        ComputeCapability = new Version(Get(CUDeviceAttribute.ComputeCapabilityMajor), Get(CUDeviceAttribute.ComputeCapabilityMinor));
    }

    private DeviceProperties(DeviceProperties here, DeviceModel model)
    {
        (Ordinal, Name) = (here.Ordinal, model.Name);
        (TotalMemory, Multiprocessors, WarpSize, MaxThreadsPerBlock) = (model.MemoryBytes, model.Multiprocessors, 32, 1024);
        (L2CacheBytes, SharedMemoryPerBlock, ComputeCapability) = (model.L2Bytes, 48 << 10, model.Capability);
    }

    /// <summary>As if the device were one of a model.</summary>
    internal DeviceProperties As(DeviceModel model) => new(this, model);

    /// <summary>Position in the driver's list.</summary>
    public int Ordinal { get; }

    /// <summary>The driver's name for it.</summary>
    public string Name { get; }

    /// <summary>True for a device of the host driver that traces kernels (docs/kernels.md).</summary>
    public bool Traces => Name.Contains(", trace", StringComparison.Ordinal);

    /// <summary>True for one that runs a sample of the blocks: what it computes is void.</summary>
    public bool IsVoid => Name.Contains(", trace of a sample", StringComparison.Ordinal);

    /// <summary>Multiprocessors; on a host device the worker threads.</summary>
    public int Multiprocessors { get; }

    /// <summary>Threads that share an instruction: 32 on a GPU, 1 where a block is one thread.</summary>
    public int WarpSize { get; }

    /// <summary>Largest block.</summary>
    public int MaxThreadsPerBlock { get; }

    /// <summary>Whether a block has more than one thread: on a GPU, and on the host driver's fiber devices that check kernels. There
    /// launches are few and their blocks work together; where a block is one thread, launches are cheap and vectors long.</summary>
    public bool HasThreads => MaxThreadsPerBlock > 1;

    /// <summary>Memory in bytes.</summary>
    public long TotalMemory { get; }

    /// <summary>Second-level cache in bytes.</summary>
    public long L2CacheBytes { get; }

    /// <summary>Static shared memory a block may use, in bytes.</summary>
    public long SharedMemoryPerBlock { get; }

    /// <summary>Compute capability; decides which images run.</summary>
    public Version ComputeCapability { get; }
}
