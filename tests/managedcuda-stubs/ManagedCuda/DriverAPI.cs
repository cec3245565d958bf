using ManagedCuda.BasicTypes;

namespace ManagedCuda;

public static class DriverAPINativeMethods
{
    public static class DeviceManagement
    {
        public static CUResult cuDeviceTotalMem_v2(ref SizeT bytes, CUdevice dev) => throw null!;

        public static CUResult cuDeviceGetAttribute(ref int pi, CUDeviceAttribute attrib, CUdevice dev) => throw null!;
    }

    public static class ContextManagement
    {
        public static CUResult cuCtxCreate_v2(ref CUcontext pctx, CUCtxFlags flags, CUdevice dev) => throw null!;

        public static CUResult cuCtxDestroy_v2(CUcontext ctx) => throw null!;

        public static CUResult cuCtxPushCurrent_v2(CUcontext ctx) => throw null!;

        public static CUResult cuCtxPopCurrent_v2(ref CUcontext pctx) => throw null!;

        public static CUResult cuCtxGetCurrent(ref CUcontext pctx) => throw null!;

        public static CUResult cuCtxGetDevice(ref CUdevice device) => throw null!;
    }

    public static class ErrorHandling
    {
        public static CUResult cuGetErrorName(CUResult error, ref IntPtr pStr) => throw null!;

        public static CUResult cuGetErrorString(CUResult error, ref IntPtr pStr) => throw null!;
    }

    public static class ModuleManagement
    {
        public static CUResult cuModuleLoadData(ref CUmodule module, byte[] image) => throw null!;

        public static CUResult cuModuleUnload(CUmodule hmod) => throw null!;

        public static CUResult cuModuleGetFunction(ref CUfunction hfunc, CUmodule hmod, string name) => throw null!;
    }

    public static class FunctionManagement
    {
        public static CUResult cuFuncGetAttribute(ref int pi, CUFunctionAttribute attrib, CUfunction hfunc) => throw null!;
    }

    public static class Launch
    {
        public static CUResult cuLaunchKernel(
            CUfunction f,
            uint gridDimX,
            uint gridDimY,
            uint gridDimZ,
            uint blockDimX,
            uint blockDimY,
            uint blockDimZ,
            uint sharedMemBytes,
            CUstream hStream,
            IntPtr[] kernelParams,
            IntPtr[] extra
        ) => throw null!;
    }

    public static class Streams
    {
        public static CUResult cuStreamSynchronize(CUstream hStream) => throw null!;

        public static CUResult cuStreamWaitEvent(CUstream hStream, CUevent hEvent, uint Flags) => throw null!;

        public static CUResult cuStreamBeginCapture(CUstream hStream, CUstreamCaptureMode mode) => throw null!;

        public static CUResult cuStreamEndCapture(CUstream hStream, ref CUgraph phGraph) => throw null!;

        public static CUResult cuStreamIsCapturing(CUstream hStream, ref CUstreamCaptureStatus captureStatus) => throw null!;
    }

    public static class Events
    {
        public static CUResult cuEventRecord(CUevent hEvent, CUstream hStream) => throw null!;

        public static CUResult cuEventQuery(CUevent hEvent) => throw null!;

        public static CUResult cuEventSynchronize(CUevent hEvent) => throw null!;

        public static CUResult cuEventElapsedTime(ref float pMilliseconds, CUevent hStart, CUevent hEnd) => throw null!;
    }

    public static class GraphManagment
    {
        public static CUResult cuGraphInstantiate(ref CUgraphExec phGraphExec, CUgraph hGraph, CUgraphInstantiate_flags flags) =>
            throw null!;

        public static CUResult cuGraphLaunch(CUgraphExec hGraphExec, CUstream hStream) => throw null!;

        public static CUResult cuGraphExecDestroy(CUgraphExec hGraphExec) => throw null!;

        public static CUResult cuGraphDestroy(CUgraph hGraph) => throw null!;
    }

    public static class MemoryManagement
    {
        public static CUResult cuMemGetInfo_v2(ref SizeT free, ref SizeT total) => throw null!;

        public static CUResult cuMemAlloc_v2(ref CUdeviceptr dptr, SizeT bytesize) => throw null!;

        public static CUResult cuMemFree_v2(CUdeviceptr dptr) => throw null!;

        public static CUResult cuMemHostAlloc(ref IntPtr pp, SizeT bytesize, CUMemHostAllocFlags Flags) => throw null!;

        public static CUResult cuMemFreeHost(IntPtr p) => throw null!;
    }

    public static class AsynchronousMemcpy_v2
    {
        public static CUResult cuMemcpyHtoDAsync_v2(CUdeviceptr dstDevice, IntPtr srcHost, SizeT ByteCount, CUstream hStream) =>
            throw null!;

        public static CUResult cuMemcpyDtoHAsync_v2(IntPtr dstHost, CUdeviceptr srcDevice, SizeT ByteCount, CUstream hStream) =>
            throw null!;

        public static CUResult cuMemcpyDtoDAsync_v2(CUdeviceptr dstDevice, CUdeviceptr srcDevice, SizeT ByteCount, CUstream hStream) =>
            throw null!;
    }

    public static class MemsetAsync
    {
        public static CUResult cuMemsetD8Async(CUdeviceptr dstDevice, byte b, SizeT N, CUstream hStream) => throw null!;
    }
}
