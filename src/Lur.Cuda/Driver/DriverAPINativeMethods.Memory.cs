// See DriverAPINativeMethods.cs.
#pragma warning disable CS1591, CA1034, CA1045, CA1401, CA5392
using System.Runtime.InteropServices;
using Lur.Cuda.BasicTypes;

namespace Lur.Cuda;

public static partial class DriverAPINativeMethods
{
    /// <summary>Device and page-locked host memory, memory pools.</summary>
    public static partial class MemoryManagement
    {
        [LibraryImport(Library)]
        public static partial CUResult cuMemGetInfo_v2(ref SizeT free, ref SizeT total);

        [LibraryImport(Library)]
        public static partial CUResult cuMemAlloc_v2(ref CUdeviceptr pointer, SizeT bytes);

        [LibraryImport(Library)]
        public static partial CUResult cuMemFree_v2(CUdeviceptr pointer);

        [LibraryImport(Library)]
        public static partial CUResult cuMemHostAlloc(ref IntPtr pointer, SizeT bytes, CUMemHostAllocFlags flags);

        [LibraryImport(Library)]
        public static partial CUResult cuMemFreeHost(IntPtr pointer);

        [LibraryImport(Library, EntryPoint = "cuMemHostRegister_v2")]
        public static partial CUResult cuMemHostRegister(IntPtr pointer, SizeT bytes, CUMemHostRegisterFlags flags);

        [LibraryImport(Library)]
        public static partial CUResult cuMemHostUnregister(IntPtr pointer);

        [LibraryImport(Library)]
        public static partial CUResult cuMemAllocAsync(ref CUdeviceptr pointer, SizeT bytes, CUstream stream);

        [LibraryImport(Library)]
        public static partial CUResult cuMemFreeAsync(CUdeviceptr pointer, CUstream stream);

        [LibraryImport(Library)]
        public static partial CUResult cuMemPoolSetAttribute(CUmemoryPool pool, CUmemPool_attribute attribute, ref ulong value);

        [LibraryImport(Library)]
        public static partial CUResult cuMemPoolGetAttribute(CUmemoryPool pool, CUmemPool_attribute attribute, ref ulong value);

        [LibraryImport(Library)]
        public static partial CUResult cuMemPoolTrimTo(CUmemoryPool pool, SizeT minBytesToKeep);
    }

    /// <summary>Copies that return when the data has arrived.</summary>
    public static partial class SynchronousMemcpy_v2
    {
        [LibraryImport(Library)]
        public static partial CUResult cuMemcpyHtoD_v2(CUdeviceptr destination, IntPtr source, SizeT bytes);

        [LibraryImport(Library)]
        public static partial CUResult cuMemcpyDtoH_v2(IntPtr destination, CUdeviceptr source, SizeT bytes);

        [LibraryImport(Library)]
        public static partial CUResult cuMemcpyDtoD_v2(CUdeviceptr destination, CUdeviceptr source, SizeT bytes);
    }

    /// <summary>Copies in stream order.</summary>
    public static partial class AsynchronousMemcpy_v2
    {
        [LibraryImport(Library)]
        public static partial CUResult cuMemcpyHtoDAsync_v2(CUdeviceptr destination, IntPtr source, SizeT bytes, CUstream stream);

        [LibraryImport(Library)]
        public static partial CUResult cuMemcpyDtoHAsync_v2(IntPtr destination, CUdeviceptr source, SizeT bytes, CUstream stream);

        [LibraryImport(Library)]
        public static partial CUResult cuMemcpyDtoDAsync_v2(CUdeviceptr destination, CUdeviceptr source, SizeT bytes, CUstream stream);
    }

    /// <summary>Filling memory.</summary>
    public static partial class Memset
    {
        [LibraryImport(Library)]
        public static partial CUResult cuMemsetD8_v2(CUdeviceptr destination, byte value, SizeT count);

        [LibraryImport(Library)]
        public static partial CUResult cuMemsetD32_v2(CUdeviceptr destination, uint value, SizeT count);
    }

    /// <summary>Filling memory in stream order.</summary>
    public static partial class MemsetAsync
    {
        [LibraryImport(Library)]
        public static partial CUResult cuMemsetD8Async(CUdeviceptr destination, byte value, SizeT count, CUstream stream);

        [LibraryImport(Library)]
        public static partial CUResult cuMemsetD32Async(CUdeviceptr destination, uint value, SizeT count, CUstream stream);
    }
}
