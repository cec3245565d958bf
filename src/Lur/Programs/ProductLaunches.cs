using Lur.Device;

namespace Lur.Programs;

/// <summary>Matrix products of a program, or at once; sizes and leading dimensions as in <see cref="Gemm"/>.</summary>
public sealed class ProductLaunches
{
    private readonly ComputeDevice _device;
    private readonly Precision _precision;
    private readonly Program? _program;

    internal ProductLaunches(ComputeDevice device, Precision precision, Program? program) =>
        (_device, _precision, _program) = (device, precision, program);

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
        var (gemm, precision) = (_device.Gemm, _precision);
        void Product() => gemm.Run(precision, transA, transB, m, n, k, alpha, a.Pointer, lda, b.Pointer, ldb, beta, c.Pointer, ldc);
        if (_program is null)
            Product();
        else
            _program.Record("gemm", Product, [Access.Reads(a), Access.Reads(b), Access.WritesTo(c)]);
    }
}
