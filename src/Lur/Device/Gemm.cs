using System.Runtime.CompilerServices;

namespace Lur.Device;

/// <summary>
/// Matrix products on row-major matrices: C[m,n] = alpha op(A)[m,k] op(B)[k,n] + beta C. A leading dimension is the
/// distance between rows of the matrix as stored. Full precision: TF32 is off, but for <see cref="RunRounded"/>.
/// </summary>
/// <remarks>cuBLAS is column-major: what it sees is C^T = op(B)^T op(A)^T, so the operands change places and nothing is copied.</remarks>
/// <remarks>Over budget: a product of cuBLAS has nineteen arguments, a line each, in two precisions.</remarks>
public sealed partial class Gemm : IDisposable
{
    private readonly ComputeDevice _device;
    private readonly CUdeviceptr _workspace;
    private readonly long _workspaceBytes;
    private CudaBlasHandle _handle;

    internal Gemm(ComputeDevice device)
    {
        _device = device;
        using var scope = device.Enter();
        Check(Blas.cublasCreate_v2(ref _handle), "cublasCreate_v2");
        Check(Blas.cublasSetStream_v2(_handle, device.Stream), "cublasSetStream_v2");
        // A workspace of its own makes results repeatable under capture and keeps cuBLAS from allocating; NVIDIA
        // recommends 32 MiB from compute capability 9 on and 4 MiB before.
        long bytes = device.Properties.ComputeCapability.Major >= 9 ? 32 << 20 : 4 << 20;
        _workspace = device.TakeMemory(_workspaceBytes = bytes);
        Check(Blas.cublasSetWorkspace_v2(_handle, _workspace, bytes), "cublasSetWorkspace_v2");
        Check(Blas.cublasSetMathMode(_handle, CublasMath.DefaultMath), "cublasSetMathMode");
    }

    /// <summary>The library's version, as its header counts.</summary>
    internal int LibraryVersion
    {
        get
        {
            using var scope = _device.Enter();
            var version = 0;
            Check(Blas.cublasGetVersion_v2(_handle, ref version), "cublasGetVersion_v2");
            return version;
        }
    }

    /// <summary>One product.</summary>
    /// <param name="precision">Element type.</param>
    /// <param name="transA">Whether A is stored transposed, as [k,m].</param>
    /// <param name="transB">Whether B is stored transposed, as [n,k].</param>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">Terms of each sum.</param>
    /// <param name="alpha">Factor of the product.</param>
    /// <param name="a">A.</param>
    /// <param name="lda">Leading dimension of A as stored: at least k, or m when transposed.</param>
    /// <param name="b">B.</param>
    /// <param name="ldb">Leading dimension of B as stored: at least n, or k when transposed.</param>
    /// <param name="beta">Factor of the old C; 0 does not read it.</param>
    /// <param name="c">C.</param>
    /// <param name="ldc">Leading dimension of C: at least n.</param>
    /// <exception cref="CudaBlasException">A size or leading dimension is invalid; the message holds them.</exception>
    public void Run(
        Precision precision,
        bool transA,
        bool transB,
        int m,
        int n,
        int k,
        double alpha,
        DevicePointer<Real> a,
        int lda,
        DevicePointer<Real> b,
        int ldb,
        double beta,
        DevicePointer<Real> c,
        int ldc
    )
    {
        using var scope = _device.Enter();
        CublasStatus status;
        if (precision == Precision.Float32)
        {
            float alpha32 = (float)alpha,
                beta32 = (float)beta;
            status = Blas.cublasSgemm_v2(
                _handle,
                Op(transB),
                Op(transA),
                n,
                m,
                k,
                ref alpha32,
                At(b),
                ldb,
                At(a),
                lda,
                ref beta32,
                At(c),
                ldc
            );
        }
        else
        {
            status = Blas.cublasDgemm_v2(_handle, Op(transB), Op(transA), n, m, k, ref alpha, At(b), ldb, At(a), lda, ref beta, At(c), ldc);
        }
        if (status != CublasStatus.Success)
            Native.Throw(status, "cublas gemm", Describe(precision, transA, transB, m, n, k, lda, ldb, ldc, 1));
        _device.LaunchCount++;
    }

    /// <summary>Equal products on matrices that lie at equal distances. See <see cref="Run"/>.</summary>
    /// <param name="precision">Element type.</param>
    /// <param name="transA">Whether A is stored transposed.</param>
    /// <param name="transB">Whether B is stored transposed.</param>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">Terms of each sum.</param>
    /// <param name="alpha">Factor of the product.</param>
    /// <param name="a">First A.</param>
    /// <param name="lda">Leading dimension of A as stored.</param>
    /// <param name="b">First B.</param>
    /// <param name="ldb">Leading dimension of B as stored.</param>
    /// <param name="beta">Factor of the old C.</param>
    /// <param name="c">First C.</param>
    /// <param name="ldc">Leading dimension of C.</param>
    /// <param name="strideA">Elements from one A to the next; 0 repeats it.</param>
    /// <param name="strideB">Elements from one B to the next; 0 repeats it.</param>
    /// <param name="strideC">Elements from one C to the next.</param>
    /// <param name="batch">Number of products.</param>
    /// <exception cref="CudaBlasException">A size or leading dimension is invalid; the message holds them.</exception>
    public void RunBatched(
        Precision precision,
        bool transA,
        bool transB,
        int m,
        int n,
        int k,
        double alpha,
        DevicePointer<Real> a,
        int lda,
        DevicePointer<Real> b,
        int ldb,
        double beta,
        DevicePointer<Real> c,
        int ldc,
        long strideA,
        long strideB,
        long strideC,
        int batch
    )
    {
        using var scope = _device.Enter();
        CublasStatus status;
        if (precision == Precision.Float32)
        {
            float alpha32 = (float)alpha,
                beta32 = (float)beta;
            status = Blas.cublasSgemmStridedBatched(
                _handle,
                Op(transB),
                Op(transA),
                n,
                m,
                k,
                ref alpha32,
                At(b),
                ldb,
                strideB,
                At(a),
                lda,
                strideA,
                ref beta32,
                At(c),
                ldc,
                strideC,
                batch
            );
        }
        else
        {
            status = Blas.cublasDgemmStridedBatched(
                _handle,
                Op(transB),
                Op(transA),
                n,
                m,
                k,
                ref alpha,
                At(b),
                ldb,
                strideB,
                At(a),
                lda,
                strideA,
                ref beta,
                At(c),
                ldc,
                strideC,
                batch
            );
        }
        if (status != CublasStatus.Success)
            Native.Throw(status, "cublas strided batched gemm", Describe(precision, transA, transB, m, n, k, lda, ldb, ldc, batch));
        _device.LaunchCount++;
    }

    /// <summary>Frees handle and workspace; the device does it.</summary>
    public void Dispose()
    {
        if (_handle.Pointer == IntPtr.Zero)
            return;
        using var scope = _device.EnterIfAlive();
        if (scope.IsOpen)
            _ = Blas.cublasDestroy_v2(_handle);
        _device.ReturnMemory(_workspace, _workspaceBytes, scope.IsOpen);
        _handle = default;
    }

    private static Operation Op(bool transposed) => transposed ? Operation.Transpose : Operation.NonTranspose;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static CUdeviceptr At(DevicePointer<Real> pointer) => ComputeDevice.At(pointer.Address);

    private static string Describe(
        Precision precision,
        bool transA,
        bool transB,
        int m,
        int n,
        int k,
        int lda,
        int ldb,
        int ldc,
        int batch
    ) =>
        $"{precision.TypeName()}, row-major, transA: {transA}, transB: {transB}, m: {m}, n: {n}, k: {k}, "
        + $"lda: {lda}, ldb: {ldb}, ldc: {ldc}, batch: {batch}";

    private static void Check(CublasStatus status, string call)
    {
        if (status != CublasStatus.Success)
            Native.Throw(status, call, null);
    }
}
