// Named as in cublas_api.h; matrices are column-major there.
#pragma warning disable CS1591, CA1045, CA1401, CA5392
using System.Runtime.InteropServices;
using Lur.Cuda.BasicTypes;
using Lur.Cuda.Loading;

namespace Lur.Cuda.CudaBlas;

/// <summary>cuBLAS, one method per native function.</summary>
public static partial class CudaBlasNativeMethods
{
    private const string Library = NativeLibraries.Blas;

    [LibraryImport(Library)]
    public static partial CublasStatus cublasCreate_v2(ref CudaBlasHandle handle);

    [LibraryImport(Library)]
    public static partial CublasStatus cublasDestroy_v2(CudaBlasHandle handle);

    [LibraryImport(Library)]
    public static partial CublasStatus cublasGetVersion_v2(CudaBlasHandle handle, ref int version);

    [LibraryImport(Library)]
    public static partial CublasStatus cublasSetStream_v2(CudaBlasHandle handle, CUstream stream);

    [LibraryImport(Library)]
    public static partial CublasStatus cublasSetWorkspace_v2(CudaBlasHandle handle, CUdeviceptr workspace, SizeT bytes);

    [LibraryImport(Library)]
    public static partial CublasStatus cublasSetMathMode(CudaBlasHandle handle, Math mode);

    [LibraryImport(Library)]
    public static partial CublasStatus cublasSetPointerMode_v2(CudaBlasHandle handle, PointerMode mode);

    [LibraryImport(Library)]
    internal static partial IntPtr cublasGetStatusString(CublasStatus status);

    [LibraryImport(Library)]
    public static partial CublasStatus cublasSgemm_v2(
        CudaBlasHandle handle,
        Operation transa,
        Operation transb,
        int m,
        int n,
        int k,
        ref float alpha,
        CUdeviceptr a,
        int lda,
        CUdeviceptr b,
        int ldb,
        ref float beta,
        CUdeviceptr c,
        int ldc
    );

    [LibraryImport(Library)]
    public static partial CublasStatus cublasDgemm_v2(
        CudaBlasHandle handle,
        Operation transa,
        Operation transb,
        int m,
        int n,
        int k,
        ref double alpha,
        CUdeviceptr a,
        int lda,
        CUdeviceptr b,
        int ldb,
        ref double beta,
        CUdeviceptr c,
        int ldc
    );

    [LibraryImport(Library)]
    public static partial CublasStatus cublasSgemmStridedBatched(
        CudaBlasHandle handle,
        Operation transa,
        Operation transb,
        int m,
        int n,
        int k,
        ref float alpha,
        CUdeviceptr a,
        int lda,
        long strideA,
        CUdeviceptr b,
        int ldb,
        long strideB,
        ref float beta,
        CUdeviceptr c,
        int ldc,
        long strideC,
        int batchCount
    );

    [LibraryImport(Library)]
    public static partial CublasStatus cublasDgemmStridedBatched(
        CudaBlasHandle handle,
        Operation transa,
        Operation transb,
        int m,
        int n,
        int k,
        ref double alpha,
        CUdeviceptr a,
        int lda,
        long strideA,
        CUdeviceptr b,
        int ldb,
        long strideB,
        ref double beta,
        CUdeviceptr c,
        int ldc,
        long strideC,
        int batchCount
    );

    [LibraryImport(Library)]
    public static partial CublasStatus cublasGemmEx(
        CudaBlasHandle handle,
        Operation transa,
        Operation transb,
        int m,
        int n,
        int k,
        IntPtr alpha,
        CUdeviceptr a,
        cudaDataType aType,
        int lda,
        CUdeviceptr b,
        cudaDataType bType,
        int ldb,
        IntPtr beta,
        CUdeviceptr c,
        cudaDataType cType,
        int ldc,
        ComputeType computeType,
        GemmAlgo algo
    );

    [LibraryImport(Library)]
    public static partial CublasStatus cublasGemmStridedBatchedEx(
        CudaBlasHandle handle,
        Operation transa,
        Operation transb,
        int m,
        int n,
        int k,
        IntPtr alpha,
        CUdeviceptr a,
        cudaDataType aType,
        int lda,
        long strideA,
        CUdeviceptr b,
        cudaDataType bType,
        int ldb,
        long strideB,
        IntPtr beta,
        CUdeviceptr c,
        cudaDataType cType,
        int ldc,
        long strideC,
        int batchCount,
        ComputeType computeType,
        GemmAlgo algo
    );
}
