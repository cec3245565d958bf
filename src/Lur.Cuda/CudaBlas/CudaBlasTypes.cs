// Values are those of cublas_api.h and library_types.h.
#pragma warning disable CS1591, CA1008, CA1051, CA1069, CA1707, CA1712, CA1815, CA2217, IDE1006, CA1717
namespace Lur.Cuda.CudaBlas;

/// <summary>Result codes of cuBLAS.</summary>
public enum CublasStatus
{
    Success = 0,
    NotInitialized = 1,
    AllocFailed = 3,
    InvalidValue = 7,
    ArchMismatch = 8,
    MappingError = 11,
    ExecutionFailed = 13,
    InternalError = 14,
    NotSupported = 15,
    LicenseError = 16,
}

/// <summary>What op() does to a matrix.</summary>
public enum Operation
{
    NonTranspose = 0,
    Transpose = 1,
    ConjugateTranspose = 2,
}

/// <summary>Where alpha and beta live.</summary>
public enum PointerMode
{
    Host = 0,
    Device = 1,
}

/// <summary>Whether atomics may be used.</summary>
public enum AtomicsMode
{
    NotAllowed = 0,
    Allowed = 1,
}

/// <summary>Which reduced precisions may be used.</summary>
public enum Math
{
    DefaultMath = 0,
    TensorOpMath = 1,
    PedanticMath = 2,
    TF32TensorOpMath = 3,
    DisallowReducedPrecisionReduction = 16,
}

/// <summary>Arithmetic of a GEMM.</summary>
public enum ComputeType
{
    Compute16F = 64,
    Compute32F = 68,
    Compute32FPedantic = 69,
    Compute64F = 70,
    Compute32I = 72,
    Compute32FFast16F = 74,
    Compute32FFast16BF = 75,
    Compute32FFastTF32 = 77,
}

/// <summary>Algorithm choice of a GEMM; cuBLAS ignores it on recent devices.</summary>
public enum GemmAlgo
{
    Default = -1,
    DefaultTensorOp = 99,
}

/// <summary>A cuBLAS handle.</summary>
public struct CudaBlasHandle
{
    public IntPtr Pointer;
}
