using ManagedCuda.BasicTypes;

namespace ManagedCuda.CudaBlas;

public struct CudaBlasHandle
{
    public IntPtr Pointer;
}

public enum CublasStatus
{
    Success = 0,
}

public enum Operation
{
    NonTranspose = 0,
    Transpose = 1,
}

public enum Math
{
    DefaultMath = 0,
}

public enum ComputeType
{
    Compute32F = 68,
    Compute32FFast16BF = 75,
    Compute32FFastTF32 = 77,
}

public enum GemmAlgo
{
    Default = -1,
}

public class CudaBlasException : Exception
{
    public CudaBlasException(CublasStatus error) => throw null!;

    public CudaBlasException(string message) => throw null!;

    public CudaBlasException(CublasStatus error, string message, Exception exception) => throw null!;

    public CublasStatus CudaBlasError => throw null!;
}

public static class CudaBlasNativeMethods
{
    public static CublasStatus cublasCreate_v2(ref CudaBlasHandle handle) => throw null!;

    public static CublasStatus cublasDestroy_v2(CudaBlasHandle handle) => throw null!;

    public static CublasStatus cublasGetVersion_v2(CudaBlasHandle handle, ref int version) => throw null!;

    public static CublasStatus cublasSetStream_v2(CudaBlasHandle handle, CUstream streamId) => throw null!;

    public static CublasStatus cublasSetWorkspace_v2(CudaBlasHandle handle, CUdeviceptr workspace, SizeT workspaceSizeInBytes) =>
        throw null!;

    public static CublasStatus cublasGemmStridedBatchedEx(
        CudaBlasHandle handle,
        Operation transa,
        Operation transb,
        int m,
        int n,
        int k,
        IntPtr alpha,
        CUdeviceptr A,
        cudaDataType Atype,
        int lda,
        long strideA,
        CUdeviceptr B,
        cudaDataType Btype,
        int ldb,
        long strideB,
        IntPtr beta,
        CUdeviceptr C,
        cudaDataType Ctype,
        int ldc,
        long strideC,
        int batchCount,
        ComputeType computeType,
        GemmAlgo algo
    ) => throw null!;

    public static CublasStatus cublasSetMathMode(CudaBlasHandle handle, Math mode) => throw null!;

    public static CublasStatus cublasSgemm_v2(
        CudaBlasHandle handle,
        Operation transa,
        Operation transb,
        int m,
        int n,
        int k,
        ref float alpha,
        CUdeviceptr A,
        int lda,
        CUdeviceptr B,
        int ldb,
        ref float beta,
        CUdeviceptr C,
        int ldc
    ) => throw null!;

    public static CublasStatus cublasSgemmStridedBatched(
        CudaBlasHandle handle,
        Operation transa,
        Operation transb,
        int m,
        int n,
        int k,
        ref float alpha,
        CUdeviceptr A,
        int lda,
        long strideA,
        CUdeviceptr B,
        int ldb,
        long strideB,
        ref float beta,
        CUdeviceptr C,
        int ldc,
        long strideC,
        int batchCount
    ) => throw null!;

    public static CublasStatus cublasSgemm_v2(
        CudaBlasHandle handle,
        Operation transa,
        Operation transb,
        int m,
        int n,
        int k,
        CUdeviceptr alpha,
        CUdeviceptr A,
        int lda,
        CUdeviceptr B,
        int ldb,
        CUdeviceptr beta,
        CUdeviceptr C,
        int ldc
    ) => throw null!;

    public static CublasStatus cublasSgemmStridedBatched(
        CudaBlasHandle handle,
        Operation transa,
        Operation transb,
        int m,
        int n,
        int k,
        CUdeviceptr alpha,
        CUdeviceptr A,
        int lda,
        long strideA,
        CUdeviceptr B,
        int ldb,
        long strideB,
        CUdeviceptr beta,
        CUdeviceptr C,
        int ldc,
        long strideC,
        int batchCount
    ) => throw null!;

    public static CublasStatus cublasDgemm_v2(
        CudaBlasHandle handle,
        Operation transa,
        Operation transb,
        int m,
        int n,
        int k,
        ref double alpha,
        CUdeviceptr A,
        int lda,
        CUdeviceptr B,
        int ldb,
        ref double beta,
        CUdeviceptr C,
        int ldc
    ) => throw null!;

    public static CublasStatus cublasDgemmStridedBatched(
        CudaBlasHandle handle,
        Operation transa,
        Operation transb,
        int m,
        int n,
        int k,
        ref double alpha,
        CUdeviceptr A,
        int lda,
        long strideA,
        CUdeviceptr B,
        int ldb,
        long strideB,
        ref double beta,
        CUdeviceptr C,
        int ldc,
        long strideC,
        int batchCount
    ) => throw null!;

    public static CublasStatus cublasDgemm_v2(
        CudaBlasHandle handle,
        Operation transa,
        Operation transb,
        int m,
        int n,
        int k,
        CUdeviceptr alpha,
        CUdeviceptr A,
        int lda,
        CUdeviceptr B,
        int ldb,
        CUdeviceptr beta,
        CUdeviceptr C,
        int ldc
    ) => throw null!;

    public static CublasStatus cublasDgemmStridedBatched(
        CudaBlasHandle handle,
        Operation transa,
        Operation transb,
        int m,
        int n,
        int k,
        CUdeviceptr alpha,
        CUdeviceptr A,
        int lda,
        long strideA,
        CUdeviceptr B,
        int ldb,
        long strideB,
        CUdeviceptr beta,
        CUdeviceptr C,
        int ldc,
        long strideC,
        int batchCount
    ) => throw null!;
}
