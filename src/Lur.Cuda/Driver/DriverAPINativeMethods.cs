// One declaration per driver function, named as in cuda.h and nested as ManagedCuda nests them (its spelling included).
// Lur itself calls only what every driver from CUDA 11.4 to 13.0 exports: see Events for the one trap.
#pragma warning disable CS1591
// Nested static classes and ref parameters are ManagedCuda's public shape.
#pragma warning disable CA1034, CA1045, CA1401, CA5392
using System.Runtime.InteropServices;
using Lur.Cuda.BasicTypes;
using Lur.Cuda.Loading;

namespace Lur.Cuda;

/// <summary>The CUDA driver API, one method per native function. Every method returns the native result code.</summary>
public static partial class DriverAPINativeMethods
{
    private const string Library = NativeLibraries.Driver;

    [LibraryImport(Library)]
    public static partial CUResult cuInit(CUInitializationFlags flags);

    [LibraryImport(Library)]
    public static partial CUResult cuDriverGetVersion(ref int driverVersion);

    /// <summary>Names and texts of result codes.</summary>
    public static partial class ErrorHandling
    {
        [LibraryImport(Library)]
        public static partial CUResult cuGetErrorName(CUResult error, ref IntPtr text);

        [LibraryImport(Library)]
        public static partial CUResult cuGetErrorString(CUResult error, ref IntPtr text);
    }

    /// <summary>Devices and their attributes.</summary>
    public static partial class DeviceManagement
    {
        [LibraryImport(Library)]
        public static partial CUResult cuDeviceGetCount(ref int count);

        [LibraryImport(Library)]
        public static partial CUResult cuDeviceGet(ref CUdevice device, int ordinal);

        [LibraryImport(Library)]
        public static partial CUResult cuDeviceGetName([Out] byte[] name, int length, CUdevice device);

        [LibraryImport(Library)]
        public static partial CUResult cuDeviceTotalMem_v2(ref SizeT bytes, CUdevice device);

        [LibraryImport(Library)]
        public static partial CUResult cuDeviceGetAttribute(ref int value, CUDeviceAttribute attribute, CUdevice device);

        [LibraryImport(Library)]
        public static partial CUResult cuDeviceGetDefaultMemPool(ref CUmemoryPool pool, CUdevice device);
    }

    /// <summary>
    /// Contexts. Lur itself uses primary contexts: what CUDA 13 calls cuCtxCreate takes other arguments, the name bound
    /// here is still exported.
    /// </summary>
    public static partial class ContextManagement
    {
        [LibraryImport(Library)]
        public static partial CUResult cuDevicePrimaryCtxRetain(ref CUcontext context, CUdevice device);

        [LibraryImport(Library, EntryPoint = "cuDevicePrimaryCtxRelease_v2")]
        public static partial CUResult cuDevicePrimaryCtxRelease(CUdevice device);

        [LibraryImport(Library, EntryPoint = "cuDevicePrimaryCtxReset_v2")]
        public static partial CUResult cuDevicePrimaryCtxReset(CUdevice device);

        [LibraryImport(Library, EntryPoint = "cuDevicePrimaryCtxSetFlags_v2")]
        public static partial CUResult cuDevicePrimaryCtxSetFlags(CUdevice device, CUCtxFlags flags);

        [LibraryImport(Library)]
        public static partial CUResult cuCtxSetCurrent(CUcontext context);

        [LibraryImport(Library)]
        public static partial CUResult cuCtxGetCurrent(ref CUcontext context);

        [LibraryImport(Library)]
        public static partial CUResult cuCtxPushCurrent_v2(CUcontext context);

        [LibraryImport(Library)]
        public static partial CUResult cuCtxPopCurrent_v2(ref CUcontext context);

        [LibraryImport(Library)]
        public static partial CUResult cuCtxCreate_v2(ref CUcontext context, CUCtxFlags flags, CUdevice device);

        [LibraryImport(Library)]
        public static partial CUResult cuCtxDestroy_v2(CUcontext context);

        [LibraryImport(Library)]
        public static partial CUResult cuCtxGetDevice(ref CUdevice device);

        [LibraryImport(Library)]
        public static partial CUResult cuCtxSynchronize();
    }

    /// <summary>Modules.</summary>
    public static partial class ModuleManagement
    {
        [LibraryImport(Library)]
        public static partial CUResult cuModuleLoadData(ref CUmodule module, [In] byte[] image);

        [LibraryImport(Library)]
        public static partial CUResult cuModuleUnload(CUmodule module);

        [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
        public static partial CUResult cuModuleGetFunction(ref CUfunction function, CUmodule module, string name);
    }

    /// <summary>Attributes of kernels.</summary>
    public static partial class FunctionManagement
    {
        [LibraryImport(Library)]
        public static partial CUResult cuFuncGetAttribute(ref int value, CUFunctionAttribute attribute, CUfunction function);

        [LibraryImport(Library)]
        public static partial CUResult cuFuncSetAttribute(CUfunction function, CUFunctionAttribute attribute, int value);
    }

    /// <summary>Occupancy of kernels.</summary>
    public static partial class Occupancy
    {
        [LibraryImport(Library)]
        public static partial CUResult cuOccupancyMaxActiveBlocksPerMultiprocessor(
            ref int blocks,
            CUfunction function,
            int blockSize,
            SizeT dynamicSharedBytes
        );
    }

    /// <summary>Launching kernels.</summary>
    public static partial class Launch
    {
        /// <summary>Launches a kernel; each element of <paramref name="kernelParams"/> is the address of one argument.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuLaunchKernel(
            CUfunction function,
            uint gridDimX,
            uint gridDimY,
            uint gridDimZ,
            uint blockDimX,
            uint blockDimY,
            uint blockDimZ,
            uint sharedMemBytes,
            CUstream stream,
            IntPtr[]? kernelParams,
            IntPtr[]? extra
        );

        /// <summary>As the other overload, with the array of addresses in unmanaged or stack memory.</summary>
        [LibraryImport(Library)]
        public static unsafe partial CUResult cuLaunchKernel(
            CUfunction function,
            uint gridDimX,
            uint gridDimY,
            uint gridDimZ,
            uint blockDimX,
            uint blockDimY,
            uint blockDimZ,
            uint sharedMemBytes,
            CUstream stream,
            void** kernelParams,
            void** extra
        );
    }

    /// <summary>Streams and capture.</summary>
    public static partial class Streams
    {
        [LibraryImport(Library)]
        public static partial CUResult cuStreamCreate(ref CUstream stream, CUStreamFlags flags);

        [LibraryImport(Library)]
        public static partial CUResult cuStreamDestroy_v2(CUstream stream);

        [LibraryImport(Library)]
        public static partial CUResult cuStreamSynchronize(CUstream stream);

        [LibraryImport(Library)]
        public static partial CUResult cuStreamQuery(CUstream stream);

        [LibraryImport(Library)]
        public static partial CUResult cuStreamWaitEvent(CUstream stream, CUevent hEvent, uint flags);

        [LibraryImport(Library, EntryPoint = "cuStreamBeginCapture_v2")]
        public static partial CUResult cuStreamBeginCapture(CUstream stream, CUstreamCaptureMode mode);

        [LibraryImport(Library)]
        public static partial CUResult cuStreamEndCapture(CUstream stream, ref CUgraph graph);

        [LibraryImport(Library)]
        public static partial CUResult cuStreamIsCapturing(CUstream stream, ref CUstreamCaptureStatus status);
    }

    /// <summary>Events. cuEventElapsedTime_v2 needs a 570 driver (CUDA 12.8); the plain name is exported by all.</summary>
    public static partial class Events
    {
        [LibraryImport(Library)]
        public static partial CUResult cuEventCreate(ref CUevent hEvent, CUEventFlags flags);

        [LibraryImport(Library)]
        public static partial CUResult cuEventDestroy_v2(CUevent hEvent);

        [LibraryImport(Library)]
        public static partial CUResult cuEventRecord(CUevent hEvent, CUstream stream);

        [LibraryImport(Library)]
        public static partial CUResult cuEventSynchronize(CUevent hEvent);

        [LibraryImport(Library)]
        public static partial CUResult cuEventQuery(CUevent hEvent);

        [LibraryImport(Library)]
        public static partial CUResult cuEventElapsedTime(ref float milliseconds, CUevent start, CUevent end);

        [LibraryImport(Library)]
        public static partial CUResult cuEventElapsedTime_v2(ref float milliseconds, CUevent start, CUevent end);
    }

    /// <summary>Graphs.</summary>
    public static partial class GraphManagment
    {
        /// <summary>WithFlags has one signature from 11.4 to 13.0; cuGraphInstantiate_v2 is gone in 12.</summary>
        [LibraryImport(Library, EntryPoint = "cuGraphInstantiateWithFlags")]
        public static partial CUResult cuGraphInstantiate(ref CUgraphExec exec, CUgraph graph, CUgraphInstantiate_flags flags);

        [LibraryImport(Library)]
        public static partial CUResult cuGraphLaunch(CUgraphExec exec, CUstream stream);

        [LibraryImport(Library)]
        public static partial CUResult cuGraphExecDestroy(CUgraphExec exec);

        [LibraryImport(Library)]
        public static partial CUResult cuGraphDestroy(CUgraph graph);
    }
}
