namespace Lur.Device;

public sealed partial class Gemm
{
    /// <summary>Equal products of float32 matrices whose factors are rounded first; sums are float32. See <see cref="RunBatched"/>.
    /// </summary>
    /// <remarks>cuBLAS rounds as it loads (CUBLAS_COMPUTE_32F_FAST_TF32 and _FAST_16BF), so that no copy of a factor is made.</remarks>
    /// <param name="rounding">What the factors are rounded to.</param>
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
    public unsafe void RunRounded(
        ProductPrecision rounding,
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
        long strideA = 0,
        long strideB = 0,
        long strideC = 0,
        int batch = 1
    )
    {
        using var scope = _device.Enter();
        float alpha32 = (float)alpha,
            beta32 = (float)beta;
        var compute = rounding switch
        {
            ProductPrecision.Tf32 => ComputeType.Compute32FFastTF32,
            ProductPrecision.Bf16 => ComputeType.Compute32FFast16BF,
            _ => ComputeType.Compute32F,
        };
        var status = Blas.cublasGemmStridedBatchedEx(
            _handle,
            Op(transB),
            Op(transA),
            n,
            m,
            k,
            (IntPtr)(&alpha32),
            At(b),
            cudaDataType.CUDA_R_32F,
            ldb,
            strideB,
            At(a),
            cudaDataType.CUDA_R_32F,
            lda,
            strideA,
            (IntPtr)(&beta32),
            At(c),
            cudaDataType.CUDA_R_32F,
            ldc,
            strideC,
            batch,
            compute,
            GemmAlgo.Default
        );
        if (status != CublasStatus.Success)
            Native.Throw(status, $"cublas {rounding} gemm", Describe(Precision.Float32, transA, transB, m, n, k, lda, ldb, ldc, batch));
        _device.LaunchCount++;
    }
}
