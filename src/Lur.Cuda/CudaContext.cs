// Instance methods as in ManagedCuda, although the driver acts on the current context.
#pragma warning disable CA1822
using System.Text;
using Lur.Cuda.BasicTypes;
using Drv = Lur.Cuda.DriverAPINativeMethods;

namespace Lur.Cuda;

/// <summary>A context on one device. Every call needs it current on the calling thread: <see cref="SetCurrent"/>.</summary>
public abstract class CudaContext : IDisposable
{
    private protected CUcontext _context;
    private protected CUdevice _device;

    private protected CudaContext(int deviceId)
    {
        DeviceId = deviceId;
        _device = GetDevice(deviceId);
    }

    /// <summary>The native context.</summary>
    public CUcontext Context => _context;

    /// <summary>The native device.</summary>
    public CUdevice Device => _device;

    /// <summary>Ordinal of the device.</summary>
    public int DeviceId { get; }

    /// <summary>Number of devices.</summary>
    /// <exception cref="CudaException">The driver does not start.</exception>
    public static int GetDeviceCount()
    {
        Drv.cuInit(CUInitializationFlags.None).Check("cuInit");
        var count = 0;
        Drv.DeviceManagement.cuDeviceGetCount(ref count).Check("cuDeviceGetCount");
        return count;
    }

    /// <summary>Name of a device.</summary>
    public static string GetDeviceName(int deviceId)
    {
        var name = new byte[256];
        Drv.DeviceManagement.cuDeviceGetName(name, name.Length, GetDevice(deviceId)).Check("cuDeviceGetName");
        var end = Array.IndexOf(name, (byte)0);
        return Encoding.UTF8.GetString(name, 0, end < 0 ? name.Length : end);
    }

    /// <summary>Compute capability of a device.</summary>
    public static Version GetDeviceComputeCapability(int deviceId)
    {
        var device = GetDevice(deviceId);
        return new Version(
            GetAttribute(device, CUDeviceAttribute.ComputeCapabilityMajor),
            GetAttribute(device, CUDeviceAttribute.ComputeCapabilityMinor)
        );
    }

    /// <summary>The newest CUDA version that the driver supports.</summary>
    public static Version GetDriverVersion()
    {
        var version = 0;
        Drv.cuDriverGetVersion(ref version).Check("cuDriverGetVersion");
        return new Version(version / 1000, version % 1000 / 10);
    }

    /// <summary>Makes the context current on the calling thread.</summary>
    public void SetCurrent() => Drv.ContextManagement.cuCtxSetCurrent(_context).Check("cuCtxSetCurrent");

    /// <summary>Waits for all work of the current context.</summary>
    public void Synchronize() => Drv.ContextManagement.cuCtxSynchronize().Check("cuCtxSynchronize");

    /// <summary>Free device memory in bytes.</summary>
    public SizeT GetFreeDeviceMemorySize() => GetMemoryInfo().Free;

    /// <summary>Total device memory in bytes.</summary>
    public SizeT GetTotalDeviceMemorySize() => GetMemoryInfo().Total;

    /// <summary>Loads a cubin, PTX or host image into the current context.</summary>
    /// <exception cref="CudaException">The image is not for this device, or damaged.</exception>
    public CUmodule LoadModulePTX(byte[] image)
    {
        ArgumentNullException.ThrowIfNull(image);
        CUmodule module = default;
        Drv.ModuleManagement.cuModuleLoadData(ref module, image).Check("cuModuleLoadData", image.Length);
        return module;
    }

    /// <summary>Unloads a module.</summary>
    public void UnloadModule(CUmodule module) => Drv.ModuleManagement.cuModuleUnload(module).Check("cuModuleUnload");

    /// <summary>Releases the context.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases the native context.</summary>
    protected abstract void Dispose(bool disposing);

    private protected static CUdevice GetDevice(int deviceId)
    {
        Drv.cuInit(CUInitializationFlags.None).Check("cuInit");
        CUdevice device = default;
        var result = Drv.DeviceManagement.cuDeviceGet(ref device, deviceId);
        if (result != CUResult.Success)
            CudaException.Throw(result, "cuDeviceGet", $"ordinal: {deviceId}");
        return device;
    }

    private static int GetAttribute(CUdevice device, CUDeviceAttribute attribute)
    {
        var value = 0;
        Drv.DeviceManagement.cuDeviceGetAttribute(ref value, attribute, device).Check("cuDeviceGetAttribute");
        return value;
    }

    private static (SizeT Free, SizeT Total) GetMemoryInfo()
    {
        SizeT free = 0,
            total = 0;
        Drv.MemoryManagement.cuMemGetInfo_v2(ref free, ref total).Check("cuMemGetInfo_v2");
        return (free, total);
    }
}

/// <summary>The primary context of a device, shared by everything in the process that uses the device.</summary>
public sealed class PrimaryContext : CudaContext
{
    private bool _released;

    /// <summary>Retains the primary context. As in ManagedCuda it is not made current: <see cref="CudaContext.SetCurrent"/>.</summary>
    /// <param name="deviceId">Ordinal of the device.</param>
    /// <exception cref="CudaException">No such device, or it is lost.</exception>
    public PrimaryContext(int deviceId)
        : base(deviceId) => Drv.ContextManagement.cuDevicePrimaryCtxRetain(ref _context, _device).Check("cuDevicePrimaryCtxRetain");

    /// <summary>Destroys all state of a device's primary context, a sticky error included.</summary>
    public static void Reset(int deviceId) =>
        Drv.ContextManagement.cuDevicePrimaryCtxReset(GetDevice(deviceId)).Check("cuDevicePrimaryCtxReset_v2");

    /// <summary>Sets the flags used when the context is next created.</summary>
    public static void SetFlags(int deviceId, CUCtxFlags flags) =>
        Drv.ContextManagement.cuDevicePrimaryCtxSetFlags(GetDevice(deviceId), flags).Check("cuDevicePrimaryCtxSetFlags_v2");

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (_released)
            return;
        _released = true;
        _ = Drv.ContextManagement.cuDevicePrimaryCtxRelease(_device);
    }
}
