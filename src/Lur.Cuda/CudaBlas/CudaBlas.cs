using System.Runtime.InteropServices;
using Lur.Cuda.BasicTypes;

namespace Lur.Cuda.CudaBlas;

/// <summary>A failed cuBLAS call.</summary>
/// <param name="error">The native code.</param>
/// <param name="message">What failed, in full.</param>
/// <param name="exception">The cause, if another exception was.</param>
public sealed class CudaBlasException(CublasStatus error, string message, Exception? exception) : Exception(message, exception)
{
    /// <summary>A failure described by its native text only.</summary>
    public CudaBlasException(CublasStatus error)
        : this(error, $"cuBLAS failed with {error} ({(int)error}): {Text(error)}", null) { }

    /// <summary>The native code.</summary>
    public CublasStatus CudaBlasError => error;

    private static string Text(CublasStatus error) =>
        Marshal.PtrToStringUTF8(CudaBlasNativeMethods.cublasGetStatusString(error)) ?? "no text";
}

/// <summary>
/// A cuBLAS handle on one stream, freed by <see cref="Dispose"/>; as in ManagedCuda it is no <see cref="IDisposable"/>. Host
/// scalars; matrices are column-major.
/// </summary>
public sealed class CudaBlas
{
    private CudaBlasHandle _handle;

    /// <summary>Creates a handle in the current context.</summary>
    /// <exception cref="CudaBlasException">The library cannot start.</exception>
    public CudaBlas() => Check(CudaBlasNativeMethods.cublasCreate_v2(ref _handle));

    /// <summary>Creates a handle that works on <paramref name="stream"/>.</summary>
    public CudaBlas(CUstream stream)
        : this() => Check(CudaBlasNativeMethods.cublasSetStream_v2(_handle, stream));

    /// <summary>The native handle.</summary>
    public CudaBlasHandle CublasHandle => _handle;

    /// <summary>Version of the library, as its header counts (11.10.3 is 111003).</summary>
    public int GetVersion()
    {
        var version = 0;
        Check(CudaBlasNativeMethods.cublasGetVersion_v2(_handle, ref version));
        return version;
    }

    /// <summary>Gives the library its own scratch memory; setting a stream resets it, so set the stream first.</summary>
    public void SetWorkspace(CudaDeviceVariable<byte> workspace)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        Check(CudaBlasNativeMethods.cublasSetWorkspace_v2(_handle, workspace.DevicePointer, workspace.SizeInBytes));
    }

    /// <summary>C = alpha op(A) op(B) + beta C in float; A is m x k, B k x n, C m x n, column-major.</summary>
    public void Gemm(
        Operation transa,
        Operation transb,
        int m,
        int n,
        int k,
        float alpha,
        CudaDeviceVariable<float> a,
        int lda,
        CudaDeviceVariable<float> b,
        int ldb,
        float beta,
        CudaDeviceVariable<float> c,
        int ldc
    )
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        ArgumentNullException.ThrowIfNull(c);
        Check(
            CudaBlasNativeMethods.cublasSgemm_v2(
                _handle,
                transa,
                transb,
                m,
                n,
                k,
                ref alpha,
                a.DevicePointer,
                lda,
                b.DevicePointer,
                ldb,
                ref beta,
                c.DevicePointer,
                ldc
            )
        );
    }

    /// <summary>C = alpha op(A) op(B) + beta C in double; A is m x k, B k x n, C m x n, column-major.</summary>
    public void Gemm(
        Operation transa,
        Operation transb,
        int m,
        int n,
        int k,
        double alpha,
        CudaDeviceVariable<double> a,
        int lda,
        CudaDeviceVariable<double> b,
        int ldb,
        double beta,
        CudaDeviceVariable<double> c,
        int ldc
    )
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        ArgumentNullException.ThrowIfNull(c);
        Check(
            CudaBlasNativeMethods.cublasDgemm_v2(
                _handle,
                transa,
                transb,
                m,
                n,
                k,
                ref alpha,
                a.DevicePointer,
                lda,
                b.DevicePointer,
                ldb,
                ref beta,
                c.DevicePointer,
                ldc
            )
        );
    }

    /// <summary>Destroys the handle.</summary>
    public void Dispose()
    {
        if (_handle.Pointer == IntPtr.Zero)
            return;
        _ = CudaBlasNativeMethods.cublasDestroy_v2(_handle);
        _handle = default;
    }

    private static void Check(CublasStatus status)
    {
        if (status != CublasStatus.Success)
            throw new CudaBlasException(status);
    }
}
