using Lur.Device;

namespace Lur.Programs;

/// <summary>Matrix products of a program, or at once; sizes and leading dimensions as in <see cref="Gemm"/>.</summary>
public sealed class ProductLaunches
{
    private readonly ComputeDevice _device;
    private readonly Precision _precision;
    private readonly Program? _program;

    internal ProductLaunches(ComputeDevice device, Precision precision, ProductPrecision rounding, Program? program)
    {
        if (precision != Precision.Float32 && rounding != ProductPrecision.Float32)
            throw new ArgumentException($"Factors of {precision} are not rounded to {rounding}.", nameof(rounding));
        (_device, _precision, Rounding, _program) = (device, precision, rounding, program);
    }

    /// <summary>What the factors are rounded to; the convolutions that are made with these launchers round alike.</summary>
    public ProductPrecision Rounding { get; }

    /// <summary>C[m,n] = alpha op(A)[m,k] op(B)[k,n] + beta C.</summary>
    public void Run(
        bool transA,
        bool transB,
        int m,
        int n,
        int k,
        double alpha,
        Operand<Real> a,
        int lda,
        Operand<Real> b,
        int ldb,
        double beta,
        Operand<Real> c,
        int ldc
    )
    {
        if (_program is null)
            Once(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        else
            Record(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    }

    // A method of its own: the closure is made only where something is recorded.
    private void Record(
        bool transA,
        bool transB,
        int m,
        int n,
        int k,
        double alpha,
        Operand<Real> a,
        int lda,
        Operand<Real> b,
        int ldb,
        double beta,
        Operand<Real> c,
        int ldc
    ) =>
        _program!.Record(
            "gemm",
            () => Once(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc),
            [
                Access.Reads(a) with
                {
                    Bytes = Bytes(m, k),
                },
                Access.Reads(b) with
                {
                    Bytes = Bytes(k, n),
                },
                Access.WritesTo(c) with
                {
                    Bytes = Bytes(m, n),
                },
            ],
            new NodeWork(default, beta != 0, new ProductSize(m, n, k, 1), Rounding)
        );

    private void Once(
        bool transA,
        bool transB,
        int m,
        int n,
        int k,
        double alpha,
        Operand<Real> a,
        int lda,
        Operand<Real> b,
        int ldb,
        double beta,
        Operand<Real> c,
        int ldc
    )
    {
        var gemm = _device.Gemm;
        if (Rounding == ProductPrecision.Float32)
            gemm.Run(_precision, transA, transB, m, n, k, alpha, a.Pointer, lda, b.Pointer, ldb, beta, c.Pointer, ldc);
        else
            gemm.RunRounded(Rounding, transA, transB, m, n, k, alpha, a.Pointer, lda, b.Pointer, ldb, beta, c.Pointer, ldc);
    }

    // Of matrices at equal distances; those that lie at one place are one.
    private long Bytes(int rows, int columns, long stride = 1, int batch = 1) =>
        (long)rows * columns * (stride == 0 ? 1 : batch) * _precision.Size();

    /// <summary>Equal products on matrices that lie at equal distances, in elements.</summary>
    public void RunBatched(
        bool transA,
        bool transB,
        int m,
        int n,
        int k,
        double alpha,
        Operand<Real> a,
        int lda,
        Operand<Real> b,
        int ldb,
        double beta,
        Operand<Real> c,
        int ldc,
        long strideA,
        long strideB,
        long strideC,
        int batch
    )
    {
        if (_program is not null)
            RecordBatched(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, strideA, strideB, strideC, batch);
        else
            Batched(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, strideA, strideB, strideC, batch);
    }

    private void RecordBatched(
        bool transA,
        bool transB,
        int m,
        int n,
        int k,
        double alpha,
        Operand<Real> a,
        int lda,
        Operand<Real> b,
        int ldb,
        double beta,
        Operand<Real> c,
        int ldc,
        long strideA,
        long strideB,
        long strideC,
        int batch
    ) =>
        _program!.Record(
            "batched gemm",
            () => Batched(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, strideA, strideB, strideC, batch),
            [
                Access.Reads(a) with
                {
                    Bytes = Bytes(m, k, strideA, batch),
                },
                Access.Reads(b) with
                {
                    Bytes = Bytes(k, n, strideB, batch),
                },
                Access.WritesTo(c) with
                {
                    Bytes = Bytes(m, n, strideC, batch),
                },
            ],
            new NodeWork(default, beta != 0, new ProductSize(m, n, k, batch), Rounding)
        );

    private void Batched(
        bool transA,
        bool transB,
        int m,
        int n,
        int k,
        double alpha,
        Operand<Real> a,
        int lda,
        Operand<Real> b,
        int ldb,
        double beta,
        Operand<Real> c,
        int ldc,
        long strideA,
        long strideB,
        long strideC,
        int batch
    )
    {
        var gemm = _device.Gemm;
        var (pa, pb, pc) = (a.Pointer, b.Pointer, c.Pointer);
        if (Rounding == ProductPrecision.Float32)
            gemm.RunBatched(_precision, transA, transB, m, n, k, alpha, pa, lda, pb, ldb, beta, pc, ldc, strideA, strideB, strideC, batch);
        else
            gemm.RunRounded(Rounding, transA, transB, m, n, k, alpha, pa, lda, pb, ldb, beta, pc, ldc, strideA, strideB, strideC, batch);
    }
}
